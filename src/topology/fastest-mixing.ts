/**
 * Fast mixing weights on given arcs: W doubly stochastic, W_ij > 0 only for i = j and for arcs j → i, with ‖W^K − J‖
 * small, where K is about the number of rounds that consensus takes. Not only the spectral radius counts: far from
 * symmetric matrices, as on directed rings with chords, go through a long transient.
 *
 * Entropic mirror descent on log ‖A^K‖_F, A = W − J and K a power of two: entries are multiplied by exp(−η · gradient),
 * then rows and columns are balanced (Sinkhorn, Knopp 1967), which is the Bregman projection onto the doubly stochastic
 * matrices. The gradient runs back through the repeated squaring: Ḡ(B) = Ḡ(B²)·Bᵀ + Bᵀ·Ḡ(B²). A step that does not
 * help is undone and halved. K grows with the rounds needed (first 2, then twice as many, until ‖A^K‖ is small).
 */
import { type Expired, requireTime, withinTime } from './deadline.ts';
import { type Dense, product, spectralNorm, sum, transposed } from './dense.ts';
import type { Arc, WeightEntry } from './overlay.ts';

export interface FastestMixingOptions {
  /** Mirror steps for each K; default 150. */
  readonly stepsMax?: number;
  readonly expired: Expired;
}

/** Between steps rows and columns need not be exact; in the end they are. */
const roughBalance = { sweepsMax: 3_000, tolerance: 1e-11 };
const fineBalance = { sweepsMax: 500_000, tolerance: 1e-13 };
const usableTolerance = 1e-10;
const sweepsPerQuestion = 1_000;
/** Arcs with less weight than this are left out in the end, where that slows nothing. */
const leastWeight = 1e-4;
const slowdownMax = 1.02;
const squaringsMax = 20;
/** Consensus for people is 1e-3; K with ‖A^K‖ below it is the last. */
const consensusNorm = 1e-3;
/** Entries stay above: balancing takes some 1 / entry sweeps where small ones hold blocks together. */
const leastEntry = 1e-5;
const stepGrowth = 1.3;

/**
 * Weights for a strong digraph on `count` nodes; [receiver, sender, weight], the diagonal included. Arcs that hardly
 * help get none.
 */
export function fastestMixing(
  count: number,
  arcs: readonly Arc[],
  { stepsMax = 150, expired }: FastestMixingOptions,
): WeightEntry[] {
  const search = new MixingSearch(count, arcs, expired);
  if (withinTime(() => search.run(stepsMax)) === undefined) search.goBackToBalanced();
  return search.entries();
}

interface Balanced {
  readonly value: Float64Array;
  /** How far the sum of a row or column is from 1, at most. */
  readonly deviation: number;
}

class MixingSearch {
  readonly #count: number;
  #receiver: Int32Array;
  #sender: Int32Array;
  #value: Float64Array;
  /** The latest that need no long balancing, for which there may be no time in the end. */
  #balancedValue: Float64Array;
  readonly #expired: Expired;

  constructor(count: number, arcs: readonly Arc[], expired: Expired) {
    const loops = Array.from({ length: count }, (_, node): Arc => [node, node]);
    const support = [...loops, ...arcs];
    this.#count = count;
    this.#expired = expired;
    this.#receiver = Int32Array.from(support, ([, to]) => to);
    this.#sender = Int32Array.from(support, ([from]) => from);
    this.#value = this.#balanced(new Float64Array(support.length).fill(1), roughBalance).value;
    this.#balancedValue = this.#value;
  }

  /** True at its end; OperatingError `time-limit` where the time is up first. */
  run(stepsMax: number): true {
    for (let squarings = 1; squarings <= squaringsMax; squarings++) {
      this.#improve(squarings, stepsMax);
      if (this.#normOfPower(squarings) > consensusNorm) continue;
      this.#dropSmall(squarings);
      break;
    }
    return true;
  }

  /** For a search that was cut short. */
  goBackToBalanced(): void {
    this.#value = this.#balancedValue;
  }

  /** Exactly balanced. */
  entries(): WeightEntry[] {
    const exact = this.#balanced(this.#value, fineBalance);
    // Balancing entries of very different size can take forever; equal ones it balances soon.
    const { value } =
      exact.deviation <= usableTolerance
        ? exact
        : this.#balanced(new Float64Array(this.#value.length).fill(1), fineBalance);
    return Array.from(
      value,
      (weight, entry) => [this.#receiver[entry]!, this.#sender[entry]!, weight] as const,
    );
  }

  /** Drops arcs of little weight, where ‖A^K‖ stays as it is. The diagonal stays, and with it a balance exists. */
  #dropSmall(squarings: number): void {
    const before = { receiver: this.#receiver, sender: this.#sender, value: this.#value };
    const norm = this.#normOfPower(squarings);
    const isLoop = (entry: number) => before.receiver[entry] === before.sender[entry];
    const stays = before.value.map((weight, entry) => (isLoop(entry) || weight >= leastWeight ? 1 : 0));
    const isKept = (_: number, entry: number) => stays[entry] === 1;
    this.#receiver = before.receiver.filter(isKept);
    this.#sender = before.sender.filter(isKept);
    const { value, deviation } = this.#balanced(before.value.filter(isKept), fineBalance);
    this.#value = value;
    const mixes = () => deviation <= usableTolerance && this.#normOfPower(squarings) <= norm * slowdownMax;
    if (withinTime(mixes) === true) return;
    this.#receiver = before.receiver;
    this.#sender = before.sender;
    this.#value = before.value;
  }

  #normOfPower(squarings: number): number {
    return spectralNorm(this.#powers(this.#value, squarings).at(-1)!, this.#expired);
  }

  #product(one: Dense, other: Dense): Dense {
    requireTime(this.#expired, 'faster mixing');
    return product(one, other);
  }

  #improve(squarings: number, stepsMax: number): void {
    let { objective, gradient } = this.#objective(this.#value, squarings);
    let stride = 0.5;
    for (let step = 0; step < stepsMax && stride > 1e-4; step++) {
      const trial = this.#stepped(gradient, stride);
      const outcome = this.#objective(trial.value, squarings);
      if (outcome.objective >= objective) {
        stride /= 2;
        continue;
      }
      this.#value = trial.value;
      if (trial.deviation <= usableTolerance) this.#balancedValue = trial.value;
      ({ objective, gradient } = outcome);
      stride *= stepGrowth;
    }
  }

  /** Multiplied by exp(−stride · gradient), gradients scaled to the largest, then balanced. */
  #stepped(gradient: Float64Array, stride: number): Balanced {
    let mean = 0;
    this.#value.forEach((value, entry) => {
      mean += value * gradient[entry]!;
    });
    mean /= this.#count;
    let largest = 0;
    gradient.forEach((slope, entry) => {
      largest = Math.max(largest, Math.abs(slope - mean) * Math.sqrt(this.#value[entry]!));
    });
    if (largest === 0) return { value: this.#value, deviation: Number.POSITIVE_INFINITY };
    const factor = stride / largest;
    const trial = this.#value.map((value, entry) => {
      const power = Math.max(-3, Math.min(3, -factor * (gradient[entry]! - mean)));
      return Math.max(leastEntry, value * Math.exp(power));
    });
    return this.#balanced(trial, roughBalance);
  }

  /** log ‖A^K‖_F and its gradient at the entries, K = 2^squarings. */
  #objective(value: Float64Array, squarings: number): { objective: number; gradient: Float64Array } {
    const powers = this.#powers(value, squarings);
    const last = powers[squarings]!;
    const squared = last.values.reduce((total, entry) => total + entry * entry, 0);
    let slope: Dense = { size: this.#count, values: last.values.map((entry) => entry / squared) };
    for (let level = squarings - 1; level >= 0; level--) {
      const turned = transposed(powers[level]!);
      slope = sum(this.#product(slope, turned), this.#product(turned, slope));
    }
    const gradient = value.map(
      (_, entry) => slope.values[this.#receiver[entry]! * this.#count + this.#sender[entry]!]!,
    );
    return { objective: Math.log(squared) / 2, gradient };
  }

  /** A, A², A⁴, … A^(2^squarings). */
  #powers(value: Float64Array, squarings: number): Dense[] {
    const values = new Float64Array(this.#count ** 2).fill(-1 / this.#count);
    value.forEach((weight, entry) => {
      const place = this.#receiver[entry]! * this.#count + this.#sender[entry]!;
      values[place] = values[place]! + weight;
    });
    const powers: Dense[] = [{ size: this.#count, values }];
    for (let level = 0; level < squarings; level++)
      powers.push(this.#product(powers[level]!, powers[level]!));
    return powers;
  }

  /** Rows, then columns, scaled to sum to 1 until both do. */
  #balanced(value: Float64Array, { sweepsMax, tolerance }: typeof roughBalance): Balanced {
    const balanced = value.slice();
    const sums = new Float64Array(this.#count);
    let deviation = Number.POSITIVE_INFINITY;
    for (let sweep = 1; sweep <= sweepsMax && deviation > tolerance; sweep++) {
      if (sweep % sweepsPerQuestion === 0 && this.#expired()) break;
      const rows = this.#scaled(balanced, this.#receiver, sums);
      const columns = this.#scaled(balanced, this.#sender, sums);
      deviation = Math.max(rows, columns);
    }
    return { value: balanced, deviation };
  }

  /** Divides the entries of each group by their sum, in place; returns how far a sum was from 1. */
  #scaled(value: Float64Array, group: Int32Array, sums: Float64Array): number {
    sums.fill(0);
    for (let entry = 0; entry < value.length; entry++) {
      sums[group[entry]!] = sums[group[entry]!]! + value[entry]!;
    }
    let deviation = 0;
    for (const total of sums) deviation = Math.max(deviation, Math.abs(total - 1));
    for (let entry = 0; entry < value.length; entry++) {
      value[entry] = value[entry]! / sums[group[entry]!]!;
    }
    return deviation;
  }
}
