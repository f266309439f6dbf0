/**
 * Events as lines of the replay log and back. No tensor is written: a received message is named by (sender, incarnation,
 * sequence), because whoever replays all peers has it; trained params are computed again; a start's params are the initial
 * ones or those of the checkpoint of its round.
 */
import type { MessageName, PeerEvent } from './machine.ts';

export type LoggedEvent =
  | { readonly kind: 'start'; readonly incarnation: number; readonly round: number }
  | { readonly kind: 'trained'; readonly token: number }
  | ({ readonly kind: 'received' } & MessageName)
  | Extract<
      PeerEvent,
      { kind: 'sendFailed' | 'linkUp' | 'linkDown' | 'timer' | 'measured' | 'goal' | 'stop' }
    >;

export interface LogLine {
  readonly nowMs: number;
  readonly event: LoggedEvent;
}

export function logged(event: PeerEvent): LoggedEvent {
  switch (event.kind) {
    case 'start':
      return { kind: 'start', incarnation: event.incarnation, round: event.round };
    case 'trained':
      return { kind: 'trained', token: event.token };
    case 'received':
      return { kind: 'received', ...event.name };
    default:
      return event; // the rest is logged as it is
  }
}

/** The key of a message in a table of all messages of a run. */
export function messageKey({ from, incarnation, sequence }: MessageName): string {
  return `${from}/${incarnation}/${sequence}`;
}

/** An event as a log holds it; undefined where it is none. Reads what `logged` wrote, and trusts nothing. */
export function parseLogged(value: unknown): LoggedEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const event = value as Record<string, unknown>;
  return typeof event.kind === 'string' && Object.hasOwn(fields, event.kind) && hasFields(event)
    ? (event as LoggedEvent)
    : undefined;
}

/** Whole numbers and texts that each kind has. */
const fields: Readonly<Record<LoggedEvent['kind'], readonly [readonly string[], readonly string[]]>> = {
  start: [['incarnation', 'round'], []],
  trained: [['token'], []],
  received: [['from', 'incarnation', 'sequence'], []],
  sendFailed: [['to', 'sequence'], ['reason']],
  linkUp: [['peer', 'incarnation', 'round'], []],
  linkDown: [['peer'], ['reason']],
  timer: [[], ['name']],
  measured: [[], []],
  goal: [[], ['goal']],
  stop: [[], ['reason']],
};

function hasFields(event: Record<string, unknown>): boolean {
  const [numbers, texts] = fields[event.kind as LoggedEvent['kind']];
  const isCount = (name: string) => Number.isSafeInteger(event[name]) && (event[name] as number) >= 0;
  if (event.kind === 'measured' && !isMeasured(event.values)) return false;
  return numbers.every(isCount) && texts.every((name) => typeof event[name] === 'string');
}

function isMeasured(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => value === null || Number.isFinite(value));
}
