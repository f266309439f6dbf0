import { describe, expect, it } from 'vitest';
import { datasetSchema, loneSiloProblems, partitionSchema } from '../../src/data/spec.ts';

const issuesOf = (schema: typeof datasetSchema | typeof partitionSchema, value: unknown): string[] =>
  schema.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

const csv = { kind: 'csv', path: 'a.csv', label: 'ill', features: [{ column: 'age' }] };

describe('the data part of an experiment', () => {
  it('takes a bare name for an object of that kind', () => {
    expect(datasetSchema.parse('mnist')).toEqual({ kind: 'mnist' });
    const limited = { kind: 'mnist', limit: { train: 8000 } };
    expect(datasetSchema.parse(limited)).toEqual(limited);
    expect(partitionSchema.parse('shards')).toEqual({ kind: 'shards', shardsPerSilo: 2 });
  });

  it('accepts the documented forms', () => {
    const features = [
      { column: 'age', mean: 50, std: 10 },
      { column: 'bp', min: 0, max: 200 },
      { column: 'cp', categories: ['a', 'b'] },
    ];
    expect(issuesOf(datasetSchema, { ...csv, features, key: 'hospital', missing: 'drop' })).toEqual([]);
    expect(issuesOf(datasetSchema, { ...csv, kind: 'json' })).toEqual([]);
    expect(issuesOf(datasetSchema, { kind: 'idx', images: 'i', labels: 'l' })).toEqual([]);
    for (const value of [
      { kind: 'dirichlet', alpha: 0.3 },
      { kind: 'natural', file: 'keys.u16le' },
      { kind: 'quantity', alpha: 1 },
      { kind: 'resample', samplesPerSilo: 9 },
      { kind: 'file', path: 'p.json' },
    ]) {
      expect(issuesOf(partitionSchema, value)).toEqual([]);
    }
  });

  it.each([
    ['an unknown data set', 'mnits', /^kind: /],
    ['an unknown key', { ...csv, pth: 'x' }, /Unrecognized key.*pth/],
    [
      'mean without std',
      { ...csv, features: [{ column: 'a', mean: 1 }] },
      /^features\.0: mean and std go together/,
    ],
    ['two scalings', { ...csv, features: [{ column: 'a', mean: 1, std: 1, min: 0, max: 1 }] }, /give one of/],
    ['an empty range', { ...csv, features: [{ column: 'a', min: 1, max: 1 }] }, /must be below/],
    ['a zero std', { ...csv, features: [{ column: 'a', mean: 1, std: 0 }] }, /^features\.0\.std/],
    ['a column twice', { ...csv, features: [{ column: 'a' }, { column: 'a' }] }, /same column twice/],
    ['a class twice', { ...csv, classes: ['a', 'a'] }, /same entry twice/],
    ['test images without labels', { kind: 'idx', images: 'i', labels: 'l', testImages: 't' }, /go together/],
  ])('refuses %s, saying where', (_, value, wanted) => {
    expect(issuesOf(datasetSchema, value).join('\n')).toMatch(wanted);
  });

  it.each([
    ['a Dirichlet partition without alpha', { kind: 'dirichlet' }, /^alpha: /],
    ['a negative alpha', { kind: 'dirichlet', alpha: -1 }, /^alpha: /],
    ['alpha and sizes', { kind: 'quantity', alpha: 1, sizes: [1] }, /either alpha or sizes/],
    ['column and file', { kind: 'natural', column: 'a', file: 'b' }, /column or file/],
  ])('refuses %s', (_, value, wanted) => {
    expect(issuesOf(partitionSchema, value).join('\n')).toMatch(wanted);
  });

  it('makes a lone silo declare its classes, but for the built-in data sets', () => {
    expect(loneSiloProblems(datasetSchema.parse(csv))).toMatchObject([{ path: 'classes' }]);
    expect(loneSiloProblems(datasetSchema.parse({ ...csv, classes: ['no', 'yes'] }))).toEqual([]);
    expect(loneSiloProblems(datasetSchema.parse('mnist'))).toEqual([]);
  });
});
