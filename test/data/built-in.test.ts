import { describe, expect, it } from 'vitest';
import { dataFolder } from './folder.ts';

const folder = dataFolder();

function counts(values: Iterable<string | number>): Record<string, number> {
  const table: Record<string, number> = {};
  for (const value of values) table[value] = (table[value] ?? 0) + 1;
  return table;
}

describe('penguins', () => {
  it('has 342 usable rows: Biscoe 167, Dream 124, Torgersen 51, of three species', async () => {
    const penguins = await folder.open('penguins');
    expect([penguins.trainCount, penguins.testCount, penguins.featureShape]).toEqual([342, 0, [4]]);
    expect(counts(await penguins.keys({ column: 'Island' }))).toEqual({
      Biscoe: 167,
      Dream: 124,
      Torgersen: 51,
    });
    expect(penguins.classNames).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    expect(counts(await penguins.labels('train'))).toEqual({ 0: 151, 1: 68, 2: 123 });
    expect(penguins.notes).toEqual(['penguins: 2 rows with a missing value were left out']);
  });

  it('is scaled by its fixed constants, so that the first bird is (39.1 − 43.92) / 5.45 …', async () => {
    const penguins = await folder.open('penguins');
    const [beakLength, beakDepth, flipper, mass] = await penguins.rows('train', [0]);
    expect(beakLength).toBeCloseTo((39.1 - 43.92) / 5.45, 6);
    expect(beakDepth).toBeCloseTo((18.7 - 17.15) / 1.97, 6);
    expect(flipper).toBeCloseTo((181 - 200.9) / 14.04, 6);
    expect(mass).toBeCloseTo((3750 - 4202) / 801, 6);
  });
});

describe('digits', () => {
  it('has 1,797 images of 8×8 with pixels from 0 to 1 and all ten labels', async () => {
    const digits = await folder.open('digits');
    expect([digits.trainCount, digits.testCount, digits.featureShape]).toEqual([1797, 0, [8, 8, 1]]);
    const labels = await digits.labels('train');
    expect([...labels.slice(0, 11)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    expect(Object.keys(counts(labels)).length).toBe(10);
    const all = await digits.rows(
      'train',
      Array.from({ length: 1797 }, (_, index) => index),
    );
    expect([
      all.reduce((low, pixel) => Math.min(low, pixel)),
      all.reduce((top, pixel) => Math.max(top, pixel)),
    ]).toEqual([0, 1]);
    expect([...all.slice(0, 8)].map((pixel) => pixel * 16)).toEqual([0, 0, 5, 13, 9, 1, 0, 0]);
  });
});

describe('mnist', () => {
  it('has 60,000 and 10,000 images of 28×28 with the known first labels', async () => {
    const mnist = await folder.open('mnist');
    expect([mnist.trainCount, mnist.testCount, mnist.featureShape]).toEqual([60000, 10000, [28, 28, 1]]);
    expect([...(await mnist.labels('train')).slice(0, 8)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3]);
    expect([...(await mnist.labels('test')).slice(0, 4)]).toEqual([7, 2, 1, 0]);
    expect(counts(await mnist.labels('train'))[1]).toBe(6742);
  });

  it('reads the same rows together, apart, and in any order', async () => {
    const mnist = await folder.open('mnist');
    const indices = [59999, 3, 4, 5, 4, 2000, 100];
    const together = await mnist.rows('train', indices);
    expect(together.length).toBe(7 * 784);
    for (const [at, index] of indices.entries()) {
      expect(together.subarray(at * 784, (at + 1) * 784)).toEqual(await mnist.rows('train', [index]));
    }
  });

  it('keeps the first rows under a limit', async () => {
    const mnist = await folder.open({ kind: 'mnist', limit: { train: 8000, test: 2000 } });
    expect([mnist.trainCount, mnist.testCount]).toEqual([8000, 2000]);
    expect((await mnist.labels('train')).length).toBe(8000);
    await expect(folder.open({ kind: 'digits', limit: { train: 1798 } })).rejects.toMatchObject({
      code: 'limit-exceeds-data',
    });
  });

  it('has a digest that tells data sets apart and stays the same', async () => {
    const digest = async (name: string) => (await folder.open(name)).digest();
    expect(await digest('digits')).toMatch(/^[0-9a-f]{64}$/);
    expect(await digest('digits')).toBe(await digest('digits'));
    expect(await digest('digits')).not.toBe(await digest('penguins'));
  });
});
