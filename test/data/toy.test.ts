import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open.ts';
import { datasetSchema } from '../../src/data/spec.ts';
import { type ToySpec, toyPoint } from '../../src/data/toy.ts';

const toy = (changes: object = {}): ToySpec => datasetSchema.parse({ kind: 'toy', ...changes }) as ToySpec;

describe('the toy data', () => {
  it('draw one point per silo from the seed, none like another, with the declared spread', () => {
    const spec = toy({ dimension: 500, spread: 3, seed: 5 });
    expect(toyPoint(spec, 7)).toEqual(toyPoint(spec, 7));
    expect(toyPoint(spec, 7)).not.toEqual(toyPoint(spec, 8));
    expect(toyPoint({ ...spec, seed: 6 }, 7)).not.toEqual(toyPoint(spec, 7));
    const squares = toyPoint(spec, 7).reduce((sum, value) => sum + value * value, 0);
    expect(Math.sqrt(squares / 500)).toBeGreaterThan(2.7);
    expect(Math.sqrt(squares / 500)).toBeLessThan(3.3);
  });

  it('take the points from a list, exactly', async () => {
    const spec = toy({
      optima: [
        [0.1, 2],
        [3, 4],
      ],
    });
    expect([...toyPoint(spec, 0)]).toEqual([0.1, 2]);
    const opened = await openDataset(spec, { baseFolder: '.' });
    expect([opened.trainCount, opened.testCount, opened.featureShape]).toEqual([2, 2, [2]]);
    expect([...(await opened.rows('test', [1]))]).toEqual([3, 4]);
  });

  it('name their silos so that their order is that of the points, with ten and more too', async () => {
    const opened = await openDataset(toy({ points: 12 }), { baseFolder: '.' });
    const keys = await opened.keys({ column: 'silo' });
    expect(keys[3]).toBe('silo-03');
    expect([...keys].sort()).toEqual(keys);
  });

  it('reject points of different lengths, and data without a number of points', async () => {
    expect(datasetSchema.safeParse({ kind: 'toy', optima: [[1], [1, 2]] }).success).toBe(false);
    await expect(openDataset(toy(), { baseFolder: '.' })).rejects.toMatchObject({ code: 'data-empty' });
  });
});
