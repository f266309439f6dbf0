/**
 * Vector kernels, generic over f32 and f64. Sums are taken in f64 and rounded once, in the order given: callers
 * give ascending peer index with self in its place, so that arrival order never changes a bit.
 */
import { assert } from '../base/assert.ts';
import { precisionOf, type Vector, zeros } from './layout.ts';
import { mixingKernel, WASM_BLOCK, WASM_TERMS_MAX } from './mixing-wasm.ts';

export interface WeightedVector {
  readonly weight: number;
  readonly vector: Vector;
}

/** Σ weight·vector as a new vector of the first term's precision. All terms have one length; at least one term. */
export function weightedSum(terms: readonly WeightedVector[]): Vector {
  const first = terms[0];
  assert(first !== undefined, 'weightedSum of no terms');
  return weightedSumInto(zeros(precisionOf(first.vector), first.vector.length), terms);
}

/** The same into a vector that is there, and may be one of the terms: they are read block by block before it is written. Returns it. */
export function weightedSumInto(out: Vector, terms: readonly WeightedVector[]): Vector {
  const size = out.length;
  for (const { vector } of terms)
    assert(vector.length === size, () => `lengths ${vector.length} and ${size} differ`);
  const singles = singlesOf(terms);
  if (out instanceof Float32Array && singles !== undefined) return sumSingles(out, terms, singles);
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

/**
 * base + factor·Σ weight·(vector − reference), the sum in the order given, in `out`: a new vector of base's precision, or one that is there
 * and may be any of the others. All have one length.
 */
export function plusDifferences(
  base: Vector,
  factor: number,
  terms: readonly WeightedVector[],
  reference: Vector,
  out: Vector = zeros(precisionOf(base), base.length),
): Vector {
  const size = base.length;
  for (const { length } of [reference, out, ...terms.map(({ vector }) => vector)])
    assert(length === size, () => `lengths ${length} and ${size} differ`);
  const singles = singlesOf(terms);
  if (base instanceof Float32Array && reference instanceof Float32Array && singles !== undefined)
    return addDifferences(out as Float32Array, { base, factor, terms, singles, reference });
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

/** The terms' vectors, if all are f32 and as many, and as long, as makes the WebAssembly kernels worth their while. */
function singlesOf(terms: readonly WeightedVector[]): readonly Float32Array[] | undefined {
  const vectors = terms.map(({ vector }) => vector);
  const fits = vectors.length > 0 && vectors.length <= WASM_TERMS_MAX && vectors[0]!.length >= WASM_BLOCK;
  return fits && vectors.every((vector) => vector instanceof Float32Array) ? vectors : undefined;
}

function sumSingles(
  out: Float32Array,
  terms: readonly WeightedVector[],
  vectors: readonly Float32Array[],
): Float32Array {
  const { weights, slots, result, sum } = mixingKernel();
  for (const [slot, { weight }] of terms.entries()) weights[slot] = weight;
  for (let start = 0; start < out.length; start += WASM_BLOCK) {
    const end = Math.min(start + WASM_BLOCK, out.length);
    for (let slot = 0; slot < vectors.length; slot++) slots[slot]!.set(vectors[slot]!.subarray(start, end));
    sum(vectors.length);
    out.set(end - start === WASM_BLOCK ? result : result.subarray(0, end - start), start);
  }
  return out;
}

interface Differences {
  readonly base: Float32Array;
  readonly factor: number;
  readonly terms: readonly WeightedVector[];
  readonly singles: readonly Float32Array[];
  readonly reference: Float32Array;
}

function addDifferences(
  out: Float32Array,
  { base, factor, terms, singles, reference }: Differences,
): Float32Array {
  const { weights, slots, result, differences } = mixingKernel();
  for (const [slot, { weight }] of terms.entries()) weights[slot] = weight;
  const vectors = [base, reference, ...singles];
  for (let start = 0; start < out.length; start += WASM_BLOCK) {
    const end = Math.min(start + WASM_BLOCK, out.length);
    for (let slot = 0; slot < vectors.length; slot++) slots[slot]!.set(vectors[slot]!.subarray(start, end));
    differences(singles.length, factor);
    out.set(end - start === WASM_BLOCK ? result : result.subarray(0, end - start), start);
  }
  return out;
}

/**
 * into ← base ± scale, minus where the element's bit in `signs` (lowest first) is set, in f64 and rounded once; whether all of it is finite.
 * `into` is base or another vector of its precision; `scale` a number of that precision.
 */
export function plusSigned(base: Vector, scale: number, signs: Uint8Array, into: Vector): boolean {
  const size = into.length;
  assert(base.length === size && signs.length * 8 >= size, 'plusSigned of different lengths');
  const whole = base instanceof Float32Array && into instanceof Float32Array ? size - (size % WASM_BLOCK) : 0;
  let sound =
    whole === 0 || addSigns(base as Float32Array, scale, signs, (into as Float32Array).subarray(0, whole));
  const values = [scale, -scale];
  for (let index = whole; index < size; index++) {
    into[index] = base[index]! + values[(signs[index >>> 3]! >>> (index & 7)) & 1]!;
    if (!Number.isFinite(into[index])) sound = false;
  }
  return sound;
}

function addSigns(base: Float32Array, scale: number, bits: Uint8Array, into: Float32Array): boolean {
  const { slots, signs, result, signed } = mixingKernel();
  const slot = slots[0]!;
  let sound = true;
  for (let start = 0; start < into.length; start += WASM_BLOCK) {
    slot.set(base.subarray(start, start + WASM_BLOCK));
    signs.set(bits.subarray(start / 8, (start + WASM_BLOCK) / 8));
    if (!signed(scale)) sound = false;
    into.set(result, start);
  }
  return sound;
}

/** Elements per block of the f64 accumulator: it stays in the first-level cache. */
const BLOCK = 2048;

/** base + (after − before), element by element in f64, in `out`: a new vector of base's precision, or one that is there and may be any of them. */
export function plusDelta(base: Vector, after: Vector, before: Vector, out?: Vector): Vector {
  return plusDifferences(base, 1, [{ weight: 1, vector: after }], before, out);
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
