/** Square matrices by rows in one Float64Array, as large as a few hundred: products and spectral norms for mixing. */
import { Random } from '../base/random.ts';
import { type Expired, neverExpired, requireTime } from './deadline.ts';

export interface Dense {
  readonly size: number;
  /** [row · size + column]. */
  readonly values: Float64Array;
}

export function product(one: Dense, other: Dense): Dense {
  const { size } = one;
  const values = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const out = values.subarray(row * size, (row + 1) * size);
    for (let inner = 0; inner < size; inner++) {
      const factor = one.values[row * size + inner]!;
      if (factor === 0) continue;
      const base = inner * size;
      for (let column = 0; column < size; column++) out[column]! += factor * other.values[base + column]!;
    }
  }
  return { size, values };
}

export function transposed({ size, values }: Dense): Dense {
  const turned = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) turned[column * size + row] = values[row * size + column]!;
  }
  return { size, values: turned };
}

/** one + factor · other. */
export function sum(one: Dense, other: Dense, factor = 1): Dense {
  return { size: one.size, values: one.values.map((value, at) => value + factor * other.values[at]!) };
}

/** ‖A‖₂ by power iteration on AᵀA, from below, to 1e-9 of its value. OperatingError `time-limit` where `expired` says so first. */
export function spectralNorm({ size, values }: Dense, expired: Expired = neverExpired): number {
  const random = Random.of(0, 'spectral-norm');
  let vector = Float64Array.from({ length: size }, () => random.normal());
  let norm = 0;
  for (let iteration = 0; iteration < 1_000; iteration++) {
    requireTime(expired, 'the norm of a matrix');
    const image = new Float64Array(size);
    for (let row = 0; row < size; row++) {
      let dot = 0;
      for (let column = 0; column < size; column++) dot += values[row * size + column]! * vector[column]!;
      image[row] = dot;
    }
    const back = new Float64Array(size);
    for (let row = 0; row < size; row++) {
      const factor = image[row]!;
      for (let column = 0; column < size; column++) back[column]! += factor * values[row * size + column]!;
    }
    const length = Math.sqrt(back.reduce((total, value) => total + value * value, 0));
    if (length === 0) return 0;
    const next = Math.sqrt(length);
    vector = back.map((value) => value / length);
    if (iteration > 10 && Math.abs(next - norm) <= 1e-10 * next) return next;
    norm = next;
  }
  return norm;
}
