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
import type { SimulatedFaults } from './faults.ts';
import { type SimulatedCheckpoint, Snapshots } from './snapshots.ts';

export interface SimulatedPeer {
  readonly config: PeerConfig;
  readonly trainer: Trainer;
  /** Where to go on from; absent: initial params and round 0. */
  readonly resumeFrom?: SimulatedCheckpoint;
}

export interface SimulationOptions {
  /** One-way delay of a message. */
  linkDelayMs(from: number, to: number): number;
  /** How long the local updates of one round take. */
  trainMs(peer: number, round: number): number;
  /** When a peer starts. */
  startMs(peer: number): number;
  /** What goes wrong; nothing where absent. */
  readonly faults?: SimulatedFaults;
}

export interface SimulatedResult {
  /** The round that the peer is at, and the params at its start; a finished peer's last ones. */
  readonly round: number;
  readonly params: Vector;
  readonly notes: readonly RoundNote[];
  readonly log: readonly LogLine[];
  readonly refusals: Readonly<Record<string, number>>;
  readonly notices: Readonly<Record<string, number>>;
  /** By round. */
  readonly checkpoints: ReadonlyMap<number, SimulatedCheckpoint>;
}

type Payload =
  | { readonly kind: 'event'; readonly event: PeerEvent | Promise<PeerEvent> }
  | { readonly kind: 'timer'; readonly name: string; readonly setting: number }
  | { readonly kind: 'message'; readonly event: PeerEvent & { kind: 'received' } }
  | { readonly kind: 'start' | 'crash' }
  | { readonly kind: 'cut' | 'heal'; readonly other: number };

interface Scheduled {
  /** Void unless the peer is still in this life. */
  readonly life: number | undefined;
  readonly payload: Payload;
}

interface Driven {
  readonly peer: number;
  readonly recorded: SimulatedPeer;
  state: PeerState;
  readonly notes: RoundNote[];
  readonly log: LogLine[];
  readonly refusals: Record<string, number>;
  readonly notices: Record<string, number>;
  readonly snapshots: Snapshots;
  /** The number of the newest setting of each timer; older ones that come up are void. */
  readonly timers: Map<string, number>;
  settings: number;
  /** Odd while the peer is alive: 1 in its first life, 3 in its second. */
  life: number;
  readonly cutFrom: Set<number>;
}

/** Runs until no event is left; results in the order of `peers`. */
export async function simulate(
  peers: readonly SimulatedPeer[],
  options: SimulationOptions,
): Promise<readonly SimulatedResult[]> {
  const simulation = new Simulation(peers, options);
  await simulation.run();
  return simulation.driven.map(({ state, notes, log, refusals, notices, snapshots }) => {
    const { round, params } = state;
    return { round, params, notes, log, refusals, notices, checkpoints: snapshots.checkpoints };
  });
}

class Simulation {
  readonly driven: readonly Driven[];
  readonly #options: SimulationOptions;
  readonly #queue = new EventQueue<Scheduled>();

  constructor(peers: readonly SimulatedPeer[], options: SimulationOptions) {
    this.#options = options;
    this.driven = peers.map((recorded, peer) => newDriven(recorded, peer));
    for (const { peer } of this.driven) this.#plan(options.startMs(peer), peer, { kind: 'start' });
    this.#planFaults(options.faults ?? {});
  }

  async run(): Promise<void> {
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
      const { atMs, peer, payload: scheduled } = next;
      const one = this.#at(peer);
      if (scheduled.life !== undefined && scheduled.life !== one.life) continue;
      await this.#happen(one, atMs, scheduled.payload);
    }
  }

  async #happen(one: Driven, atMs: number, payload: Payload): Promise<void> {
    switch (payload.kind) {
      case 'start':
        return isAlive(one) ? undefined : this.#start(one, atMs);
      case 'crash':
        return isAlive(one) ? this.#crash(one, atMs) : undefined;
      case 'cut':
        one.cutFrom.add(payload.other);
        if (isAlive(this.#at(payload.other)) && isAlive(one))
          this.#step(one, { kind: 'linkDown', peer: payload.other, reason: 'cut' }, atMs);
        return;
      case 'heal':
        one.cutFrom.delete(payload.other);
        return this.#link(this.#at(payload.other), one, atMs);
      case 'timer':
        if (one.timers.get(payload.name) !== payload.setting) return;
        one.timers.delete(payload.name);
        return this.#step(one, { kind: 'timer', name: payload.name }, atMs);
      case 'message':
        return one.cutFrom.has(payload.event.name.from) ? undefined : this.#step(one, payload.event, atMs);
      case 'event':
        return this.#step(one, await payload.event, atMs);
    }
  }

  async #start(one: Driven, atMs: number): Promise<void> {
    const { trainer, resumeFrom } = one.recorded;
    const restarted = one.life > 0;
    const checkpoint = (restarted ? one.snapshots.newest() : undefined) ?? resumeFrom;
    if (restarted || checkpoint !== undefined)
      await trainer.restore((await checkpoint?.optimizer) ?? new Uint8Array(0));
    const params = checkpoint?.params ?? (await trainer.initialParams());
    one.life += 1;
    one.state = createPeer(one.recorded.config);
    one.snapshots.restart();
    const incarnation = (one.life + 1) / 2;
    const round = checkpoint?.round ?? 0;
    const snapshot = checkpoint === undefined ? {} : { ruleSnapshot: checkpoint.ruleSnapshot };
    this.#step(one, { kind: 'start', incarnation, round, params, ...snapshot }, atMs);
    for (const other of one.state.neighbours.keys()) {
      this.#link(this.#at(other), one, atMs);
      this.#link(one, this.#at(other), atMs);
    }
  }

  #crash(one: Driven, atMs: number): void {
    one.life += 1;
    one.timers.clear();
    for (const other of one.state.neighbours.keys()) {
      const event: PeerEvent = { kind: 'linkDown', peer: one.peer, reason: 'crashed' };
      const { life } = this.#at(other);
      if (life % 2 === 1)
        this.#plan(atMs + this.#options.linkDelayMs(one.peer, other), other, { kind: 'event', event }, life);
    }
  }

  /** Tells `to` that its link to `from` is up, if it is. */
  #link(from: Driven, to: Driven, atMs: number): void {
    if (!isAlive(from) || !isAlive(to) || to.cutFrom.has(from.peer)) return;
    const { round, incarnation } = from.state;
    const event: PeerEvent = { kind: 'linkUp', peer: from.peer, incarnation, round };
    const upMs = atMs + this.#options.linkDelayMs(from.peer, to.peer);
    this.#plan(upMs, to.peer, { kind: 'event', event }, to.life);
  }

  #step(one: Driven, event: PeerEvent, atMs: number): void {
    one.log.push({ nowMs: atMs, event: logged(event) });
    for (const action of step(one.state, event, atMs)) this.#perform(one, action, atMs);
  }

  #perform(one: Driven, action: PeerAction, atMs: number): void {
    switch (action.kind) {
      case 'train':
        return this.#train(one, action, atMs);
      case 'send':
        return this.#send(one, action, atMs);
      case 'setTimer': {
        const setting = one.settings++;
        one.timers.set(action.name, setting);
        const payload: Payload = { kind: 'timer', name: action.name, setting };
        return this.#plan(atMs + action.delayMs, one.peer, payload, one.life);
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
      case 'notice':
        one.notices[action.what] = (one.notices[action.what] ?? 0) + 1;
        return;
      case 'persist':
        return one.snapshots.persist(action);
      case 'evaluate':
      case 'announce':
      case 'finish':
        return;
      default:
        return unreachable(action);
    }
  }

  #train(one: Driven, action: PeerAction & { kind: 'train' }, atMs: number): void {
    const { round } = one.state;
    one.snapshots.beforeTraining(round);
    const event = train(one.recorded.trainer, action);
    event.catch(() => undefined); // told where it is awaited
    this.#plan(atMs + this.#options.trainMs(one.peer, round), one.peer, { kind: 'event', event }, one.life);
  }

  #send(one: Driven, { to, sequence, message }: PeerAction & { kind: 'send' }, atMs: number): void {
    const { linkDelayMs, faults } = this.#options;
    const name = { from: one.peer, incarnation: one.state.incarnation, sequence };
    for (const other of to) {
      const target = this.#at(other);
      const passes = faults?.delivers?.(one.peer, other, atMs) ?? true;
      if (!passes || !isAlive(target) || target.cutFrom.has(one.peer)) continue;
      const event = { kind: 'received', name, message } as const;
      this.#plan(atMs + linkDelayMs(one.peer, other), other, { kind: 'message', event }, target.life);
    }
  }

  #planFaults({ outages = [], cuts = [], stopMs }: SimulatedFaults): void {
    for (const { peer, crashMs, restartMs } of outages) {
      this.#plan(crashMs, peer, { kind: 'crash' });
      if (restartMs !== undefined) this.#plan(restartMs, peer, { kind: 'start' });
    }
    for (const { between, fromMs, toMs } of cuts) {
      for (const [peer, other] of [between, [between[1], between[0]] as const]) {
        this.#plan(fromMs, peer, { kind: 'cut', other });
        this.#plan(toMs, peer, { kind: 'heal', other });
      }
    }
    if (stopMs === undefined) return;
    const event: PeerEvent = { kind: 'stop', reason: 'the simulation stops its peers' };
    for (const { peer } of this.driven) this.#plan(stopMs, peer, { kind: 'event', event }, 1);
  }

  #plan(atMs: number, peer: number, payload: Payload, life?: number): void {
    this.#queue.push(atMs, peer, { life, payload });
  }

  #at(peer: number): Driven {
    return present(this.driven[peer], `peer ${peer}`);
  }
}

function newDriven(recorded: SimulatedPeer, peer: number): Driven {
  return {
    peer,
    recorded,
    state: createPeer(recorded.config),
    notes: [],
    log: [],
    refusals: {},
    notices: {},
    snapshots: new Snapshots(recorded.trainer),
    timers: new Map(),
    settings: 0,
    life: 0,
    cutFrom: new Set(),
  };
}

function isAlive({ life }: Driven): boolean {
  return life % 2 === 1;
}

async function train(trainer: Trainer, action: PeerAction & { kind: 'train' }): Promise<PeerEvent> {
  const { token, params, steps, firstStep } = action;
  const result = await trainer.train(params, steps, { firstStep });
  const { params: trained, loss, gradientSquaredNorm } = result;
  return { kind: 'trained', token, params: trained, loss, gradientSquaredNorm };
}
