/**
 * The cheapest relaxed closed walk through a silo: a walk on labels (silo, what it remembers), by label correcting.
 * Every simple cycle is such a walk, so none is cheaper. Two things make it fast: walks that cost less than nothing and
 * close before they come back to the source are reported at once, instead of being followed for ever; and, where a pass
 * with a shorter memory against the arcs found none, its costs say what a label must cost to the end at least, and
 * labels that cannot come below the limit are dropped.
 */
import type { WalkMemory } from './walk-memory.ts';

/** What came of a pass. */
export type Pass =
  /** No closed walk through the source costs the limit or less. */
  | { readonly kind: 'none' }
  /** The cheapest, and its nodes from the source on. */
  | { readonly kind: 'walk'; readonly cost: number; readonly nodes: readonly number[] }
  /** Walks of negative cost that close without the source, their nodes in order. */
  | { readonly kind: 'loops'; readonly loops: readonly (readonly number[])[] };

/** Passes look for loops from this many rounds on, then every few. */
const firstLoopCheck = 8;
const roundsPerLoopCheck = 4;
/** Marks are 32-bit integers. */
const marksMax = 2 ** 30;

export class ClosedWalks {
  /** Arcs looked at so far, and labels cleared: what passes cost, the same on every machine. */
  visitedArcs = 0;
  readonly #memory: WalkMemory;
  readonly #tolerance: number;
  readonly #against: ClosedWalks | undefined;
  readonly #nodeOf: Int32Array;
  /** Labels: [node · masks + mask]. */
  readonly #cost: Float64Array;
  readonly #before: Int32Array;
  readonly #waiting: Uint8Array;
  readonly #seen: Int32Array;
  #seenUpTo = 0;
  #queue: Int32Array;
  #next: Int32Array;
  readonly #unbounded: Float64Array;

  /**
   * Improvements of a label below `tolerance` are rounding. `shorter`: the memory of the pass against the arcs, where
   * there is to be one. Memory: 25 · n · 2^size bytes.
   */
  constructor(memory: WalkMemory, tolerance: number, shorter?: WalkMemory) {
    const labels = memory.count * memory.masks;
    this.#memory = memory;
    this.#tolerance = tolerance;
    this.#against = shorter === undefined ? undefined : new ClosedWalks(shorter, tolerance);
    this.#nodeOf = Int32Array.from({ length: labels }, (_, label) => Math.floor(label / memory.masks));
    this.#cost = new Float64Array(labels);
    this.#before = new Int32Array(labels);
    this.#waiting = new Uint8Array(labels);
    this.#seen = new Int32Array(labels);
    this.#queue = new Int32Array(labels);
    this.#next = new Int32Array(labels);
    this.#unbounded = new Float64Array(memory.count).fill(Number.NEGATIVE_INFINITY);
  }

  /**
   * The cheapest closed walk that leaves `source` for a silo that is not `inside`, where it costs `limit` or less.
   * `step`: cost of each arc, [n × n], row = tail.
   */
  cheapest(source: number, inside: Uint8Array, step: Float64Array, limit: number): Pass {
    const before = this.#against?.visitedArcs ?? 0;
    const toEnd = this.#against?.costsAgainst(source, step) ?? this.#unbounded;
    this.visitedArcs += (this.#against?.visitedArcs ?? 0) - before;
    const { loops, cost, last } = this.#pass(source, inside, step, toEnd, limit);
    if (loops.length > 0) return { kind: 'loops', loops };
    return last < 0 ? { kind: 'none' } : { kind: 'walk', cost, nodes: this.#nodesTo(last) };
  }

  /** Least costs from each silo to `source`, by relaxed walks against the arcs; undefined where loops are in the way. */
  costsAgainst(source: number, step: Float64Array): Float64Array | undefined {
    const { count, masks } = this.#memory;
    const turned = new Float64Array(count * count);
    for (let pair = 0; pair < count * count; pair++) {
      turned[(pair % count) * count + Math.floor(pair / count)] = step[pair]!;
    }
    const { loops } = this.#pass(source, undefined, turned, this.#unbounded, Number.POSITIVE_INFINITY);
    if (loops.length > 0) return undefined;
    const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    for (let label = 0; label < count * masks; label++) {
      const node = this.#nodeOf[label]!;
      if (this.#cost[label]! < least[node]!) least[node] = this.#cost[label]!;
    }
    return least;
  }

  #pass(
    source: number,
    inside: Uint8Array | undefined,
    step: Float64Array,
    toEnd: Float64Array,
    limit: number,
  ): { loops: readonly (readonly number[])[]; cost: number; last: number } {
    const { count, masks } = this.#memory;
    const first = source * masks + 1;
    this.visitedArcs += this.#cost.length;
    this.#cost.fill(Number.POSITIVE_INFINITY);
    this.#waiting.fill(0);
    this.#cost[first] = 0;
    this.#before[first] = -1;
    this.#queue[0] = first;
    let cheapest = limit;
    let last = -1;
    let size = 1;
    for (let round = 1; size > 0; round++) {
      const queue = this.#queue;
      let nextSize = 0;
      for (let place = 0; place < size; place++) this.#waiting[queue[place]!] = 0;
      this.visitedArcs += size * count;
      for (let place = 0; place < size; place++) {
        const label = queue[place]!;
        const node = this.#nodeOf[label]!;
        const closed = node === source ? cheapest : this.#cost[label]! + step[node * count + source]!;
        if (closed < cheapest) [cheapest, last] = [closed, label];
        nextSize = this.#extend(
          label,
          source,
          round === 1 ? inside : undefined,
          step,
          toEnd,
          cheapest,
          nextSize,
        );
      }
      [this.#queue, this.#next] = [this.#next, queue];
      size = nextSize;
      if (round >= firstLoopCheck && round % roundsPerLoopCheck === 0) {
        const loops = this.#loops(size);
        if (loops.length > 0) return { loops, cost: Number.NEGATIVE_INFINITY, last: -1 };
      }
    }
    return { loops: [], cost: cheapest, last };
  }

  /** Returns how many labels are waiting then. */
  #extend(
    label: number,
    source: number,
    barred: Uint8Array | undefined,
    step: Float64Array,
    toEnd: Float64Array,
    limit: number,
    waitingCount: number,
  ): number {
    const { count, masks, bit, carried, stride, lowMasks, lowBits } = this.#memory;
    const costs = this.#cost;
    const tolerance = this.#tolerance;
    const node = this.#nodeOf[label]!;
    const mask = label - node * masks;
    const low = mask & (lowMasks - 1);
    const high = lowMasks + (mask >> lowBits);
    const soFar = costs[label]!;
    let size = waitingCount;
    for (let head = 0; head < count; head++) {
      const pair = node * count + head;
      const cost = soFar + step[pair]!;
      if (cost + toEnd[head]! > limit || head === node || head === source) continue;
      const place = bit[pair]!;
      if ((place >= 0 && (mask >> place) & 1) || barred?.[head] === 1) continue;
      const row = pair * stride;
      const reached = head * masks + (carried[row + low]! | carried[row + high]!);
      if (cost >= costs[reached]! - tolerance) continue;
      costs[reached] = cost;
      this.#before[reached] = label;
      if (this.#waiting[reached] === 1) continue;
      this.#waiting[reached] = 1;
      this.#next[size++] = reached;
    }
    return size;
  }

  /** Labels that come from themselves: found by following each waiting label back. */
  #loops(waitingCount: number): number[][] {
    const seen = this.#seen;
    if (this.#seenUpTo > marksMax) {
      seen.fill(0);
      this.#seenUpTo = 0;
    }
    const old = this.#seenUpTo;
    const loops: number[][] = [];
    for (let place = 0; place < waitingCount; place++) {
      const mark = ++this.#seenUpTo;
      let label = this.#queue[place]!;
      while (label >= 0 && seen[label]! <= old) {
        seen[label] = mark;
        label = this.#before[label]!;
      }
      if (label < 0 || seen[label] !== mark) continue;
      const loop = [this.#nodeOf[label]!];
      for (let other = this.#before[label]!; other !== label; other = this.#before[other]!) {
        loop.push(this.#nodeOf[other]!);
      }
      loops.push(loop.reverse());
    }
    return loops;
  }

  /** Labels may have got cheaper since, but by other ways from the source only: there are no loops. */
  #nodesTo(last: number): number[] {
    const nodes: number[] = [];
    for (let label = last; label >= 0; label = this.#before[label]!) nodes.push(this.#nodeOf[label]!);
    return nodes.reverse();
  }
}
