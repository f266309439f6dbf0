/**
 * Data without data: one point b_i of ℝᵈ per silo, drawn from N(0, spread²) per coordinate by (seed, i) or written out. With the
 * quadratic model silo i minimises ½‖x − b_i‖², and all together the distance to the mean of the points: what averaging does can be
 * measured to the last digit. The test set is all points.
 */
import { createHash } from 'node:crypto';
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetSpec } from './spec.ts';

export type ToySpec = Extract<DatasetSpec, { kind: 'toy' }>;

/** Point `index`, in f64. // [dimension] */
export function toyPoint({ optima, dimension, spread, seed = 1 }: ToySpec, index: number): Float64Array {
  const given = optima?.[index];
  if (given !== undefined) return Float64Array.from(given);
  const random = Random.of(seed, 'toy', index);
  return Float64Array.from({ length: dimension }, () => spread * random.normal());
}

/** Numbers of coordinates and points. InputError `data-empty` where the number of points is not said. */
export function openToy(spec: ToySpec): Dataset {
  const pointCount = spec.optima?.length ?? spec.points;
  if (pointCount === undefined) {
    throw new InputError(
      'data-empty',
      'the toy data have no points: give points, their number, or optima, a list of them',
    );
  }
  const dimension = spec.optima?.[0]?.length ?? spec.dimension;
  const digits = String(pointCount - 1).length;
  return {
    name: 'toy',
    classCount: 1,
    classNames: ['point'],
    featureShape: [dimension],
    featureCount: dimension,
    trainCount: pointCount,
    testCount: pointCount,
    notes: [],
    keyColumn: 'silo',
    labels: async () => new Int32Array(pointCount),
    rows: async (_, indices) => {
      const rows = new Float32Array(indices.length * dimension);
      for (let row = 0; row < indices.length; row++) rows.set(toyPoint(spec, indices[row]!), row * dimension);
      return rows;
    },
    keys: async () =>
      Array.from({ length: pointCount }, (_, index) => `silo-${String(index).padStart(digits, '0')}`),
    digest: async () => createHash('sha256').update(JSON.stringify(spec)).digest('hex'),
  };
}
