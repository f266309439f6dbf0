/**
 * Runs recorded peers again: from configs, Trainers and event logs alone to the same params. Each peer's log fixes the order of
 * its own events; an event that needs another peer's message waits until that peer has sent it again. The peers go on side by side,
 * each as far through its log as the others through theirs, and a message is kept until all who received it have taken it: what is
 * in memory is what was under way.
 */
import { AssertionError } from '../base/assert.ts';
import { OperatingError } from '../base/errors.ts';
import type { Vector } from '../params/layout.ts';
import type { LoggedEvent, LogLine } from '../peer/log.ts';
import type { PeerAction, PeerConfig, PeerEvent } from '../peer/machine.ts';
import { createPeer, type PeerState } from '../peer/state.ts';
import { step } from '../peer/step.ts';
import type { Trainer, TrainResult } from '../train/trainer.ts';
import { MessageTable } from './message-table.ts';
import { Snapshots } from './snapshots.ts';

export interface RecordedLine extends LogLine {
  /** Where it stands, such as `peers/oslo/events.jsonl line 7`. */
  readonly place?: string;
}

export interface RecordedPeer {
  readonly config: PeerConfig;
  readonly trainer: Trainer;
  /** Read twice: to see what is needed later, and to run. */
  readonly log: Iterable<RecordedLine>;
}

export interface ReplayedPeer {
  readonly round: number;
  /** Params at the start of `round`, which are the last ones of a finished peer. */
  readonly params: Vector;
  /** Events at the end of a life before a restart that no log leads to: a crash took the lines that others wrote. */
  readonly skipped: number;
}

export interface ReplayOptions {
  /** Now and then; a promise is awaited. */
  readonly onProgress?: (linesDone: number, lines: number) => Promise<void> | undefined;
}

/** Local updates under way; `result` once they are done. */
interface Training {
  readonly promise: Promise<unknown>;
  result: TrainResult | undefined;
}

interface Replayed {
  readonly peer: number;
  state: PeerState;
  readonly recorded: RecordedPeer;
  readonly lines: Iterator<RecordedLine>;
  /** The next line; undefined at the end. */
  next: RecordedLine | undefined;
  /** Lines replayed so far, of how many; and how many of them were passed over. */
  done: number;
  skipped: number;
  readonly total: number;
  readonly trainings: Map<number, Training>;
  /** The training whose result the next line takes, while that is not there. */
  awaited: Training | undefined;
  readonly snapshots: Snapshots;
  /** Where the peer starts again, by line, and from which round: the only checkpoints kept. */
  readonly starts: readonly { readonly index: number; readonly round: number }[];
}

/** Each peer goes so much of its log before the others have their turn. */
const TURNS = 1000;

/**
 * Results in the order of `peers`. Rejects with code `replay-stuck` when the logs do not fit each other, `replay-contradiction` when
 * an event cannot have happened to this peer.
 */
export async function replay(
  peers: readonly RecordedPeer[],
  { onProgress }: ReplayOptions = {},
): Promise<readonly ReplayedPeer[]> {
  const messages = new MessageTable();
  const replayed = peers.map((recorded, peer) => opened(recorded, peer, messages));
  const lines = replayed.reduce((sum, { total }) => sum + total, 0);
  for (let turn = 1; ; turn++) {
    const progress = await takeTurn(replayed, Math.min(turn, TURNS) / TURNS, messages);
    const done = replayed.reduce((sum, one) => sum + one.done, 0);
    const pause = onProgress?.(done, lines);
    if (pause !== undefined) await pause;
    if (turn >= TURNS && !progress && !skipLostEnd(replayed)) break;
  }
  requireComplete(replayed);
  return replayed.map(({ state: { round, params }, skipped }) => ({ round, params, skipped }));
}

/** Each peer as far as `share` of its log, and as the others let it; whether any went on. What they train meanwhile is done together. */
async function takeTurn(
  replayed: readonly Replayed[],
  share: number,
  messages: MessageTable,
): Promise<boolean> {
  let progress = false;
  for (;;) {
    const awaited: Promise<unknown>[] = [];
    for (const one of replayed) {
      const limit = Math.ceil(one.total * share);
      while (one.done < limit && (await replayNext(one, messages))) progress = true;
      if (one.awaited !== undefined) awaited.push(one.awaited.promise);
      one.awaited = undefined;
    }
    if (awaited.length === 0) return progress;
    await Promise.all(awaited);
  }
}

/** Reads the log once: what it takes from others, where it starts again, how long it is. */
function opened(recorded: RecordedPeer, peer: number, messages: MessageTable): Replayed {
  const starts: { index: number; round: number }[] = [];
  let total = 0;
  for (const { event } of recorded.log) {
    total += 1;
    if (event.kind === 'received') messages.want(event);
    if (event.kind === 'start') starts.push({ index: total - 1, round: event.round });
  }
  const lines = recorded.log[Symbol.iterator]();
  return {
    peer,
    state: createPeer(recorded.config),
    recorded,
    lines,
    next: nextOf(lines),
    done: 0,
    skipped: 0,
    total,
    trainings: new Map(),
    awaited: undefined,
    snapshots: new Snapshots(recorded.trainer),
    starts,
  };
}

function nextOf(lines: Iterator<RecordedLine>): RecordedLine | undefined {
  const next = lines.next();
  return next.done === true ? undefined : next.value;
}

/** Replays one line; false when there is none, or when it needs a message or a training that is not there yet. */
async function replayNext(one: Replayed, messages: MessageTable): Promise<boolean> {
  const line = one.next;
  if (line === undefined) return false;
  const event = await eventOf(one, line, messages);
  if (event === undefined) return false;
  if (event.kind === 'start') {
    one.state = createPeer(one.recorded.config);
    one.trainings.clear();
    one.snapshots.restart();
  }
  one.done += 1;
  one.next = nextOf(one.lines);
  try {
    for (const action of step(one.state, event, line.nowMs)) perform(one, action, messages);
  } catch (error) {
    if (error instanceof AssertionError) throw contradiction(one, line, error.message);
    throw error;
  }
  return true;
}

async function eventOf(
  one: Replayed,
  line: RecordedLine,
  messages: MessageTable,
): Promise<PeerEvent | undefined> {
  const { event } = line;
  switch (event.kind) {
    case 'start':
      return startOf(one, line, event);
    case 'trained': {
      const { token } = event;
      const training = one.trainings.get(token);
      if (training === undefined) throw contradiction(one, line, `training ${token} was never asked for`);
      if (training.result === undefined) {
        one.awaited = training;
        return undefined;
      }
      one.trainings.delete(token);
      const { params, loss, gradientSquaredNorm } = training.result;
      return { kind: 'trained', token, params, loss, gradientSquaredNorm };
    }
    case 'received': {
      const { from, incarnation, sequence } = event;
      const message = messages.take(event);
      return message === undefined
        ? undefined
        : { kind: 'received', name: { from, incarnation, sequence }, message };
    }
    default:
      return event; // logged as it was
  }
}

async function startOf(
  one: Replayed,
  line: RecordedLine,
  { kind, incarnation, round }: LoggedEvent & { kind: 'start' },
): Promise<PeerEvent> {
  const { trainer } = one.recorded;
  if (round === 0) {
    await trainer.restore(new Uint8Array(0));
    return { kind, incarnation, round, params: await trainer.initialParams() };
  }
  const checkpoint = one.snapshots.checkpoints.get(round);
  if (checkpoint === undefined) {
    throw new OperatingError(
      'replay-stuck',
      `${placeOf(one, line)}: peer ${one.peer} restarted from round ${round}, but its earlier log writes no checkpoint of that round`,
      { peer: one.peer, round },
    );
  }
  await trainer.restore(await checkpoint.optimizer);
  const { params, ruleSnapshot } = checkpoint;
  return { kind, incarnation, round, params, ruleSnapshot };
}

function training(trained: Promise<TrainResult>): Training {
  const made: Training = {
    promise: trained.then((result) => {
      made.result = result;
    }),
    result: undefined,
  };
  made.promise.catch(() => undefined); // told where it is awaited; the peer may have died before
  return made;
}

function perform(one: Replayed, action: PeerAction, messages: MessageTable): void {
  const { trainer } = one.recorded;
  switch (action.kind) {
    case 'train': {
      one.snapshots.beforeTraining(one.state.round);
      const { token, params, steps, firstStep } = action;
      one.trainings.set(token, training(trainer.train(params, steps, { firstStep })));
      return;
    }
    case 'send': {
      const { incarnation } = one.state;
      messages.put({ from: one.peer, incarnation, sequence: action.sequence }, action.message);
      return;
    }
    case 'persist':
      if (one.starts.some(({ round }) => round === action.round)) one.snapshots.persist(action);
      return;
    default:
      return; // the rest only tells the outside world
  }
}

/**
 * A full disk or a power cut takes the last lines of some logs, and what others received from there nobody sends again. Where the peer
 * was started again after that, from a checkpoint that is known, the rest of its life changes nothing: one peer passes it over, the
 * one that waits for the oldest life of another. False where nobody can.
 */
function skipLostEnd(replayed: readonly Replayed[]): boolean {
  const age = ({ next }: Replayed): number => {
    if (next?.event.kind !== 'received') return Number.POSITIVE_INFINITY;
    const { from, incarnation } = next.event;
    return incarnation - (replayed[from]?.state.incarnation ?? 0);
  };
  const stuck = replayed.filter(({ next }) => next !== undefined).sort((a, b) => age(a) - age(b));
  return stuck.some((one) => skipToStart(one));
}

/** The next start, if its checkpoint is there. */
function skipToStart(one: Replayed): boolean {
  const start = one.starts.find(({ index }) => index > one.done);
  if (start === undefined) return false;
  if (start.round > 0 && !one.snapshots.checkpoints.has(start.round)) return false;
  one.skipped += start.index - one.done;
  for (; one.done < start.index; one.done++) one.next = nextOf(one.lines);
  return true;
}

/** One line that cannot be reached stops others that wait for what comes after it: all are named. */
function requireComplete(replayed: readonly Replayed[]): void {
  const stuck = replayed.flatMap((one) => (one.next === undefined ? [] : [{ one, line: one.next }]));
  const [first] = stuck;
  if (first === undefined) return;
  const told = stuck
    .slice(0, STUCK_SHOWN_MAX)
    .map(
      ({ one, line }) =>
        `  ${placeOf(one, line)}: peer ${one.peer} cannot replay event ${one.done} (${JSON.stringify(line.event)})`,
    );
  const more = stuck.length > told.length ? `\n  and ${stuck.length - told.length} more` : '';
  throw new OperatingError(
    'replay-stuck',
    `no peer's log leads to these events:\n${told.join('\n')}${more}\nA log was changed, or is of another run: all peers' complete logs of one run are needed`,
    { peers: stuck.map(({ one }) => one.peer), peer: first.one.peer, event: first.one.done },
  );
}

const STUCK_SHOWN_MAX = 10;

function contradiction(one: Replayed, line: RecordedLine, why: string): OperatingError {
  return new OperatingError(
    'replay-contradiction',
    `${placeOf(one, line)}: ${JSON.stringify(line.event)} cannot have happened to peer ${one.peer} after the lines before it (${why}): ` +
      'the log was changed, belongs to another run, or another version of Grapevine wrote it',
    { peer: one.peer, event: one.done },
  );
}

function placeOf({ peer, done }: Replayed, { place }: RecordedLine): string {
  return place ?? `log of peer ${peer}, event ${done}`;
}
