/**
 * Local search for short tours: 2-opt and Or-opt (segments of up to three nodes, either way round) on neighbour lists
 * with don't-look bits (Bentley 1992), then an iterated search: two neighbouring segments change places (a double bridge
 * of a small neighbourhood, as Johnson, McGeoch 1997), the ends are repaired by the same moves, and what got longer is
 * undone. Every move is a row of reversals, so undoing is reversing backwards. Costs are symmetric.
 */
import type { Random } from '../../base/random.ts';
import type { PairCost } from '../trees.ts';

export interface TourRun {
  readonly random: Random;
  /** True once the time is up. */
  expired(): boolean;
}

export interface TourSearch extends TourRun {
  /** Symmetric. */
  readonly cost: PairCost;
  /** [node · neighbourCount + rank], each node's nearest others, nearest first. */
  readonly neighbours: Int32Array;
  /** Perturbations after the first local optimum. */
  readonly kicks: number;
}

const segmentMax = 3;
const kickSpan = 50;
const askEvery = 256;

/** A tour at least as short as `start`, a permutation of the nodes. */
export function improvedTour(start: ArrayLike<number>, search: TourSearch): Int32Array {
  const improver = new Improver(Int32Array.from(start), search);
  improver.run();
  return improver.tour;
}

class Improver {
  readonly tour: Int32Array;
  readonly #place: Int32Array;
  readonly #search: TourSearch;
  readonly #neighbourCount: number;
  readonly #queued: Uint8Array;
  #queue: number[] = [];
  /** Reversals since the last kick, as pairs of places. */
  #log: number[] = [];
  #tolerance = 0;

  constructor(tour: Int32Array, search: TourSearch) {
    this.tour = tour;
    this.#search = search;
    this.#place = new Int32Array(tour.length);
    tour.forEach((node, place) => {
      this.#place[node] = place;
    });
    this.#neighbourCount = search.neighbours.length / tour.length;
    this.#queued = new Uint8Array(tour.length);
  }

  run(): void {
    const { tour } = this;
    const { expired, kicks, cost } = this.#search;
    if (tour.length < 5) return;
    this.#tolerance =
      1e-12 * tour.reduce((sum, node, place) => sum + cost(node, tour[(place + 1) % tour.length]!), 0);
    for (const node of tour) this.#enqueue(node);
    this.#settle();
    for (let kick = 0; kick < kicks; kick++) {
      if (kick % askEvery === 0 && expired()) return;
      this.#log = [];
      const change = this.#kick() + this.#settle();
      if (change > 0) this.#undo();
    }
  }

  /** Local optimum around the queued nodes; the change of length. */
  #settle(): number {
    let change = 0;
    let steps = 0;
    let stopped = false;
    for (let place = 0; place < this.#queue.length; place++) {
      const node = this.#queue[place]!;
      this.#queued[node] = 0;
      for (let gain = Number.POSITIVE_INFINITY; gain > this.#tolerance && !stopped; ) {
        gain = this.#improve(node);
        if (gain > this.#tolerance) change -= gain;
        if (++steps % askEvery === 0) stopped = this.#search.expired();
      }
    }
    this.#queue = [];
    return change;
  }

  #improve(node: number): number {
    const forwards = this.#twoOpt(node, true);
    if (forwards > this.#tolerance) return forwards;
    const backwards = this.#twoOpt(node, false);
    return backwards > this.#tolerance ? backwards : this.#orOpt(node);
  }

  /** Replaces node – beside and near – its own beside by node – near and beside – beside. */
  #twoOpt(node: number, forwards: boolean): number {
    const { cost, neighbours } = this.#search;
    const beside = forwards ? this.#next(node) : this.#previous(node);
    const held = cost(node, beside);
    for (let rank = 0; rank < this.#neighbourCount; rank++) {
      const near = neighbours[node * this.#neighbourCount + rank]!;
      const joined = cost(node, near);
      if (joined >= held) return 0;
      const nearBeside = forwards ? this.#next(near) : this.#previous(near);
      if (near === beside || nearBeside === node) continue;
      const gain = held + cost(near, nearBeside) - joined - cost(beside, nearBeside);
      if (gain <= this.#tolerance) continue;
      if (forwards) this.#reverse(this.#place[beside]!, this.#place[near]!);
      else this.#reverse(this.#place[near]!, this.#place[beside]!);
      for (const end of [node, beside, near, nearBeside]) this.#enqueue(end);
      return gain;
    }
    return 0;
  }

  /** Moves a segment that begins or ends at node between two neighbours elsewhere. */
  #orOpt(node: number): number {
    for (let length = 1; length <= segmentMax; length++) {
      for (const forwards of [true, false]) {
        const gain = this.#moveSegment(node, length, forwards);
        if (gain > this.#tolerance) return gain;
      }
    }
    return 0;
  }

  #moveSegment(node: number, length: number, forwards: boolean): number {
    const { tour } = this;
    const { cost, neighbours } = this.#search;
    const count = tour.length;
    const first = forwards ? this.#place[node]! : (this.#place[node]! - length + 1 + count) % count;
    const last = (first + length - 1) % count;
    const far = forwards ? tour[last]! : tour[first]!;
    const before = tour[(first - 1 + count) % count]!;
    const after = tour[(last + 1) % count]!;
    const [nodeSide, farSide] = forwards ? [before, after] : [after, before];
    const freed = cost(nodeSide, node) + cost(far, farSide) - cost(before, after);
    for (let rank = 0; rank < this.#neighbourCount; rank++) {
      const near = neighbours[node * this.#neighbourCount + rank]!;
      const joined = cost(node, near);
      if (joined >= freed) return 0;
      if ((this.#place[near]! - first + count) % count < length) continue;
      for (const beyond of [this.#next(near), this.#previous(near)]) {
        if ((this.#place[beyond]! - first + count) % count < length) continue;
        const gain = freed + cost(near, beyond) - joined - cost(far, beyond);
        if (gain <= this.#tolerance) continue;
        this.#insert(first, last, node, near, beyond);
        for (const end of [before, after, node, far, near, beyond]) this.#enqueue(end);
        return gain;
      }
    }
    return 0;
  }

  /** Puts the segment first..last between near and beyond with `node` beside near: two reversals, or three. */
  #insert(first: number, last: number, node: number, near: number, beyond: number): void {
    const { tour } = this;
    const count = tour.length;
    const length = ((last - first + count) % count) + 1;
    const ahead = this.#next(near) === beyond ? near : beyond;
    // The segment and what lies between it and its new place change places: reverse both together, then each alone.
    const gapAfter = (this.#place[ahead]! - last + count) % count;
    const gapBefore = (first - this.#place[ahead]! - 1 + count) % count;
    let start: number;
    if (gapAfter <= gapBefore) {
      this.#flip(first, (last + gapAfter) % count);
      this.#flip(first, (first + gapAfter - 1 + count) % count);
      start = (first + gapAfter) % count;
    } else {
      start = (first - gapBefore + count) % count;
      this.#flip(start, last);
      this.#flip((start + length) % count, last);
    }
    const end = (start + length - 1) % count;
    const before = tour[(start - 1 + count) % count]!;
    if ((tour[start] === node) !== (before === near)) this.#flip(start, end);
  }

  /** Two random neighbouring segments change places; the change of length. */
  #kick(): number {
    const { tour } = this;
    const { cost, random } = this.#search;
    const count = tour.length;
    const span = Math.min(kickSpan, Math.floor((count - 2) / 2));
    const start = random.integer(count);
    const one = 1 + random.integer(span);
    const two = 1 + random.integer(span);
    const at = (step: number) => tour[(start + step) % count]!;
    const ends = [at(count - 1), at(0), at(one - 1), at(one), at(one + two - 1), at(one + two)] as const;
    const [before, a, b, c, d, after] = ends;
    const change =
      cost(before, c) + cost(d, a) + cost(b, after) - cost(before, a) - cost(b, c) - cost(d, after);
    this.#flip(start, (start + one + two - 1) % count);
    this.#flip(start, (start + two - 1) % count);
    this.#flip((start + two) % count, (start + one + two - 1) % count);
    for (const end of ends) this.#enqueue(end);
    return change;
  }

  #undo(): void {
    const log = this.#log;
    this.#log = [];
    for (let index = log.length - 2; index >= 0; index -= 2) this.#flip(log[index]!, log[index + 1]!);
  }

  /** Turns the nodes at places first..last (around the end, where first > last) the other way, or all the others. */
  #reverse(first: number, last: number): void {
    const count = this.tour.length;
    const inside = ((last - first + count) % count) + 1;
    if (2 * inside <= count) this.#flip(first, last);
    else this.#flip((last + 1) % count, (first - 1 + count) % count);
  }

  #flip(first: number, last: number): void {
    const { tour } = this;
    const count = tour.length;
    this.#log.push(first, last);
    let [low, high] = [first, last];
    for (let swaps = (((last - first + count) % count) + 1) >> 1; swaps > 0; swaps--) {
      const one = tour[low]!;
      const other = tour[high]!;
      tour[low] = other;
      tour[high] = one;
      this.#place[other] = low;
      this.#place[one] = high;
      low = low + 1 === count ? 0 : low + 1;
      high = high === 0 ? count - 1 : high - 1;
    }
  }

  #next(node: number): number {
    const place = this.#place[node]! + 1;
    return this.tour[place === this.tour.length ? 0 : place]!;
  }

  #previous(node: number): number {
    const place = this.#place[node]!;
    return this.tour[place === 0 ? this.tour.length - 1 : place - 1]!;
  }

  #enqueue(node: number): void {
    if (this.#queued[node] === 1) return;
    this.#queued[node] = 1;
    this.#queue.push(node);
  }
}
