import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open.ts';
import {
  describeSilo,
  holdOut,
  loadGlobalTest,
  loadSilo,
  planData,
  siloWarnings,
} from '../../src/data/silo.ts';
import { datasetSchema, partitionSchema } from '../../src/data/spec.ts';

const open = (name: string) => openDataset(datasetSchema.parse(name), { baseFolder: '.' });

describe('holding out', () => {
  it('splits without loss or overlap, keeps order, leaves at least one sample to train on', () => {
    const silo = fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(silo, fc.double({ min: 0, max: 0.99, noNaN: true }), fc.nat(), (indices, share, seed) => {
        const { train, test } = holdOut(indices, share, seed, 3);
        expect(train.length).toBeGreaterThan(0);
        expect(test.length).toBe(Math.min(Math.round(share * indices.length), indices.length - 1));
        expect(indices.filter((index) => train.includes(index) !== test.includes(index))).toEqual(indices);
        expect(train).toEqual(indices.filter((index) => train.includes(index)));
        expect(holdOut(indices, share, seed, 3)).toEqual({ train, test });
      }),
    );
  });

  it('never trains on a copy of a held-out sample', () => {
    const indices = [1, 1, 2, 2, 2, 3, 4, 4, 5, 6];
    for (let seed = 0; seed < 20; seed++) {
      const { train, test } = holdOut(indices, 0.5, seed, 0);
      expect(new Set(test).size).toBe(3);
      expect(train.some((index) => test.includes(index))).toBe(false);
      expect(train.length + test.length).toBe(indices.length);
    }
  });

  it('differs between silos and seeds', () => {
    const indices = Array.from({ length: 40 }, (_, index) => index);
    expect(holdOut(indices, 0.5, 1, 0)).not.toEqual(holdOut(indices, 0.5, 1, 1));
    expect(holdOut(indices, 0.5, 1, 0)).not.toEqual(holdOut(indices, 0.5, 2, 0));
  });

  it.each([1, -0.1, Number.NaN])('refuses a share of %s', (share) => {
    expect(() => holdOut([1, 2], share, 1, 0)).toThrowError(
      expect.objectContaining({ code: 'test-share-invalid' }),
    );
  });
});

describe('a plan of the data', () => {
  it('judges by the union of the held-out samples where the data set has no test set', async () => {
    const penguins = await open('penguins');
    const options = { partition: partitionSchema.parse('natural'), testShare: 0.2, seed: 1, baseFolder: '.' };
    const plan = await planData(penguins, options);
    expect(plan.silos.map(({ name }) => name)).toEqual(['Biscoe', 'Dream', 'Torgersen']);
    expect(plan.silos.map(({ train, test }) => train.length + test.length)).toEqual([167, 124, 51]);
    expect(plan.globalTest.split).toBe('train');
    expect(plan.globalTest.indices).toEqual(plan.silos.flatMap(({ test }) => test).sort((a, b) => a - b));
    const { train, test, name } = await loadSilo(penguins, plan.silos[2]!);
    expect([name, train.count, test.count, train.features.length]).toEqual(['Torgersen', 41, 10, 41 * 4]);
    expect(new Set(train.labels)).toEqual(new Set([0]));
    expect((await loadGlobalTest(penguins, plan)).count).toBe(33 + 25 + 10);
  });

  it('never judges by a sample that some silo trains on, even when silos share samples', async () => {
    const partition = partitionSchema.parse({ kind: 'resample', samplesPerSilo: 300 });
    const options = { partition, siloCount: 3, testShare: 0.3, seed: 1, baseFolder: '.' };
    const plan = await planData(await open('digits'), options);
    const trained = new Set(plan.silos.flatMap(({ train }) => train));
    expect(plan.globalTest.indices.length).toBeGreaterThan(50);
    expect(plan.globalTest.indices.some((index) => trained.has(index))).toBe(false);
  });

  it("judges by the data set's own test set where it has one, also without held-out samples", async () => {
    const limited = datasetSchema.parse({ kind: 'mnist', limit: { train: 100, test: 20 } });
    const mnist = await openDataset(limited, { baseFolder: '.' });
    const options = { partition: partitionSchema.parse('iid'), siloCount: 4, testShare: 0, seed: 1 };
    const plan = await planData(mnist, { ...options, baseFolder: '.' });
    expect(plan.globalTest).toEqual({ split: 'test', indices: Array.from({ length: 20 }, (_, at) => at) });
    expect(plan.silos.every(({ train, test }) => train.length === 25 && test.length === 0)).toBe(true);
    expect((await loadGlobalTest(mnist, plan)).features.length).toBe(20 * 784);
  });
});

describe("a silo's description", () => {
  const labels = Int32Array.of(0, 2, 2, 1, 2);

  it('counts the samples of each class', () => {
    expect(describeSilo(labels, [0, 1, 2], 4)).toEqual({
      samples: 3,
      labelHistogram: [1, 0, 2, 0],
      classesPresent: [0, 2],
    });
  });

  it('warns of a single class by its name, and of nothing else', () => {
    const warnings = siloWarnings('north', describeSilo(labels, [1, 2], 3), ['a', 'b', 'c']);
    expect(warnings).toEqual([expect.stringMatching(/^north has samples of one class only \(c\)/)]);
    expect(siloWarnings('north', describeSilo(labels, [0, 1], 3), ['a', 'b', 'c'])).toEqual([]);
  });

  it('is an error with code silo-empty where there is no sample', () => {
    expect(() => siloWarnings('north', describeSilo(labels, [], 3), ['a', 'b', 'c'])).toThrowError(
      expect.objectContaining({ code: 'silo-empty', message: expect.stringContaining('north') }),
    );
  });
});
