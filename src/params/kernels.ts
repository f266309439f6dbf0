/**
 * Vector kernels, generic over f32 and f64. Sums are taken in f64 and rounded once, in the order given: callers
 * give ascending peer index with self in its place, so that arrival order never changes a bit.
 */
import { assert } from '../base/assert.ts';
import { precisionOf, type Vector, zeros } from './layout.ts';

export interface WeightedVector {
  readonly weight: number;
  readonly vector: Vector;
}

/** Σ weight·vector as a new vector of the first term's precision. All terms have one length; at least one term. */
export function weightedSum(terms: readonly WeightedVector[]): Vector {
  const first = terms[0];
  assert(first !== undefined, 'weightedSum of no terms');
  const size = first.vector.length;
  for (const { vector } of terms)
    assert(vector.length === size, `lengths ${vector.length} and ${size} differ`);
  const out = zeros(precisionOf(first.vector), size);
  const sums = new Float64Array(Math.min(size, BLOCK));
  for (let start = 0; start < size; start += BLOCK) {
    const end = Math.min(start + BLOCK, size);
    sums.fill(0);
    for (const { weight, vector } of terms) {
      for (let index = start; index < end; index++) sums[index - start]! += weight * vector[index]!;
    }
    for (let index = start; index < end; index++) out[index] = sums[index - start]!;
  }
  return out;
}

/** base + factor·Σ weight·(vector − reference) as a new vector of base's precision, the sum in the order given. All have one length. */
export function plusDifferences(
  base: Vector,
  factor: number,
  terms: readonly WeightedVector[],
  reference: Vector,
): Vector {
  const size = base.length;
  for (const { length } of [reference, ...terms.map(({ vector }) => vector)])
    assert(length === size, `lengths ${length} and ${size} differ`);
  const out = zeros(precisionOf(base), size);
  const sums = new Float64Array(Math.min(size, BLOCK));
  for (let start = 0; start < size; start += BLOCK) {
    const end = Math.min(start + BLOCK, size);
    sums.fill(0);
    for (const { weight, vector } of terms) {
      for (let index = start; index < end; index++)
        sums[index - start]! += weight * (vector[index]! - reference[index]!);
    }
    for (let index = start; index < end; index++) out[index] = base[index]! + factor * sums[index - start]!;
  }
  return out;
}

/** Elements per block of the f64 accumulator: it stays in the first-level cache. */
const BLOCK = 2048;

/** base + (after − before), element by element in f64, as a new vector of base's precision. */
export function plusDelta(base: Vector, after: Vector, before: Vector): Vector {
  assert(base.length === after.length && base.length === before.length, 'plusDelta of different lengths');
  const out = zeros(precisionOf(base), base.length);
  for (let index = 0; index < out.length; index++)
    out[index] = base[index]! + (after[index]! - before[index]!);
  return out;
}

/** Whether every element is a finite number. */
export function allFinite(vector: Vector): boolean {
  for (let index = 0; index < vector.length; index++) if (!Number.isFinite(vector[index])) return false;
  return true;
}

/** ‖a − b‖², in f64. */
export function squaredDistance(a: Vector, b: Vector): number {
  assert(a.length === b.length, 'squaredDistance of different lengths');
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index]! - b[index]!) ** 2;
  return sum;
}

/** Consensus distance: mean over peers of ‖xᵢ − x̄‖², in f64; 0 for none. */
export function consensusDistance(vectors: readonly Vector[]): number {
  const [first] = vectors;
  if (first === undefined) return 0;
  const mean = new Float64Array(first.length);
  for (const vector of vectors)
    for (let index = 0; index < mean.length; index++) mean[index]! += vector[index]! / vectors.length;
  return vectors.reduce((sum, vector) => sum + squaredDistance(vector, mean), 0) / vectors.length;
}
