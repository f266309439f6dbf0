/**
 * Proofs that no simple cycle through a silo has a mean of λ or less. Over simple cycles that leave a set of silos
 * from `source`, min Σ (d − λ) is bounded from below by relaxing "no silo twice" in two ways at once:
 *
 * - walks of at most n arcs that remember the silos near them (ng-routes; Baldacci, Mingozzi, Roberti 2011): a silo is
 *   not visited again while every silo since has it in its neighbourhood. Every simple cycle is such a walk;
 * - prices μ ≥ 0 on silos, paid at each visit and given back once (Lagrange): for a simple cycle Σ visits · μ ≤ Σ μ, so
 *   min over walks of Σ (d − λ + μ) − Σ μ never exceeds the true minimum, whatever μ is. Subgradient steps raise it.
 *
 * Where the bound is positive beyond rounding, every such cycle has a mean above λ.
 */

export interface ExclusionOptions {
  /** Subgradient steps. */
  readonly iterationsMax: number;
  expired(): boolean;
}

const lowBits = 6;
const stallMax = 4;
/** Given up where this many times the last iterations' gain would not do. */
const outlookIterations = 6;
const outlookFactor = 3;
/** Improvements of a label below this share of the scale are rounding; n of them may add up. */
const relativeTolerance = 1e-12;

export class ClosedWalks {
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #scaleMs: number;
  /** [node] → the nodes it remembers, itself first; bit k of a mask at `node` is neighbours[node][k]. */
  readonly #neighbours: Int32Array[];
  /** [node · n + other] → bit of `other` at `node`, −1 where it is not remembered. */
  readonly #bit: Int8Array;
  readonly #masks: number;
  /** [(from · n + to) · (low + high masks)]: the mask at `to` for the low, then for the high bits of one at `from`. */
  readonly #carried: Int32Array;
  readonly #lowMasks: number;
  readonly #carriedStride: number;
  /** d − λ + μ(to), of the walk that is looked for. [n × n] */
  readonly #stepMs: Float64Array;
  /** Labels: [node · masks + mask]. */
  readonly #cost: Float64Array;
  readonly #before: Int32Array;
  readonly #waiting: Uint8Array;
  /** Arcs looked at so far: what a proof costs, the same on every machine. */
  visitedArcs = 0;
  readonly #prices = new Map<number, Float64Array>();

  /** `delayMs`: [n × n], row = sender. Memory: 13 · n · 2^memorySize bytes. */
  constructor(count: number, delayMs: Float64Array, memorySize: number) {
    this.#count = count;
    this.#delayMs = delayMs;
    this.#scaleMs = Math.max(...delayMs);
    this.#neighbours = nearestNodes(count, delayMs, Math.min(memorySize, count));
    this.#bit = new Int8Array(count * count).fill(-1);
    this.#neighbours.forEach((list, node) => {
      list.forEach((other, bit) => {
        this.#bit[node * count + other] = bit;
      });
    });
    this.#masks = 2 ** Math.min(memorySize, count);
    this.#lowMasks = Math.min(this.#masks, 2 ** lowBits);
    this.#carriedStride = this.#lowMasks + this.#masks / this.#lowMasks;
    this.#carried = this.#carriedMasks();
    this.#stepMs = new Float64Array(count * count);
    this.#cost = new Float64Array(count * this.#masks);
    this.#before = new Int32Array(count * this.#masks);
    this.#waiting = new Uint8Array(count * this.#masks);
  }

  /** True: proved that every simple cycle with an arc from `source` to a silo that is not `inside` has a mean > λ. */
  excludes(
    source: number,
    inside: Uint8Array,
    lambdaMs: number,
    { iterationsMax, expired }: ExclusionOptions,
  ): boolean {
    const prices = this.#prices.get(source) ?? new Float64Array(this.#count);
    this.#prices.set(source, prices);
    const slackMs = 4 * this.#count * this.#count * relativeTolerance * this.#scaleMs;
    let best = Number.NEGATIVE_INFINITY;
    let stride = 1.5;
    let stall = 0;
    let before = Number.NEGATIVE_INFINITY;
    for (let iteration = 0; iteration < iterationsMax && !expired(); iteration++) {
      const { cost, last } = this.#cheapestWalk(source, inside, lambdaMs, prices);
      const bound = cost - sum(prices);
      if (bound > slackMs) return true;
      if (bound > best + 1e-3 * Math.abs(best)) stall = 0;
      else if (++stall >= stallMax) [stride, stall] = [stride * 0.6, 0];
      best = Math.max(best, bound);
      if (iteration % outlookIterations === 0) {
        if (best + outlookFactor * (best - before) < 0) return false;
        before = best;
      }
      if (stride < 0.1 || !this.#reprice(source, last, bound, stride, prices)) return false;
    }
    return false;
  }

  /** The least Σ (d − λ + μ) over relaxed closed walks, and its last label. */
  #cheapestWalk(
    source: number,
    inside: Uint8Array,
    lambdaMs: number,
    prices: Float64Array,
  ): { cost: number; last: number } {
    const masks = this.#masks;
    const count = this.#count;
    for (let pair = 0; pair < count * count; pair++) {
      this.#stepMs[pair] = this.#delayMs[pair]! - lambdaMs + prices[pair % count]!;
    }
    this.#cost.fill(Number.POSITIVE_INFINITY);
    this.#waiting.fill(0);
    const first = source * masks + 1;
    this.#cost[first] = 0;
    let closing = { cost: Number.POSITIVE_INFINITY, last: first };
    let current = [first];
    for (let length = 1; length <= count && current.length > 0; length++) {
      const next: number[] = [];
      for (const label of current) this.#waiting[label] = 0;
      this.visitedArcs += current.length * count;
      for (const label of current) {
        const node = Math.floor(label / masks);
        if (node !== source) {
          const cost = this.#cost[label]! + this.#stepMs[node * count + source]!;
          if (cost < closing.cost) closing = { cost, last: label };
        }
        this.#extend(label, node, source, length === 1 ? inside : undefined, next);
      }
      current = next;
    }
    return closing;
  }

  #extend(label: number, node: number, source: number, barred: Uint8Array | undefined, next: number[]): void {
    const count = this.#count;
    const masks = this.#masks;
    const cost = this.#cost;
    const carried = this.#carried;
    const mask = label - node * masks;
    const low = mask % this.#lowMasks;
    const high = this.#lowMasks + Math.floor(mask / this.#lowMasks);
    const soFar = cost[label]!;
    const tolerance = relativeTolerance * this.#scaleMs;
    for (let head = 0; head < count; head++) {
      const pair = node * count + head;
      if (head === node || head === source || barred?.[head] === 1) continue;
      const bit = this.#bit[pair]!;
      if (bit >= 0 && (mask >> bit) & 1) continue;
      const reachedCost = soFar + this.#stepMs[pair]!;
      const row = pair * this.#carriedStride;
      const reached = head * masks + (carried[row + low]! | carried[row + high]!);
      if (reachedCost >= cost[reached]! - tolerance) continue;
      cost[reached] = reachedCost;
      this.#before[reached] = label;
      if (this.#waiting[reached] === 1) continue;
      this.#waiting[reached] = 1;
      next.push(reached);
    }
  }

  #carriedMasks(): Int32Array {
    const count = this.#count;
    const tables = new Int32Array(count * count * this.#carriedStride);
    for (let pair = 0; pair < count * count; pair++) {
      const to = pair % count;
      const bits = Array.from(
        this.#neighbours[Math.floor(pair / count)]!,
        (other) => this.#bit[to * count + other]!,
      );
      const carry = (mask: number, first: number) =>
        bits.reduce((made, bit, place) => {
          const isSet = place >= first && bit >= 0 && (mask >> (place - first)) & 1;
          return isSet ? made | (1 << bit) : made;
        }, 0);
      const row = pair * this.#carriedStride;
      for (let mask = 0; mask < this.#carriedStride; mask++) {
        tables[row + mask] =
          mask < this.#lowMasks
            ? carry(mask, 0) | (1 << this.#bit[to * count + to]!)
            : carry(mask - this.#lowMasks, lowBits);
      }
    }
    return tables;
  }

  /** One subgradient step; false where the cheapest walk is a simple cycle, or prices cannot move. */
  #reprice(source: number, last: number, bound: number, stride: number, prices: Float64Array): boolean {
    const count = this.#count;
    const visits = this.#visits(source, last);
    let norm = 0;
    let repeated = false;
    for (let node = 0; node < count; node++) {
      const excess = visits[node]! - 1;
      if (excess > 0) repeated = true;
      if (node !== source && (excess > 0 || (excess < 0 && prices[node]! > 0))) norm += excess * excess;
    }
    if (!repeated && sum(prices) === 0) return false;
    if (norm === 0) return false;
    const step = (stride * (0.001 * this.#scaleMs - Math.min(0, bound))) / norm;
    for (let node = 0; node < count; node++) {
      if (node !== source) prices[node] = Math.max(0, prices[node]! + step * (visits[node]! - 1));
    }
    return true;
  }

  /** How often the walk visits each node. Labels may have improved since: any counts give valid prices. */
  #visits(source: number, last: number): Int32Array {
    const visits = new Int32Array(this.#count);
    let label = last;
    for (let steps = 0; steps <= this.#count; steps++) {
      const node = Math.floor(label / this.#masks);
      visits[node] = visits[node]! + 1;
      if (node === source) break;
      label = this.#before[label]!;
    }
    return visits;
  }
}

/** For each node itself and then the nearest others, both ways counted. */
function nearestNodes(count: number, delayMs: Float64Array, size: number): Int32Array[] {
  const both = (one: number, other: number) => delayMs[one * count + other]! + delayMs[other * count + one]!;
  return Array.from({ length: count }, (_, node) => {
    const others = Array.from({ length: count }, (_, other) => other).filter((other) => other !== node);
    others.sort((a, b) => both(node, a) - both(node, b) || a - b);
    return Int32Array.from([node, ...others.slice(0, size - 1)]);
  });
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
