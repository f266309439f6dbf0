/**
 * Images in IDX files (the format of MNIST): two zero bytes, element type, number of dimensions, each dimension as a
 * big-endian uint32, then the elements. Pixels are read by position,
 * through a small window; only the rows asked for are kept.
 * Source: the MNIST page of LeCun, Cortes and Burges (file format); only unsigned bytes (type 8) are supported.
 */
import { assert } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import type { Dataset, KeySource, Split } from './dataset.ts';
import { dataFileSizeBytes, digestFiles, readExactly, truncated, withDataFile } from './file.ts';
import { readKeyFile } from './keys.ts';

const UNSIGNED_BYTE = 8;
const DIMENSION_COUNT_MAX = 4;
/** Longest single read; bounds the buffer between file and features. */
const WINDOW_BYTES_MAX = 1 << 20;
/** Reading on through a gap is cheaper than another system call up to here. */
const GAP_BYTES_MAX = 1 << 16;

interface IdxFiles {
  readonly images: string;
  readonly labels: string;
}

interface IdxOptions {
  readonly name: string;
  /** Absolute paths. */
  readonly train: IdxFiles;
  readonly test?: IdxFiles | undefined;
  /** Class names; without them there are as many classes as the highest label says. */
  readonly classes?: readonly string[] | undefined;
  readonly divisor: number;
  /** Folder that key files are relative to. */
  readonly baseFolder: string;
}

interface IdxHeader {
  readonly dimensions: readonly number[];
  readonly headerBytes: number;
}

interface IdxSplit {
  readonly files: IdxFiles;
  readonly header: IdxHeader;
  readonly labels: Int32Array;
}

/**
 * Opens one or two pairs of IDX files: images [count, height, width(, channels)] or [count, features], labels [count].
 * InputError `data-file-missing`, `data-file-truncated`, `idx-invalid`, `idx-mismatch`, `label-outside-classes`.
 */
export function openIdx(options: IdxOptions): Dataset {
  const train = readSplit(options.train);
  const test = options.test === undefined ? undefined : readSplit(options.test);
  const featureShape = imageShape(train.header);
  if (test !== undefined) checkSameShape(train, test);
  const classNames = options.classes ?? countedClasses(train, test);
  for (const split of [train, test]) {
    if (split !== undefined) checkLabels(split, classNames.length);
  }
  const featureCount = featureShape.reduce((product, size) => product * size, 1);
  const scale = Float32Array.from({ length: 256 }, (_, byte) => byte / options.divisor);
  const splitOf = (split: Split): IdxSplit | undefined => (split === 'train' ? train : test);
  return {
    name: options.name,
    classCount: classNames.length,
    classNames,
    featureShape,
    featureCount,
    trainCount: train.labels.length,
    testCount: test?.labels.length ?? 0,
    notes: [],
    keyColumn: undefined,
    labels: async (split) => splitOf(split)?.labels.slice() ?? new Int32Array(0),
    rows: async (split, indices) => readRows(splitOf(split), indices, featureCount, scale),
    keys: async (source) => idxKeys(source, options, train.labels.length),
    digest: () =>
      digestFiles(
        [options.train, options.test].flatMap((files) => (files ? [files.images, files.labels] : [])),
      ),
  };
}

function readSplit(files: IdxFiles): IdxSplit {
  const header = readHeader(files.images, 2);
  const labelHeader = readHeader(files.labels, 1);
  const count = header.dimensions[0] as number;
  if (labelHeader.dimensions[0] !== count) {
    throw new InputError(
      'idx-mismatch',
      `${files.images} has ${count} images, ${files.labels} has ${labelHeader.dimensions[0]} labels; name the pair that belongs together`,
      { ...files, imageCount: count, labelCount: labelHeader.dimensions[0] },
    );
  }
  const bytes = new Uint8Array(count);
  withDataFile(files.labels, (descriptor) =>
    readExactly(descriptor, files.labels, bytes, labelHeader.headerBytes),
  );
  return { files, header, labels: Int32Array.from(bytes) };
}

/** Reads and checks a header; the file must be exactly as long as it says. */
function readHeader(path: string, dimensionCountMin: number): IdxHeader {
  const sizeBytes = dataFileSizeBytes(path);
  if (sizeBytes < 4) throw truncated(path, 4, sizeBytes);
  return withDataFile(path, (descriptor) => {
    const magic = new Uint8Array(4);
    readExactly(descriptor, path, magic, 0);
    const dimensionCount = checkMagic(path, magic, dimensionCountMin);
    const bytes = new Uint8Array(4 * dimensionCount);
    readExactly(descriptor, path, bytes, 4);
    const view = new DataView(bytes.buffer);
    const dimensions = Array.from({ length: dimensionCount }, (_, index) => view.getUint32(4 * index));
    const headerBytes = 4 + bytes.length;
    const wantedBytes = headerBytes + dimensions.reduce((product, size) => product * size, 1);
    if (sizeBytes < wantedBytes) throw truncated(path, wantedBytes, sizeBytes);
    if (sizeBytes > wantedBytes || dimensions.includes(0)) {
      throw invalid(
        path,
        `its header announces ${dimensions.join('×')} elements in ${wantedBytes} bytes, the file has ${sizeBytes}`,
      );
    }
    return { dimensions, headerBytes };
  });
}

/** The number of dimensions that a magic number declares. */
function checkMagic(path: string, magic: Uint8Array, dimensionCountMin: number): number {
  const [zero, zeroToo, elementType, dimensionCount = 0] = magic;
  const hex = Buffer.from(magic).toString('hex');
  if (zero === 0x1f && zeroToo === 0x8b) throw invalid(path, 'it is gzip-compressed: unpack it first');
  if (zero !== 0 || zeroToo !== 0)
    throw invalid(path, `it starts with ${hex}, wanted 0000 08 and dimensions`);
  if (elementType !== UNSIGNED_BYTE) {
    throw invalid(path, `its element type is ${elementType}, only 8 (unsigned byte) is supported`);
  }
  const allowed =
    dimensionCountMin === 1
      ? dimensionCount === 1
      : dimensionCount >= dimensionCountMin && dimensionCount <= DIMENSION_COUNT_MAX;
  if (!allowed) {
    const wanted = dimensionCountMin === 1 ? 'labels have 1' : `images have 2 to ${DIMENSION_COUNT_MAX}`;
    throw invalid(
      path,
      `it has ${dimensionCount} dimensions (magic ${hex}), ${wanted}: are images and labels swapped?`,
    );
  }
  return dimensionCount;
}

function invalid(path: string, reason: string): InputError {
  return new InputError('idx-invalid', `${path} is not a usable IDX file: ${reason}`, { path, reason });
}

/** [features] for flat rows, [height, width, channels] for images. */
function imageShape({ dimensions }: IdxHeader): number[] {
  const shape = dimensions.slice(1);
  return shape.length === 2 ? [...shape, 1] : shape;
}

function checkSameShape(train: IdxSplit, test: IdxSplit): void {
  const [wanted, got] = [train, test].map(({ header }) => imageShape(header).join('×'));
  if (wanted === got) return;
  throw new InputError(
    'idx-mismatch',
    `${test.files.images} has images of ${got}, ${train.files.images} of ${wanted}; both must be alike`,
    { wanted, got },
  );
}

function countedClasses(train: IdxSplit, test: IdxSplit | undefined): string[] {
  let highest = 1;
  for (const split of [train, test]) {
    for (const label of split?.labels ?? []) highest = Math.max(highest, label);
  }
  return Array.from({ length: highest + 1 }, (_, label) => String(label));
}

function checkLabels({ files, labels }: IdxSplit, classCount: number): void {
  const row = labels.findIndex((label) => label >= classCount);
  if (row === -1) return;
  throw new InputError(
    'label-outside-classes',
    `${files.labels}: label ${labels[row]} of image ${row} is outside the ${classCount} classes (0 to ${classCount - 1}); declare every class or mend the file`,
    { path: files.labels, row, label: labels[row], classCount },
  );
}

/** Reads rows in file order; neighbours in the file come with one read, through a bounded window. */
function readRows(
  split: IdxSplit | undefined,
  indices: ArrayLike<number>,
  rowBytes: number,
  scale: Float32Array,
): Float32Array {
  const features = new Float32Array(indices.length * rowBytes);
  if (indices.length === 0) return features;
  const { files, header, labels } = split ?? emptySplit();
  const order = fileOrder(indices);
  const rowAt = (at: number): number => indices[order[at] as number] as number;
  assert(rowAt(0) >= 0 && rowAt(order.length - 1) < labels.length, `rows outside 0…${labels.length - 1}`);
  const bytes = new Uint8Array(Math.max(rowBytes, WINDOW_BYTES_MAX));
  withDataFile(files.images, (descriptor) => {
    for (let start = 0; start < order.length; ) {
      const first = rowAt(start);
      const end = windowEnd(start, order.length, rowAt, rowBytes);
      const window = bytes.subarray(0, (rowAt(end - 1) + 1 - first) * rowBytes);
      readExactly(descriptor, files.images, window, header.headerBytes + first * rowBytes);
      for (; start < end; start++) {
        const from = (rowAt(start) - first) * rowBytes;
        const to = (order[start] as number) * rowBytes;
        for (let byte = 0; byte < rowBytes; byte++) {
          features[to + byte] = scale[window[from + byte] as number] as number;
        }
      }
    }
  });
  return features;
}

/** Positions of `indices` such that the rows ascend; partitions are ascending already. */
function fileOrder(indices: ArrayLike<number>): Uint32Array {
  const order = Uint32Array.from(indices, (_, at) => at);
  const ascending = order.every((at) => at === 0 || (indices[at - 1] as number) <= (indices[at] as number));
  if (ascending) return order;
  return order.sort((left, right) => (indices[left] as number) - (indices[right] as number));
}

/** One past the last row that the window starting at `start` takes. */
function windowEnd(start: number, count: number, rowAt: (at: number) => number, rowBytes: number): number {
  const first = rowAt(start);
  let end = start + 1;
  while (end < count) {
    const gapBytes = (rowAt(end) - rowAt(end - 1)) * rowBytes;
    if (gapBytes > GAP_BYTES_MAX || (rowAt(end) + 1 - first) * rowBytes > WINDOW_BYTES_MAX) break;
    end++;
  }
  return end;
}

function emptySplit(): never {
  throw new InputError('no-test-set', 'this data set has no test set of its own');
}

async function idxKeys(source: KeySource, options: IdxOptions, trainCount: number): Promise<string[]> {
  if ('file' in source) return readKeyFile(options.baseFolder, source.file, trainCount);
  throw new InputError(
    'key-column-unknown',
    `${options.name} has images without columns, so no key column "${source.column}"; give a file with one key per image`,
    { column: source.column },
  );
}
