/**
 * Proofs that no simple cycle out of a set of silos has a mean of λ or less. Over simple cycles that leave the set from
 * `source`, min Σ (d − λ) is bounded from below by relaxing "no silo twice" in two ways at once:
 *
 * - relaxed walks that remember few silos (closed-walks.ts);
 * - prices μ ≥ 0 on silos, paid at each visit and given back once (Lagrange): for a simple cycle Σ visits · μ ≤ Σ μ, so
 *   min over walks of Σ (d − λ + μ) − Σ μ never exceeds the true minimum, whatever μ is.
 *
 * Where that is positive beyond rounding, every such cycle has a mean above λ. Prices rise by projection while loops of
 * negative cost are left (each wants Σ μ over its silos to make up for it), then by subgradient steps.
 */
import { ClosedWalks } from './closed-walks.ts';
import { WalkMemory } from './walk-memory.ts';

/** `crossed`: a simple cycle of mean ≤ λ leaves the set, so no memory will ever do. */
export type CutOutcome = 'proved' | 'open' | 'crossed';

const firstStride = 1.5;
const leastStride = 0.1;
const stallMax = 4;
/** Given up where this many times the last steps' gain would not do. */
const outlookSteps = 4;
const outlookFactor = 3;
const loopPassesMax = 40;
const overProjection = 1.1;
const leastDeficit = 1e-5;
/** Improvements of a label below this share of the scale are rounding; n of them may add up. */
const relativeTolerance = 1e-12;
/** From this memory on, passes against the arcs with a memory shorter by two come first. */
const prunedSizeMin = 5;

export class CutProof {
  readonly nodes: readonly number[];
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #scaleMs: number;
  readonly #inside: Uint8Array;
  readonly #scores: Float64Array;
  readonly #step: Float64Array;
  /** [source] → μ. */
  #prices: readonly Float64Array[];
  #memory: WalkMemory;
  #walks: ClosedWalks;
  #earlierArcs = 0;

  /** `delayMs`: [n × n], row = sender. `nodes`: the set, not all silos. `like`: begins with its prices and its memory. */
  constructor(count: number, delayMs: Float64Array, nodes: readonly number[], like?: CutProof) {
    this.nodes = nodes;
    this.#count = count;
    this.#delayMs = delayMs;
    this.#scaleMs = delayMs.reduce((most, delay) => Math.max(most, delay), 0);
    this.#inside = new Uint8Array(count);
    for (const node of nodes) this.#inside[node] = 1;
    this.#scores = new Float64Array(count * count);
    this.#step = new Float64Array(count * count);
    this.#prices = nodes.map((node) => {
      const prices = like === undefined ? new Float64Array(count) : like.#prices[0]!.slice();
      prices[node] = 0;
      return prices;
    });
    this.#memory = like === undefined ? WalkMemory.ofNearest(count, delayMs) : like.#memory;
    this.#walks = this.#walksOf(this.#memory);
  }

  get memorySize(): number {
    return this.#memory.size;
  }

  /** Arcs looked at so far. */
  get visitedArcs(): number {
    return this.#earlierArcs + this.#walks.visitedArcs;
  }

  /** Remembers more: who walks came back to too soon. */
  grow(): void {
    this.#earlierArcs += this.#walks.visitedArcs;
    this.#memory = this.#memory.grown(this.#scores);
    this.#scores.fill(0);
    this.#walks = this.#walksOf(this.#memory);
  }

  /** Whether it is proved that every simple cycle out of the set has a mean above λ. */
  try(lambdaMs: number, stepsMax: number, expired: () => boolean): CutOutcome {
    const before = this.#prices.map((prices) => prices.slice());
    for (const [place, source] of this.nodes.entries()) {
      const outcome = this.#exclude(source, this.#prices[place]!, lambdaMs, stepsMax, expired);
      if (outcome === 'proved') continue;
      this.#prices = before;
      return outcome;
    }
    return 'proved';
  }

  #walksOf(memory: WalkMemory): ClosedWalks {
    const shorter = memory.size >= prunedSizeMin ? memory.shortened(memory.size - 2) : undefined;
    return new ClosedWalks(memory, relativeTolerance * this.#scaleMs, shorter);
  }

  #exclude(
    source: number,
    prices: Float64Array,
    lambdaMs: number,
    stepsMax: number,
    expired: () => boolean,
  ): CutOutcome {
    const slackMs = 4 * this.#count ** 2 * relativeTolerance * this.#scaleMs;
    const ascent = new Ascent();
    for (
      let steps = 0, passes = 0;
      steps < stepsMax && passes < loopPassesMax * stepsMax && !expired();
      passes++
    ) {
      this.#fillSteps(lambdaMs, prices);
      const pass = this.#walks.cheapest(source, this.#inside, this.#step, sum(prices) + slackMs);
      if (pass.kind === 'none') return 'proved';
      if (pass.kind === 'loops') {
        for (const loop of pass.loops) this.#project(loop, lambdaMs, prices);
        continue;
      }
      steps++;
      if (this.#meanOfSimple(pass.nodes) <= lambdaMs) return 'crossed';
      for (const walk of loopsOf(pass.nodes)) this.#memory.scoreReturns(walk, this.#scores);
      const bound = pass.cost - sum(prices);
      if (!ascent.goesOn(bound)) return 'open';
      if (!this.#reprice(source, pass.nodes, bound, ascent.stride, prices)) return 'open';
    }
    return 'open';
  }

  #fillSteps(lambdaMs: number, prices: Float64Array): void {
    const count = this.#count;
    for (let from = 0, pair = 0; from < count; from++) {
      for (let to = 0; to < count; to++, pair++) {
        this.#step[pair] = this.#delayMs[pair]! - lambdaMs + prices[to]!;
      }
    }
  }

  /** Raises prices so that the loop costs a little more than nothing. */
  #project(loop: readonly number[], lambdaMs: number, prices: Float64Array): void {
    this.#memory.scoreReturns(loop, this.#scores);
    const visits = new Int32Array(this.#count);
    let cost = 0;
    loop.forEach((node, place) => {
      const next = loop[(place + 1) % loop.length]!;
      cost += this.#delayMs[node * this.#count + next]! - lambdaMs + prices[next]!;
      visits[next] = visits[next]! + 1;
    });
    if (cost >= 0) return;
    const norm = visits.reduce((total, count) => total + count * count, 0);
    const deficitMs = -cost * overProjection + leastDeficit * this.#scaleMs;
    visits.forEach((count, node) => {
      prices[node] = prices[node]! + (deficitMs * count) / norm;
    });
  }

  /** One subgradient step; false where prices cannot move. */
  #reprice(
    source: number,
    nodes: readonly number[],
    bound: number,
    stride: number,
    prices: Float64Array,
  ): boolean {
    const excess = new Int32Array(this.#count).fill(-1);
    for (const node of nodes) excess[node] = excess[node]! + 1;
    excess[source] = 0;
    const norm = excess.reduce(
      (total, value, node) => (value > 0 || prices[node]! > 0 ? total + value * value : total),
      0,
    );
    if (norm === 0) return false;
    const step = (stride * (0.001 * this.#scaleMs - Math.min(0, bound))) / norm;
    excess.forEach((value, node) => {
      prices[node] = Math.max(0, prices[node]! + step * value);
    });
    return true;
  }

  /** The mean of a closed walk that is a simple cycle, else infinite. */
  #meanOfSimple(nodes: readonly number[]): number {
    if (new Set(nodes).size < nodes.length) return Number.POSITIVE_INFINITY;
    const delayMs = (place: number) =>
      this.#delayMs[nodes[place]! * this.#count + nodes[(place + 1) % nodes.length]!]!;
    return nodes.reduce((total, _, place) => total + delayMs(place), 0) / nodes.length;
  }
}

/** When subgradient steps get shorter, and when they are given up. */
class Ascent {
  stride = firstStride;
  #best = Number.NEGATIVE_INFINITY;
  #before = Number.NEGATIVE_INFINITY;
  #stall = 0;
  #steps = 0;

  goesOn(bound: number): boolean {
    if (bound > this.#best + 1e-3 * Math.abs(this.#best)) this.#stall = 0;
    else if (++this.#stall >= stallMax) [this.stride, this.#stall] = [this.stride * 0.6, 0];
    this.#best = Math.max(this.#best, bound);
    if (++this.#steps % outlookSteps === 0) {
      if (this.#best + outlookFactor * (this.#best - this.#before) < 0) return false;
      this.#before = this.#best;
    }
    return this.stride >= leastStride;
  }
}

/** The parts of a walk between two visits of a node, the shortest ones, each once. */
function loopsOf(nodes: readonly number[]): number[][] {
  const at = new Map<number, number>();
  const loops: number[][] = [];
  nodes.forEach((node, place) => {
    const last = at.get(node);
    if (last !== undefined) loops.push(nodes.slice(last, place));
    at.set(node, place);
  });
  return loops;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
