/**
 * The network on virtual time: what a message meets between two peers. It passes three servers one after another, each first in, first
 * out and working bit by bit (the next one begins with the first bit, not the last): the sender's access link (shared by all its arcs),
 * the arc itself, and the receiver's access link (shared by all arcs into it). At a server of capacity c that is free from `free` on
 *   start = max(first bit there, free),   end = max(start + bytes / c, last bit there);
 * between arc and receiver it takes the arc's delay. On an idle path that is bytes / (least capacity) + delay. An arc keeps its order,
 * whatever the jitter; only a message that a fault reorders leaves it. Losses on the path are no part of this: faults/ does them.
 *
 * Everything comes from a table of delays and capacities per arc and peer, so that an experiment's `links`, a measured matrix and an
 * underlay with its paths are all the same to the engine.
 */
import { Random } from '../base/random.ts';

/** Capacities in Mbit/s (10⁶ bit/s), Infinity where there is no limit. Pure functions of peer indices. */
export interface LinkTable {
  /** One-way delay from `from` to `to`, without what the bytes take. */
  delayMs(from: number, to: number): number;
  /** Beside it up to this, uniform, drawn per message; 0: none. */
  jitterMs(from: number, to: number): number;
  arcMbps(from: number, to: number): number;
  /** Of the peer's access link, shared by all its arcs. */
  upMbps(peer: number): number;
  downMbps(peer: number): number;
  /** Bytes that may wait in a sender's access link and in each of its arcs; Infinity: no bound. */
  readonly queueBytesMax: number;
  /** There are constant delays and nothing else: no jitter, no limit. */
  readonly isPlain?: boolean;
}

/** When a message reaches the receiver's access link. */
export interface Transit {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** What a fault does to a message on its way. */
export interface Disturbance {
  /** Beside the link's own delay. */
  readonly extraDelayMs: number;
  /** Leaves the order of its arc. */
  readonly reordered: boolean;
}

/** A message whose first bit is at the receiver's access link. */
export interface Entering {
  readonly frameBytes: number;
  /** When its last bit is there. */
  readonly lastMs: number;
  readonly bandwidthFactor: number;
}

export interface NetworkModel {
  /** Takes a message at `nowMs`; undefined where a queue has no room for it. `bandwidthFactor` multiplies every capacity on the way. */
  send(
    from: number,
    to: number,
    frameBytes: number,
    nowMs: number,
    disturbance: Disturbance,
    bandwidthFactor: number,
  ): Transit | undefined;
  /** Its first bit is at the receiver's access link at `nowMs`: when its last bit is through. */
  receive(to: number, entering: Entering, nowMs: number): number;
  /** Whether `receive` is needed: the receiver's access link is limited. */
  isLimited(to: number): boolean;
}

/** A Mbit/s carries this many bytes in a millisecond. */
const BYTES_PER_MBIT_MS = 125;

interface Arc {
  /** From when on it can take the next message. */
  freeMs: number;
  /** When the last bit of the newest message in order is at the other end. */
  lastMs: number;
  sent: number;
}

/**
 * `seed` names the draws of jitter: (seed, arc, number of the message on it). Undefined where nothing takes any time, and no faults
 * can change that.
 */
export function createNetwork(
  table: LinkTable | undefined,
  peerCount: number,
  seed: number,
  isFaulty: boolean,
): NetworkModel | undefined {
  if (table === undefined) return isFaulty ? new Network(instant, peerCount, seed) : undefined;
  return table.isPlain && !isFaulty ? plainNetwork(table) : new Network(table, peerCount, seed);
}

const instant: LinkTable = {
  delayMs: () => 0,
  jitterMs: () => 0,
  arcMbps: () => Number.POSITIVE_INFINITY,
  upMbps: () => Number.POSITIVE_INFINITY,
  downMbps: () => Number.POSITIVE_INFINITY,
  queueBytesMax: Number.POSITIVE_INFINITY,
  isPlain: true,
};

/** Delays alone keep the order of every arc: there is nothing to remember. */
function plainNetwork({ delayMs }: LinkTable): NetworkModel {
  return {
    send(from, to, _frameBytes, nowMs) {
      const thereMs = nowMs + delayMs(from, to);
      return { firstMs: thereMs, lastMs: thereMs };
    },
    receive: (_to, { lastMs }) => lastMs,
    isLimited: () => false,
  };
}

class Network implements NetworkModel {
  readonly #table: LinkTable;
  readonly #seed: number;
  readonly #peerCount: number;
  readonly #upFreeMs: Float64Array;
  readonly #downFreeMs: Float64Array;
  readonly #arcs = new Map<number, Arc>();

  constructor(table: LinkTable, peerCount: number, seed: number) {
    this.#table = table;
    this.#seed = seed;
    this.#peerCount = peerCount;
    this.#upFreeMs = new Float64Array(peerCount);
    this.#downFreeMs = new Float64Array(peerCount);
  }

  isLimited(to: number): boolean {
    return this.#table.downMbps(to) !== Number.POSITIVE_INFINITY;
  }

  send(
    from: number,
    to: number,
    frameBytes: number,
    nowMs: number,
    { extraDelayMs, reordered }: Disturbance,
    bandwidthFactor: number,
  ): Transit | undefined {
    const table = this.#table;
    const arc = this.#arc(from, to);
    const upRate = rateOf(table.upMbps(from), bandwidthFactor);
    const arcRate = rateOf(table.arcMbps(from, to), bandwidthFactor);
    const upFreeMs = this.#upFreeMs[from]!;
    if (
      isFull(upFreeMs - nowMs, upRate, frameBytes, table.queueBytesMax) ||
      isFull(arc.freeMs - nowMs, arcRate, frameBytes, table.queueBytesMax)
    )
      return undefined;
    const upStartMs = upRate === Number.POSITIVE_INFINITY ? nowMs : Math.max(nowMs, upFreeMs);
    const upEndMs = upStartMs + frameBytes / upRate;
    if (upRate !== Number.POSITIVE_INFINITY) this.#upFreeMs[from] = upEndMs;
    const arcStartMs = arcRate === Number.POSITIVE_INFINITY ? upStartMs : Math.max(upStartMs, arc.freeMs);
    const arcEndMs = Math.max(arcStartMs + frameBytes / arcRate, upEndMs);
    if (arcRate !== Number.POSITIVE_INFINITY) arc.freeMs = arcEndMs;
    const delayMs = table.delayMs(from, to) + extraDelayMs + this.#jitter(from, to, arc);
    const firstMs = arcStartMs + delayMs;
    const lastMs = arcEndMs + delayMs;
    if (reordered) return { firstMs, lastMs };
    arc.lastMs = Math.max(arc.lastMs, lastMs);
    return { firstMs: firstMs + (arc.lastMs - lastMs), lastMs: arc.lastMs };
  }

  receive(to: number, { frameBytes, lastMs, bandwidthFactor }: Entering, nowMs: number): number {
    const rate = rateOf(this.#table.downMbps(to), bandwidthFactor);
    const startMs = Math.max(nowMs, this.#downFreeMs[to]!);
    const endMs = Math.max(startMs + frameBytes / rate, lastMs);
    this.#downFreeMs[to] = endMs;
    return endMs;
  }

  #jitter(from: number, to: number, arc: Arc): number {
    const jitterMs = this.#table.jitterMs(from, to);
    const number = arc.sent++;
    return jitterMs === 0 ? 0 : jitterMs * Random.of(this.#seed, 'jitter', from, to, number).uniform();
  }

  #arc(from: number, to: number): Arc {
    const key = from * this.#peerCount + to;
    let arc = this.#arcs.get(key);
    if (arc === undefined) {
      arc = { freeMs: 0, lastMs: 0, sent: 0 };
      this.#arcs.set(key, arc);
    }
    return arc;
  }
}

function rateOf(mbps: number, factor: number): number {
  return mbps * BYTES_PER_MBIT_MS * factor;
}

/** A message that finds the server idle is always taken, however large. */
function isFull(backlogMs: number, rate: number, bytes: number, bytesMax: number): boolean {
  if (backlogMs <= 0 || bytesMax === Number.POSITIVE_INFINITY) return false;
  return backlogMs * rate + bytes > bytesMax;
}
