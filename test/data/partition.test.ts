import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { type ComputedPartition, partition } from '../../src/data/partition.ts';
import { describeSilo } from '../../src/data/silo.ts';
import { partitionSchema } from '../../src/data/spec.ts';
import { cutPoints, dealByLabel } from '../../src/data/split.ts';

const spec = (value: unknown): ComputedPartition => partitionSchema.parse(value) as ComputedPartition;
const labelsOf = (sampleCount: number, classCount: number): Int32Array =>
  Int32Array.from({ length: sampleCount }, (_, index) => (index * 7) % classCount);
const keysOf = (sampleCount: number): string[] =>
  Array.from({ length: sampleCount }, (_, index) => `writer ${(index * index) % 13}`);

const truePartitions: ComputedPartition[] = [
  spec('iid'),
  spec({ kind: 'shards', shardsPerSilo: 2 }),
  spec({ kind: 'dirichlet', alpha: 0.5 }),
  spec({ kind: 'quantity', alpha: 0.5 }),
  spec({ kind: 'natural', surplus: 'merge' }),
];

describe('every partition but resample and leave-out', () => {
  it.each(truePartitions.map((one) => [one.kind, one] as const))(
    '%s gives each sample to exactly one silo, in ascending order, and no silo nothing',
    (_, one) => {
      const sizes = fc.record({
        seed: fc.integer({ min: 0 }),
        siloCount: fc.integer({ min: 1, max: 6 }),
        sampleCount: fc.integer({ min: 60, max: 200 }),
        classCount: fc.integer({ min: 2, max: 5 }),
      });
      fc.assert(
        fc.property(sizes, ({ seed, siloCount, sampleCount, classCount }) => {
          const labels = labelsOf(sampleCount, classCount);
          const input = { labels, classCount, keys: keysOf(sampleCount), siloCount, seed };
          const { silos, names } = partition(one, input);
          expect(silos.length).toBe(siloCount);
          expect(new Set(names).size).toBe(siloCount);
          expect(silos.every((indices) => indices.length > 0)).toBe(true);
          for (const indices of silos) expect(indices).toEqual([...indices].sort((a, b) => a - b));
          expect(silos.flat().sort((a, b) => a - b)).toEqual([...labels.keys()]);
          expect(partition(one, input)).toEqual({ silos, names });
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(truePartitions.map((one) => [one.kind, one] as const))('%s differs between seeds', (_, one) => {
    const input = { labels: labelsOf(200, 5), classCount: 5, keys: keysOf(200), siloCount: 4 };
    expect(partition(one, { ...input, seed: 1 })).not.toEqual(partition(one, { ...input, seed: 2 }));
  });
});

describe('a Dirichlet partition', () => {
  const known = JSON.parse(
    readFileSync(new URL('../fixtures/dirichlet-partition-counts.json', import.meta.url), 'utf8'),
  );
  const shares: number[][] = known.inputs.p_class_by_client;
  const classCounts: number[] = known.inputs.class_counts;

  it('cuts each label at floor(cumsum(p)·n), the last cut at n, as numpy does', () => {
    const counts = shares.map((p, label) => {
      const ends = cutPoints(p, classCounts[label] as number);
      return ends.map((end, silo) => end - (ends[silo - 1] ?? 0));
    });
    expect(counts).toEqual(known.expected.counts_class_by_client);
  });

  it('gives the known silo sizes and label entropies (nats)', () => {
    const labels = Int32Array.from(classCounts.flatMap((count, label) => new Array(count).fill(label)));
    const silos = dealByLabel(labels, shares, Random.of(1, 'test'));
    expect(silos.map(({ length }) => length)).toEqual(known.expected.client_sizes);
    const entropies = silos.map((indices) => {
      const { labelHistogram, samples } = describeSilo(labels, indices, classCounts.length);
      return labelHistogram.reduce(
        (sum, n) => (n === 0 ? sum : sum - (n / samples) * Math.log(n / samples)),
        0,
      );
    });
    entropies.forEach((entropy, silo) => {
      expect(entropy).toBeCloseTo(known.expected.client_label_entropy[silo], 9);
    });
  });

  it('is skewed for a small alpha and even for a large one', () => {
    const labels = labelsOf(1000, 10);
    const largestShare = (alpha: number): number => {
      const input = { labels, classCount: 10, siloCount: 5, seed: 3 };
      const { silos } = partition(spec({ kind: 'dirichlet', alpha }), input);
      const shares = silos.map(
        (indices) => Math.max(...describeSilo(labels, indices, 10).labelHistogram) / indices.length,
      );
      return Math.max(...shares);
    };
    expect(largestShare(0.1)).toBeGreaterThan(0.35);
    expect(largestShare(1000)).toBeLessThan(0.15);
  });

  it('is drawn again until every silo has minSamples', () => {
    const one = spec({ kind: 'dirichlet', alpha: 0.3, minSamples: 12 });
    for (let seed = 0; seed < 10; seed++) {
      const { silos } = partition(one, { labels: labelsOf(100, 5), classCount: 5, siloCount: 5, seed });
      expect(Math.min(...silos.map(({ length }) => length))).toBeGreaterThanOrEqual(12);
    }
  });

  it('says partition-impossible where no draw can give every silo its minimum', () => {
    const input = { labels: labelsOf(10, 2), classCount: 2, siloCount: 11, seed: 1 };
    expect(() => partition(spec({ kind: 'dirichlet', alpha: 1 }), input)).toThrowError(
      expect.objectContaining({ code: 'partition-impossible', category: 'input' }),
    );
  });
});

describe('label shards', () => {
  it('give each silo at most so many labels as it has shards, on balanced labels', () => {
    const labels = labelsOf(200, 10);
    const input = { labels, classCount: 10, siloCount: 5, seed: 7 };
    const { silos } = partition(spec({ kind: 'shards', shardsPerSilo: 2 }), input);
    for (const indices of silos) {
      expect(indices.length).toBe(40);
      expect(describeSilo(labels, indices, 10).classesPresent.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('quantity skew', () => {
  it('gives exactly the sizes asked for, and takes the number of silos from them', () => {
    const one = spec({ kind: 'quantity', sizes: [5, 1, 30] });
    const { silos, names } = partition(one, { labels: labelsOf(50, 5), classCount: 5, seed: 1 });
    expect(silos.map(({ length }) => length)).toEqual([5, 1, 30]);
    expect(new Set(silos.flat()).size).toBe(36);
    expect(names).toEqual(['silo-0', 'silo-1', 'silo-2']);
  });

  it.each([
    [{ kind: 'quantity', sizes: [30, 30] }, undefined],
    [{ kind: 'quantity', sizes: [5, 5] }, 3],
  ])('refuses sizes that do not fit: %j for %s silos', (value, siloCount) => {
    const input = { labels: labelsOf(50, 5), classCount: 5, siloCount, seed: 1 };
    expect(() => partition(spec(value), input)).toThrowError(
      expect.objectContaining({ code: 'partition-impossible' }),
    );
  });
});

describe('resampling', () => {
  it('draws with replacement: right size, in range, repeats within and between silos', () => {
    const one = spec({ kind: 'resample', samplesPerSilo: 40 });
    const { silos } = partition(one, { labels: labelsOf(50, 5), classCount: 5, siloCount: 3, seed: 1 });
    for (const indices of silos) {
      expect(indices.length).toBe(40);
      expect(new Set(indices).size).toBeLessThan(40);
      expect(Math.max(...indices)).toBeLessThan(50);
    }
    expect(new Set(silos.flat()).size).toBeLessThanOrEqual(50);
  });
});

describe('a natural partition', () => {
  const labels = labelsOf(8, 2);
  const keys = ['b', '10', 'b', '9', 'a/../x', '10', 'b', '9'];
  const input = { labels, classCount: 2, keys, seed: 1 };

  it('makes one silo per key, in key order, named safely after it', () => {
    const { silos, names } = partition(spec('natural'), input);
    expect(names).toEqual(['silo-9', 'silo-10', 'a-..-x', 'b']);
    expect(silos).toEqual([[3, 7], [1, 5], [4], [0, 2, 6]]);
  });

  it('leaves out keys with fewer than minSamples', () => {
    expect(partition(spec({ kind: 'natural', minSamples: 2 }), input).names).toEqual([
      'silo-9',
      'silo-10',
      'b',
    ]);
  });

  it('keeps a seeded choice of keys, whole, where there are fewer silos', () => {
    const whole = new Set(partition(spec('natural'), input).silos.map(String));
    const chosen = partition(spec('natural'), { ...input, siloCount: 2 });
    expect(chosen.silos.length).toBe(2);
    for (const indices of chosen.silos) expect(whole.has(String(indices))).toBe(true);
  });

  it('says partition-impossible where there are more silos than keys', () => {
    expect(() => partition(spec('natural'), { ...input, siloCount: 5 })).toThrowError(
      expect.objectContaining({ code: 'partition-impossible', message: expect.stringContaining('4 values') }),
    );
  });
});

describe('bad partitions', () => {
  it('name the silos without a sample and what to change', () => {
    const input = { labels: labelsOf(2, 2), classCount: 2, siloCount: 3, seed: 1 };
    expect(() => partition(spec('iid'), input)).toThrowError(
      expect.objectContaining({
        code: 'silo-empty',
        message: expect.stringMatching(/leaves silo-\d without a sample.*lower data\.silos/),
      }),
    );
  });

  it('say silo-count-missing where nothing tells the number of silos', () => {
    expect(() => partition(spec('iid'), { labels: labelsOf(9, 3), classCount: 3, seed: 1 })).toThrowError(
      expect.objectContaining({ code: 'silo-count-missing' }),
    );
  });
});
