import { describe, expect, it } from 'vitest';
import { partitionDataset } from '../../src/data/partition.ts';
import { partitionSchema } from '../../src/data/spec.ts';
import { dataFolder, idxBytes } from './folder.ts';

const folder = dataFolder();
folder.write('images', idxBytes([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]));
folder.write('labels', idxBytes([4], [0, 1, 0, 1]));
const spec = { kind: 'idx', images: 'images', labels: 'labels' };
const open = () => folder.open(spec);

async function partitioned(value: object, siloCount?: number) {
  const options = { siloCount, seed: 1, baseFolder: folder.path };
  return partitionDataset(await open(), partitionSchema.parse(value), options);
}

describe('a key file', () => {
  it.each([
    ['keys.txt', 'b\r\na\nb\nb\n', ['b', 'a', 'b', 'b']],
    ['keys.json', '["b", 7, "b", "b"]', ['b', '7', 'b', 'b']],
    ['keys.u16le', Uint8Array.of(1, 2, 0, 0, 255, 255, 1, 0), ['513', '0', '65535', '1']],
    [
      'keys.u32le',
      Uint8Array.from({ length: 16 }, (_, at) => (at === 3 ? 1 : 0)),
      ['16777216', '0', '0', '0'],
    ],
  ])('%s gives one key per sample', async (name, content, keys) => {
    folder.write(name, content);
    expect(await (await open()).keys({ file: name })).toEqual(keys);
  });

  it('makes a natural partition', async () => {
    folder.write('keys.txt', 'b\na\nb\nb\n');
    const { names, silos } = await partitioned({ kind: 'natural', file: 'keys.txt' });
    expect([names, silos]).toEqual([
      ['a', 'b'],
      [[1], [0, 2, 3]],
    ]);
  });

  it.each([
    ['keys.txt', 'a\nb\n', /has 2 keys, the training set has 4/],
    ['keys.txt', 'a\n\nb\nb\n', /key 2 is empty/],
    ['keys.json', '["a", 1.5, "b", "b"]', /entry 1 is 1\.5/],
    ['keys.json', '{}', /not a JSON array/],
    ['keys.json', '[', /not JSON/],
    ['keys.u16le', new Uint8Array(7), /not a multiple of 2/],
  ])('%s with %j is refused', async (name, content, message) => {
    folder.write(name, content);
    await expect((await open()).keys({ file: name })).rejects.toMatchObject({
      code: 'key-file-invalid',
      message: expect.stringMatching(message),
    });
  });

  it('is cut to the limit of the data set, whose whole it describes', async () => {
    folder.write('keys.txt', 'a\nb\nc\nd\n');
    const limited = await folder.open({ ...spec, limit: { train: 3 } });
    expect(await limited.keys({ file: 'keys.txt' })).toEqual(['a', 'b', 'c']);
  });

  it('is asked for where the data set has no key of its own', async () => {
    await expect(partitioned({ kind: 'natural' })).rejects.toMatchObject({ code: 'key-missing' });
  });
});

describe('a partition file', () => {
  const write = (value: unknown) => folder.write('partition.json', JSON.stringify(value));
  const file = { kind: 'file', path: 'partition.json' };

  it('gives the silos, their names and their order', async () => {
    write({ north: [3, 0], south: [1] });
    expect(await partitioned(file, 2)).toEqual({ names: ['north', 'south'], silos: [[3, 0], [1]] });
  });

  it('may share samples between silos only where told so', async () => {
    write({ a: [0, 1], b: [1] });
    await expect(partitioned(file)).rejects.toThrow(/b\.0: sample 1 is already in a — .*overlap: true/);
    expect((await partitioned({ ...file, overlap: true })).silos).toEqual([[0, 1], [1]]);
  });

  it('has all its problems reported at once', async () => {
    write({ a: [0, 4], 'b/..': [1], c: [-1], d: 'x', e: [0.5] });
    const error: Error = await partitioned(file, 2).then(
      () => new Error('it was taken'),
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: 'file-invalid', category: 'input' });
    for (const part of [
      /6 problems/,
      /has 5 silos, wanted 2/,
      /a\.1: is 4, wanted an integer from 0 to 3/,
      /b\/\.\.: is no silo name/,
      /c\.0: is -1/,
      /d: is not a list/,
      /e\.0: is 0\.5/,
    ]) {
      expect(error.message).toMatch(part);
    }
  });

  it('may not leave a silo without samples, be no object, no JSON, or missing', async () => {
    write({ a: [0], b: [] });
    await expect(partitioned(file)).rejects.toMatchObject({ code: 'silo-empty' });
    write([[0], [1]]);
    await expect(partitioned(file)).rejects.toThrow(/must be an object/);
    folder.write('partition.json', '{');
    await expect(partitioned(file)).rejects.toThrow(/is not JSON/);
    await expect(partitioned({ ...file, path: 'none.json' })).rejects.toMatchObject({
      code: 'data-file-missing',
    });
  });
});
