import { describe, expect, it } from 'vitest';
import { dataFolder, idxBytes } from './folder.ts';

const folder = dataFolder();
const spec = { kind: 'idx', images: 'images', labels: 'labels', divisor: 10 };
const images = idxBytes([3, 2, 2], [0, 10, 20, 30, 1, 1, 1, 1, 5, 6, 7, 8]);
const labels = idxBytes([3], [0, 2, 1]);

function write(files: Record<string, Uint8Array>): void {
  for (const [name, bytes] of Object.entries({ images, labels, ...files })) folder.write(name, bytes);
}

describe('a pair of IDX files', () => {
  it('gives images divided by the divisor, and as many classes as the highest label says', async () => {
    write({});
    const data = await folder.open(spec);
    expect([data.featureShape, data.featureCount, data.trainCount, data.testCount]).toEqual([
      [2, 2, 1],
      4,
      3,
      0,
    ]);
    expect(data.classNames).toEqual(['0', '1', '2']);
    expect([...(await data.rows('train', [2, 0]))]).toEqual(
      [0.5, 0.6, 0.7, 0.8, 0, 1, 2, 3].map((pixel) => Math.fround(pixel)),
    );
    expect([...(await data.labels('train'))]).toEqual([0, 2, 1]);
    expect((await data.labels('test')).length).toBe(0);
  });

  it('may hold flat rows or images with channels', async () => {
    write({ images: idxBytes([3, 4], new Array(12).fill(1)) });
    expect((await folder.open(spec)).featureShape).toEqual([4]);
    write({ images: idxBytes([3, 1, 2, 3], new Array(18).fill(1)) });
    expect((await folder.open(spec)).featureShape).toEqual([1, 2, 3]);
  });

  it.each([
    ['images cut short', { images: images.slice(0, -1) }, 'data-file-truncated', /ends after 27 bytes.*28/],
    ['a header cut short', { images: images.slice(0, 9) }, 'data-file-truncated', /ends after 9 bytes/],
    ['an empty file', { labels: new Uint8Array(0) }, 'data-file-truncated', /ends after 0 bytes/],
    ['bytes left over', { labels: Uint8Array.of(...labels, 0) }, 'idx-invalid', /announces 3 elements/],
    ['a wrong magic number', { images: new Uint8Array(28).fill(9) }, 'idx-invalid', /starts with 09090909/],
    ['compressed images', { images: Uint8Array.of(0x1f, 0x8b, 8, 0) }, 'idx-invalid', /unpack it first/],
    ['floats', { images: Uint8Array.of(0, 0, 0x0d, 3, ...images.slice(4)) }, 'idx-invalid', /type is 13/],
    ['images in place of labels', { labels: images }, 'idx-invalid', /swapped/],
    ['labels in place of images', { images: labels }, 'idx-invalid', /swapped/],
    ['fewer labels than images', { labels: idxBytes([2], [0, 1]) }, 'idx-mismatch', /3 images.*2 labels/],
    ['no images at all', { images: idxBytes([0, 2, 2], []) }, 'idx-invalid', /announces 0×2×2/],
  ])('is refused with %s', async (_, files, code, message) => {
    write(files);
    await expect(folder.open(spec)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('is refused with a label outside the declared classes, named with its image', async () => {
    write({});
    await expect(folder.open({ ...spec, classes: ['cat', 'dog'] })).rejects.toMatchObject({
      code: 'label-outside-classes',
      message: expect.stringMatching(/label 2 of image 1 is outside the 2 classes/),
    });
  });

  it('is refused with test images of another shape, and when a file is missing', async () => {
    write({ testImages: idxBytes([3, 1, 2], [1, 2, 3, 4, 5, 6]) });
    const withTest = { ...spec, testImages: 'testImages', testLabels: 'labels' };
    await expect(folder.open(withTest)).rejects.toMatchObject({ code: 'idx-mismatch' });
    await expect(folder.open({ ...spec, images: 'none' })).rejects.toMatchObject({
      code: 'data-file-missing',
    });
  });

  it('has no key columns', async () => {
    write({});
    const data = await folder.open(spec);
    await expect(data.keys({ column: 'writer' })).rejects.toMatchObject({ code: 'key-column-unknown' });
  });
});
