/** What the engine keeps of one peer, beside the peer's own state; small, for there may be a hundred thousand. */
import type { PeerEvent } from '../peer/machine.ts';
import { createPeer, type PeerState } from '../peer/state.ts';
import type { Passage } from './observer.ts';
import type { SimulatedPeer } from './simulation.ts';
import { Snapshots } from './snapshots.ts';

/** Local updates that run; their result is applied at `dueMs`, which pauses put off. */
export interface Training {
  dueMs: number;
  /** How long the peer had stood still in all when they were asked for, or last put off. */
  pausedMs: number;
  readonly promise: Promise<PeerEvent>;
  /** What the promise came to; undefined while it is not settled. */
  result: PeerEvent | undefined;
}

type Received = PeerEvent & { readonly kind: 'received' };

/** What a network with limits adds to a message under way. */
export interface Transport {
  /** Its first bit comes to the receiver's access link, or its last bit to the receiver. */
  stage: 'access' | 'message';
  readonly corrupted: boolean;
  /** When its last bit is at the receiver's access link, and by what the capacity of that is multiplied. */
  readonly lastMs: number;
  readonly bandwidthFactor: number;
}

/** One copy of a message on its way; it lies in the queue by itself, for there are many. */
export class Carried implements Passage {
  /** Shared by all receivers of the message. */
  readonly event: Received;
  readonly to: number;
  /** The receiver's life when it was sent: it reaches no other. */
  readonly life: number;
  readonly frameBytes: number;
  readonly sentMs: number;
  readonly transport: Transport | undefined;

  constructor(
    event: Received,
    to: number,
    life: number,
    frameBytes: number,
    sentMs: number,
    transport: Transport | undefined,
  ) {
    this.event = event;
    this.to = to;
    this.life = life;
    this.frameBytes = frameBytes;
    this.sentMs = sentMs;
    this.transport = transport;
  }

  get kind(): 'access' | 'message' {
    return this.transport?.stage ?? 'message';
  }

  get name() {
    return this.event.name;
  }

  get message() {
    return this.event.message;
  }

  by(transport: Transport): Carried {
    return new Carried(this.event, this.to, this.life, this.frameBytes, this.sentMs, transport);
  }
}

/** What may happen to a peer, as it lies in the queue. All but messages are void unless the peer is still in this life. */
export type Happening =
  | Carried
  | {
      readonly kind: 'timer';
      readonly life: number;
      readonly timer: PeerTimer;
      readonly name: string;
      readonly entry: number;
    }
  | { readonly kind: 'trained'; readonly life: number; readonly training: Training }
  | { readonly kind: 'event'; readonly life: number; readonly event: PeerEvent }
  | { readonly kind: 'reached'; readonly life: number; readonly reached: Promise<boolean> }
  | {
      readonly kind: 'measured';
      readonly life: number;
      readonly values: Promise<readonly (number | null)[]>;
    }
  /** The link to another peer is up or down. */
  | { readonly kind: 'link'; readonly life: number; readonly other: number; readonly event: PeerEvent }
  | { readonly kind: 'leave' | 'start'; readonly life: number };

/** A timer has one entry in the queue at most that counts: the earliest; a later due time is asked for when that one comes up. */
export interface PeerTimer {
  /** When it is to fire; Infinity: it is cleared. */
  dueMs: number;
  /** Its place in the order of scheduling. */
  sequence: number;
  /** Which entry in the queue counts, and when that comes up; Infinity: none. */
  entry: number;
  entryMs: number;
}

export class Driven {
  readonly peer: number;
  readonly recorded: SimulatedPeer;
  state: PeerState;
  readonly snapshots: Snapshots;
  readonly timers = new Map<string, PeerTimer>();
  /** While the process stands still: how many pauses lie on each other, since when, and what waits, in order. */
  pause: { depth: number; readonly sinceMs: number; readonly waiting: Happening[] } | undefined = undefined;
  /** Asked to leave: it ends when it is done. */
  leaves = false;
  /** How long it has stood still in all. */
  pausedMs = 0;
  /** How many cuts lie on the link to a peer, and when it last broke. */
  broken: Map<number, { cuts: number; lastMs: number }> | undefined = undefined;
  readonly #lives: Int32Array;

  /** `lives`: those of all peers, which every sender looks into: side by side, and nothing else with them. */
  constructor(recorded: SimulatedPeer, peer: number, lives: Int32Array) {
    this.peer = peer;
    this.recorded = recorded;
    this.state = createPeer(recorded.config);
    this.snapshots = new Snapshots(recorded.trainer, 1);
    this.#lives = lives;
  }

  /** Odd while the peer is alive: 1 in its first life, 3 in its second. */
  get life(): number {
    return this.#lives[this.peer]!;
  }

  set life(life: number) {
    this.#lives[this.peer] = life;
  }
}

export function isAlive({ life }: Driven): boolean {
  return isOfLiving(life);
}

export function isOfLiving(life: number): boolean {
  return life % 2 === 1;
}

export function isCut(one: Driven, other: number): boolean {
  const { broken } = one;
  return broken !== undefined && (broken.get(other)?.cuts ?? 0) > 0;
}

/** Lays a cut on the link, or takes one away; true where that breaks or mends it. */
export function changeCut(one: Driven, other: number, change: 1 | -1, nowMs: number): boolean {
  one.broken ??= new Map();
  const link = one.broken.get(other) ?? { cuts: 0, lastMs: Number.NEGATIVE_INFINITY };
  const before = link.cuts;
  one.broken.set(other, { cuts: Math.max(0, before + change), lastMs: change > 0 ? nowMs : link.lastMs });
  return change > 0 ? before === 0 : before === 1;
}
