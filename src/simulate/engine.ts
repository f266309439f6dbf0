/**
 * Drives many peers on virtual time: one event queue, every action performed at a virtual instant. Training is real: it starts
 * at one instant, and its result is applied at another, `trainMs` later; the engine awaits it before it passes that instant.
 */
import { present, unreachable } from '../base/assert.ts';
import type { Vector } from '../params/layout.ts';
import type { LogLine } from '../peer/log.ts';
import { logged } from '../peer/log.ts';
import type { PeerAction, PeerConfig, PeerEvent, RoundNote } from '../peer/machine.ts';
import { createPeer, type PeerState } from '../peer/state.ts';
import { step } from '../peer/step.ts';
import type { Trainer } from '../train/trainer.ts';
import { EventQueue } from './event-queue.ts';

export interface SimulatedPeer {
  readonly config: PeerConfig;
  readonly trainer: Trainer;
}

export interface SimulationOptions {
  /** One-way delay of a message. */
  linkDelayMs(from: number, to: number): number;
  /** How long the local updates of one round take. */
  trainMs(peer: number, round: number): number;
  /** When a peer starts. */
  startMs(peer: number): number;
}

export interface SimulatedResult {
  readonly params: Vector;
  readonly notes: readonly RoundNote[];
  readonly log: readonly LogLine[];
  readonly refusals: Readonly<Record<string, number>>;
}

type Payload = PeerEvent | { readonly kind: 'awaited'; readonly event: Promise<PeerEvent> };

interface Driven {
  readonly state: PeerState;
  readonly trainer: Trainer;
  readonly notes: RoundNote[];
  readonly log: LogLine[];
  readonly refusals: Record<string, number>;
  /** The number of the newest setting of each timer; older ones that come up are void. */
  readonly timers: Map<string, number>;
  settings: number;
  params: Vector;
}

/** Runs until no event is left; results in the order of `peers`. */
export async function simulate(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions,
): Promise<readonly SimulatedResult[]> {
  const driven = peers.map(({ config, trainer }): Driven => {
    const state = createPeer(config);
    return {
      state,
      trainer,
      notes: [],
      log: [],
      refusals: {},
      timers: new Map(),
      settings: 0,
      params: state.params,
    };
  });
  const queue = new EventQueue<Payload>();
  for (const [peer, { trainer, state }] of driven.entries()) {
    const startMs = options.startMs(peer);
    const params = await trainer.initialParams();
    queue.push(startMs, peer, { kind: 'start', incarnation: 1, round: 0, params });
    for (const other of state.neighbours.keys()) {
      const upMs = Math.max(startMs, options.startMs(other)) + options.linkDelayMs(other, peer);
      queue.push(upMs, peer, { kind: 'linkUp', peer: other, incarnation: 1, round: 0 });
    }
  }
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { atMs, peer, payload } = next;
    const one = present(driven[peer], `peer ${peer}`);
    const event = payload.kind === 'awaited' ? await payload.event : payload;
    if (event.kind === 'timer' && !timerIsDue(one, event.name)) continue;
    const plain = event.kind === 'timer' ? { kind: event.kind, name: timerName(event.name) } : event;
    one.log.push({ nowMs: atMs, event: logged(plain) });
    for (const action of step(one.state, plain, atMs)) perform({ queue, options, peer, one, atMs }, action);
  }
  return driven.map(({ params, notes, log, refusals }) => ({ params, notes, log, refusals }));
}

interface Instant {
  readonly queue: EventQueue<Payload>;
  readonly options: SimulationOptions;
  readonly peer: number;
  readonly one: Driven;
  readonly atMs: number;
}

function perform({ queue, options, peer, one, atMs }: Instant, action: PeerAction): void {
  switch (action.kind) {
    case 'train':
      queue.push(atMs + options.trainMs(peer, one.state.round), peer, {
        kind: 'awaited',
        event: train(one, action),
      });
      return;
    case 'send': {
      const { sequence, message } = action;
      const name = { from: peer, incarnation: one.state.incarnation, sequence };
      for (const to of action.to)
        queue.push(atMs + options.linkDelayMs(peer, to), to, { kind: 'received', name, message });
      return;
    }
    case 'setTimer': {
      const setting = one.settings++;
      one.timers.set(action.name, setting);
      queue.push(atMs + action.delayMs, peer, { kind: 'timer', name: `${action.name}#${setting}` });
      return;
    }
    case 'clearTimer':
      one.timers.delete(action.name);
      return;
    case 'record':
      one.notes.push(action.note);
      return;
    case 'refuse':
      one.refusals[action.reason] = (one.refusals[action.reason] ?? 0) + 1;
      return;
    case 'finish':
      one.params = action.params;
      return;
    case 'persist':
    case 'evaluate':
    case 'announce':
    case 'notice':
      return;
    default:
      return unreachable(action);
  }
}

async function train({ trainer }: Driven, action: PeerAction & { kind: 'train' }): Promise<PeerEvent> {
  const { token, params, steps, firstStep } = action;
  const result = await trainer.train(params, steps, { firstStep });
  return {
    kind: 'trained',
    token,
    params: result.params,
    loss: result.loss,
    gradientSquaredNorm: result.gradientSquaredNorm,
  };
}

/** Queued timers carry the number of their setting: `name#setting`. */
function timerName(queued: string): string {
  return queued.slice(0, queued.lastIndexOf('#'));
}

function timerIsDue(one: Driven, queued: string): boolean {
  const name = timerName(queued);
  if (one.timers.get(name) !== Number(queued.slice(name.length + 1))) return false;
  one.timers.delete(name);
  return true;
}
