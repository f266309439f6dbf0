/**
 * How a peer knows that a mean it has come to is exact, our addition to push-sum. Beside its vector each peer brings K numbers drawn from
 * (seed, peer), whose mean over those that have entered everybody can compute. A peer's estimate is Σ λᵢvᵢ with Σ λᵢ = 1; of its K check
 * columns δ_k = Σ (λᵢ − 1/n) r_ik is known, and with r of variance 1, mean δ² estimates Σ (λᵢ − 1/n)². From it
 *   weightError = 8 √n √(mean δ²)  ≥  Σ |λᵢ − 1/n|   (but for chance below 1e-6)
 */
import { Random } from '../base/random.ts';
import type { Mass } from './mass.ts';
import type { PeerSet } from './peer-set.ts';

/** Check columns; a mass ends with them. */
export const CHECKS = 8;
const SAFETY = 8;
/** Of a uniform number on [−1, 1] with variance 1. */
const UNIT = Math.sqrt(3);

export interface Checks {
  readonly seed: number;
  /** By peer, as far as they were needed. */
  readonly known: Map<number, Float64Array>;
  /** Their mean over the first `size` that entered `of`, a set that only grows. */
  mean: { readonly of: PeerSet; readonly size: number; readonly values: Float64Array } | undefined;
}

export function createChecks(seed: number): Checks {
  return { seed, known: new Map(), mean: undefined };
}

/** A peer's numbers, of mean 0 and variance 1; the same wherever they are drawn. */
export function checksOf({ seed, known }: Checks, peer: number): Float64Array {
  let checks = known.get(peer);
  if (checks === undefined) {
    const random = Random.of(seed, 'aggregate', peer);
    checks = Float64Array.from({ length: CHECKS }, () => UNIT * (2 * random.uniform() - 1));
    known.set(peer, checks);
  }
  return checks;
}

export function weightErrorOf(checks: Checks, entered: PeerSet, { y, z }: Mass): number {
  if (!(z > 0) || entered.size === 0) return Number.POSITIVE_INFINITY;
  const means = meanOf(checks, entered);
  const first = y.length - CHECKS;
  let squares = 0;
  for (let check = 0; check < CHECKS; check++) squares += (y[first + check]! / z - means[check]!) ** 2;
  return SAFETY * Math.sqrt((entered.size * squares) / CHECKS);
}

/** Asked for with every message, and another only when somebody has entered. */
function meanOf(checks: Checks, entered: PeerSet): Float64Array {
  const { mean } = checks;
  if (mean?.of === entered && mean.size === entered.size) return mean.values;
  const values = new Float64Array(CHECKS);
  for (const peer of entered)
    checksOf(checks, peer).forEach((value, check) => {
      values[check]! += value / entered.size;
    });
  checks.mean = { of: entered, size: entered.size, values };
  return values;
}
