/**
 * Draws a fault schedule from a seed: pure, free of contradictions by construction (nobody is crashed while it is crashed, links heal,
 * somebody is left), and with a stream for every fault, so that what is left of it draws the same.
 */
import { Random } from '../base/random.ts';
import type { Arcs } from './deeds.ts';
import type { Fault, FaultSchedule, PartitionFault } from './fault.ts';
import { among } from './selection.ts';

/** How many faults of each kind; `messages` are losses, copies, turned bits, overtaking, delays and low capacity in equal parts. */
export interface FaultCounts {
  readonly messages: number;
  readonly partitions: number;
  readonly crashes: number;
  readonly pauses: number;
  readonly slow: number;
  readonly clocks: number;
  readonly joins: number;
  readonly leaves: number;
  readonly availability: number;
}

export interface DrawFaults extends Partial<FaultCounts> {
  readonly seed: number;
  /** Mild where absent. */
  readonly intensity?: 'mild' | 'harsh';
  /** So many more, each of a kind drawn too. */
  readonly faults?: number;
  /** The last fault has ended by then; but crashes for good and leaves last. */
  readonly untilMs: number;
}

/** What an intensity means: how often messages are hit, how much slower things get, how long a peer or link is away. */
const HARDNESS = {
  mild: { probabilityMax: 0.1, factorMax: 3, awayShare: 0.1, forGood: 0 },
  harsh: { probabilityMax: 0.5, factorMax: 10, awayShare: 0.4, forGood: 0.25 },
} as const;

/** Peers that are never crashed for good and never leave. */
const PEERS_LEFT_MIN = 2;
/** Draws to find a peer that is free for so long; a crowded schedule then has one fault less. */
const ATTEMPTS_MAX = 20;

/** `arcs`: who may send to whom; a partition always parts some of them. */
export function drawSchedule(options: DrawFaults, peerCount: number, arcs: Arcs): FaultSchedule {
  const { seed } = options;
  const draw = new Drawing(options, peerCount, arcs);
  const counts = countsOf(options, peerCount);
  const faults = draw.all(draw.withMore(counts, options.faults ?? 0));
  return { seed, faults: faults.map(withStream) };
}

const none: FaultCounts = {
  messages: 0,
  partitions: 0,
  crashes: 0,
  pauses: 0,
  slow: 0,
  clocks: 0,
  joins: 0,
  leaves: 0,
  availability: 0,
};

function countsOf({ intensity = 'mild', faults, ...asked }: DrawFaults, peerCount: number): FaultCounts {
  const given = Object.keys(none).filter((kind) => asked[kind as keyof FaultCounts] !== undefined);
  if (given.length > 0 || faults !== undefined) return { ...none, ...(asked as Partial<FaultCounts>) };
  const some = Math.max(1, Math.floor(peerCount / 10));
  if (intensity === 'mild') return { ...none, messages: 3, partitions: 1, crashes: some, pauses: 1, slow: 1 };
  return {
    messages: 6,
    partitions: 3,
    crashes: 3 * some,
    pauses: 2 * some,
    slow: 2 * some,
    clocks: some,
    joins: some,
    leaves: some,
    availability: 1,
  };
}

const CHANCE_KINDS: ReadonlySet<string> = new Set([
  'loss',
  'duplicate',
  'corrupt',
  'reorder',
  'delay',
  'availability',
]);

function withStream(fault: Fault, stream: number): Fault {
  return CHANCE_KINDS.has(fault.kind) ? ({ ...fault, stream } as Fault) : fault;
}

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

class Drawing {
  readonly #options: DrawFaults;
  readonly #peerCount: number;
  readonly #arcs: Arcs;
  readonly #chance: Random;
  /** When each peer is away, slowed down or has a wrong clock already. */
  readonly #taken = new Map<string, Interval[]>();
  #goneForGood = 0;

  constructor(options: DrawFaults, peerCount: number, arcs: Arcs) {
    this.#options = options;
    this.#peerCount = peerCount;
    this.#arcs = arcs;
    this.#chance = Random.of(options.seed, 'faults', 'draw');
  }

  /** Messages have as many kinds as all others together, and are chosen as often. */
  withMore(counts: FaultCounts, more: number): FaultCounts {
    const kinds = Object.keys(none) as (keyof FaultCounts)[];
    const changed: Record<keyof FaultCounts, number> = { ...counts };
    for (let drawn = 0; drawn < more; drawn++) {
      const kind = kinds[this.#chance.integer(kinds.length * 2)] ?? 'messages';
      changed[kind] += 1;
    }
    return changed;
  }

  all(counts: FaultCounts): Fault[] {
    const many = (count: number, draw: () => Fault | undefined): Fault[] =>
      Array.from({ length: count }, draw).filter((fault) => fault !== undefined);
    return [
      ...many(counts.joins, () => this.#join()),
      ...many(counts.leaves, () => this.#leave()),
      ...many(counts.availability, () => this.#availability()),
      ...many(counts.crashes, () => this.#crash()),
      ...many(counts.pauses, () =>
        this.#away('pause', ({ peer, span }) => ({ kind: 'pause', peer, ...span })),
      ),
      ...many(counts.slow, () =>
        this.#away('slow', ({ peer, span }) => ({ kind: 'slow', peer, factor: this.#factor(), ...span })),
      ),
      ...many(counts.clocks, () => this.#clock()),
      ...many(counts.partitions, () => this.#partition()),
      ...many(counts.messages, () => this.#message()),
    ];
  }

  #message(): Fault {
    const span = this.#span(1);
    const probability = this.#probability();
    const within = Math.max(1, Math.round(this.#options.untilMs / 20));
    const some = this.#chance.uniform() < 0.5 ? {} : { from: this.#some() };
    switch (this.#chance.integer(6)) {
      case 0:
        return { kind: 'loss', probability, ...span, ...some };
      case 1:
        return { kind: 'duplicate', probability, ...span, ...some };
      case 2:
        return { kind: 'corrupt', probability, ...span, ...some };
      case 3:
        return { kind: 'reorder', probability, byMs: this.#upTo(within), ...span, ...some };
      case 4:
        return { kind: 'delay', extraMs: this.#upTo(within), jitterMs: this.#upTo(within), ...span, ...some };
      default:
        return { kind: 'bandwidth', factor: rounded(1 / this.#factor()), ...span, ...some };
    }
  }

  /** Some peers from the others, where that parts any who may talk. */
  #partition(): Fault | undefined {
    if (this.#arcs.length === 0) return undefined;
    const span = this.#span(this.#awayShare);
    const symmetric = this.#chance.uniform() < 0.5;
    const silent = this.#chance.uniform() < 0.5;
    const [a, b] = this.#arcs[this.#chance.integer(this.#arcs.length)] as readonly [number, number];
    const from = [...new Set([a, ...this.#some().filter((peer) => peer !== b)])].sort((x, y) => x - y);
    const isFrom = among(from);
    const to = Array.from({ length: this.#peerCount }, (_, peer) => peer).filter((peer) => !isFrom(peer));
    return { kind: 'partition', from, to, symmetric, silent, ...span } satisfies PartitionFault;
  }

  #crash(): Fault | undefined {
    const forGood = this.#chance.uniform() < HARDNESS[this.#options.intensity ?? 'mild'].forGood;
    if (!forGood || !this.#oneMoreMayGo()) {
      return this.#away('away', ({ peer, span }) => ({
        kind: 'crash',
        peer,
        atMs: span.fromMs,
        restartMs: span.toMs,
      }));
    }
    return this.#goes((peer, atMs) => ({ kind: 'crash', peer, atMs }));
  }

  #leave(): Fault | undefined {
    if (!this.#oneMoreMayGo()) return undefined;
    return this.#goes((peer, atMs) => ({ kind: 'leave', peer, atMs }));
  }

  #goes(make: (peer: number, atMs: number) => Fault): Fault | undefined {
    const atMs = this.#upTo(this.#options.untilMs);
    const peer = this.#freePeer('away', { fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    if (peer === undefined) return undefined;
    this.#goneForGood += 1;
    return make(peer, atMs);
  }

  #join(): Fault | undefined {
    const atMs = this.#upTo(Math.max(1, this.#options.untilMs / 3));
    const peer = this.#freePeer('away', { fromMs: 0, toMs: atMs });
    return peer === undefined ? undefined : { kind: 'join', peer, atMs };
  }

  #clock(): Fault | undefined {
    const drift = this.#factor();
    const rate = rounded(this.#chance.uniform() < 0.5 ? drift : 1 / drift);
    const offsetMs = this.#upTo(this.#options.untilMs) - Math.round(this.#options.untilMs / 2);
    return this.#away('clock', ({ peer, span }) => ({ kind: 'clock', peer, offsetMs, rate, ...span }));
  }

  #availability(): Fault | undefined {
    const span = this.#span(this.#awayShare * 2);
    const peers = this.#some().filter((peer) => this.#take('away', peer, span));
    if (peers.length === 0) return undefined;
    const slotMs = Math.max(1, Math.round((span.toMs - span.fromMs) / 10));
    const share = rounded(0.5 + this.#chance.uniform() / 2);
    const [memory, correlation] = [rounded(0.9 * this.#chance.uniform()), rounded(this.#chance.uniform())];
    const off = this.#chance.uniform() < 0.5 ? 'pause' : 'crash';
    return { kind: 'availability', peers, share, memory, correlation, slotMs, off, ...span };
  }

  /** A fault that has one peer for some time. */
  #away(what: string, make: (found: { peer: number; span: Interval }) => Fault): Fault | undefined {
    const span = this.#span(this.#awayShare);
    const peer = this.#freePeer(what === 'pause' ? 'away' : what, span);
    return peer === undefined ? undefined : make({ peer, span });
  }

  #freePeer(what: string, span: Interval): number | undefined {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const peer = this.#chance.integer(this.#peerCount);
      if (this.#take(what, peer, span)) return peer;
    }
    return undefined;
  }

  #take(what: string, peer: number, span: Interval): boolean {
    const key = `${what} ${peer}`;
    const taken = this.#taken.get(key) ?? [];
    if (taken.some(({ fromMs, toMs }) => span.fromMs <= toMs && fromMs <= span.toMs)) return false;
    this.#taken.set(key, [...taken, span]);
    return true;
  }

  #oneMoreMayGo(): boolean {
    return this.#peerCount - this.#goneForGood > PEERS_LEFT_MIN;
  }

  /** At most this share of the time, and never empty. */
  #span(share: number): Interval {
    const { untilMs } = this.#options;
    const lengthMs = Math.max(1, this.#chance.uniform() * share * untilMs);
    const fromMs = Math.round(this.#chance.uniform() * Math.max(0, untilMs - lengthMs));
    return { fromMs, toMs: Math.max(fromMs + 1, Math.round(Math.min(untilMs, fromMs + lengthMs))) };
  }

  /** At least one peer, at most half of them. */
  #some(): number[] {
    const count = 1 + this.#chance.integer(Math.max(1, Math.floor(this.#peerCount / 2)));
    const picked = new Set(Array.from({ length: count }, () => this.#chance.integer(this.#peerCount)));
    return [...picked].sort((a, b) => a - b);
  }

  get #awayShare(): number {
    return HARDNESS[this.#options.intensity ?? 'mild'].awayShare;
  }

  #probability(): number {
    return rounded(HARDNESS[this.#options.intensity ?? 'mild'].probabilityMax * (1 - this.#chance.uniform()));
  }

  /** From 1 up. */
  #factor(): number {
    return rounded(1 + this.#chance.uniform() * (HARDNESS[this.#options.intensity ?? 'mild'].factorMax - 1));
  }

  #upTo(ms: number): number {
    return 1 + this.#chance.integer(Math.max(1, Math.floor(ms)));
  }
}

/** Short enough to read; never 0. */
function rounded(value: number): number {
  return Math.max(0.001, Math.round(value * 1000) / 1000);
}
