/**
 * Rows with named columns as a data set: declared scaling, (x − mean) / std or (x − min) / (max − min), and one-hot
 * categories. The scaled features of the file are held in memory; the text is not.
 */
import { assert } from '../base/assert.ts';
import { InputError, type Problem, ProblemsError } from '../base/errors.ts';
import type { Dataset, KeySource, Split } from './dataset.ts';
import { digestFiles } from './file.ts';
import { readKeyFile } from './keys.ts';
import type { RowFile } from './rows.ts';
import type { FeatureSpec } from './spec.ts';

/** So many bad rows are reported at once. */
const BAD_ROWS_MAX = 10;
/** What stands for "unknown" in data files, besides an empty cell. */
const MISSING_TEXTS = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?']);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

interface TableOptions {
  readonly name: string;
  readonly train: RowFile;
  readonly test?: RowFile | undefined;
  readonly label: string;
  readonly classes?: readonly string[] | undefined;
  readonly features: readonly FeatureSpec[];
  readonly keyColumn?: string | undefined;
  readonly missing: 'error' | 'drop';
  /** Folder that key files are relative to. */
  readonly baseFolder: string;
}

interface TableSplit {
  readonly features: Float32Array;
  /** Provisional class numbers, in order of first appearance where no classes are declared. */
  readonly labels: Int32Array;
  /** Ordinals of the rows that were left out. */
  readonly dropped: ReadonlySet<number>;
}

type Cell =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' };

/**
 * Reads a table. ProblemsError names up to 10 bad rows with column and value: a label outside the classes, a missing
 * value (unless `missing` is `drop`), a feature that is not a finite number, an undeclared category.
 */
export async function openTable(options: TableOptions): Promise<Dataset> {
  const classNumbers = new Map((options.classes ?? []).map((name, index) => [name, index]));
  const train = await readTable(options.train, options, classNumbers);
  const test = options.test === undefined ? undefined : await readTable(options.test, options, classNumbers);
  const classNames = options.classes ?? [...classNumbers.keys()].sort(compareKeys);
  const labelOf = Int32Array.from(classNumbers.keys(), (name) => classNames.indexOf(name));
  if (train.labels.length === 0) throw noRows(options.train.path, train.dropped.size);
  const featureCount = options.features.reduce((sum, feature) => sum + widthOf(feature), 0);
  const splitOf = (split: Split): TableSplit | undefined => (split === 'train' ? train : test);
  return {
    name: options.name,
    classCount: classNames.length,
    classNames,
    featureShape: [featureCount],
    featureCount,
    trainCount: train.labels.length,
    testCount: test?.labels.length ?? 0,
    notes: droppedNotes(options, train, test),
    keyColumn: options.keyColumn,
    labels: async (split) =>
      (splitOf(split)?.labels ?? new Int32Array(0)).map((number) => labelOf[number] as number),
    rows: async (split, indices) => gather(splitOf(split), indices, featureCount),
    keys: (source) => tableKeys(source, options, train),
    digest: () => digestFiles([options.train, options.test].flatMap((file) => (file ? [file.path] : []))),
  };
}

/** Order of class names and keys: by value where both are numbers, else by code units. */
export function compareKeys(left: string, right: string): number {
  if (NUMBER.test(left) && NUMBER.test(right) && Number(left) !== Number(right)) {
    return Number(left) - Number(right);
  }
  return left < right ? -1 : left > right ? 1 : 0;
}

async function readTable(
  file: RowFile,
  options: TableOptions,
  classNumbers: Map<string, number>,
): Promise<TableSplit> {
  const { features, label, missing } = options;
  const reader = new RowReader(features, options.classes !== undefined, classNumbers);
  const labels: number[] = [];
  const rows: Float32Array[] = [];
  const dropped = new Set<number>();
  const problems: Problem[] = [];
  await file.visit([label, ...features.map(({ column }) => column)], (values, place) => {
    const row = reader.read(values, label, place);
    if (row.problems.length > 0) problems.push(...row.problems);
    else if (row.missing === undefined) {
      labels.push(row.label);
      rows.push(row.features);
    } else if (missing === 'drop') dropped.add(labels.length + dropped.size);
    else problems.push(missingProblem(place, row.missing));
    if (problems.length >= BAD_ROWS_MAX) throw badRows(file.path, problems);
  });
  if (problems.length > 0) throw badRows(file.path, problems);
  return { features: concatenate(rows), labels: Int32Array.from(labels), dropped };
}

interface Row {
  readonly features: Float32Array;
  readonly label: number;
  /** A column without a value. */
  readonly missing: string | undefined;
  readonly problems: readonly Problem[];
}

/** Turns the cells of a row, label first, into numbers. */
class RowReader {
  readonly #features: readonly FeatureSpec[];
  readonly #classesDeclared: boolean;
  readonly #classNumbers: Map<string, number>;
  readonly #width: number;

  constructor(features: readonly FeatureSpec[], classesDeclared: boolean, classNumbers: Map<string, number>) {
    this.#features = features;
    this.#classesDeclared = classesDeclared;
    this.#classNumbers = classNumbers;
    this.#width = features.reduce((sum, feature) => sum + widthOf(feature), 0);
  }

  read(values: readonly unknown[], labelColumn: string, place: string): Row {
    const features = new Float32Array(this.#width);
    const problems: Problem[] = [];
    let missing: string | undefined;
    let offset = 0;
    this.#features.forEach((feature, index) => {
      const value = values[index + 1];
      const cell = readCell(feature, value);
      if (cell.kind === 'wrong') problems.push(wrongProblem(place, feature, value));
      else if (cell.kind === 'missing') missing ??= feature.column;
      else if (feature.categories === undefined) features[offset] = cell.value;
      else features[offset + cell.value] = 1;
      offset += widthOf(feature);
    });
    const label = this.#label(values[0]);
    if (label === 'missing') missing ??= labelColumn;
    else if (label === 'unknown') problems.push(this.#labelProblem(place, labelColumn, values[0]));
    return { features, label: typeof label === 'number' ? label : -1, missing, problems };
  }

  #label(value: unknown): number | 'missing' | 'unknown' {
    const text = cellText(value);
    const known = this.#classNumbers.get(text);
    if (known !== undefined) return known;
    if (isMissing(text)) return 'missing';
    if (this.#classesDeclared || typeof value === 'object') return 'unknown';
    this.#classNumbers.set(text, this.#classNumbers.size);
    return this.#classNumbers.size - 1;
  }

  #labelProblem(place: string, column: string, value: unknown): Problem {
    const classes = [...this.#classNumbers.keys()].slice(0, 20).join(', ');
    return {
      path: `${place}, column "${column}"`,
      message: `label ${JSON.stringify(value)} is outside the classes (${classes})`,
      suggestion: 'declare it under classes, for every silo alike, or mend the row',
    };
  }
}

function readCell(feature: FeatureSpec, value: unknown): Cell {
  const text = cellText(value);
  if (feature.categories !== undefined) {
    const category = feature.categories.indexOf(text);
    if (category !== -1) return { kind: 'value', value: category };
    return { kind: isMissing(text) ? 'missing' : 'wrong' };
  }
  if (isMissing(text)) return { kind: 'missing' };
  if (typeof value === 'object' || !(NUMBER.test(text) || typeof value === 'boolean'))
    return { kind: 'wrong' };
  const scaled = Math.fround(scale(feature, Number(value)));
  return Number.isFinite(scaled) ? { kind: 'value', value: scaled } : { kind: 'wrong' };
}

function scale({ mean, std, min, max }: FeatureSpec, value: number): number {
  if (mean !== undefined && std !== undefined) return (value - mean) / std;
  if (min !== undefined && max !== undefined) return (value - min) / (max - min);
  return value;
}

function cellText(value: unknown): string {
  return value === undefined || value === null ? '' : String(value).trim();
}

function isMissing(text: string): boolean {
  return MISSING_TEXTS.has(text.toLowerCase());
}

function widthOf(feature: FeatureSpec): number {
  return feature.categories?.length ?? 1;
}

function wrongProblem(place: string, feature: FeatureSpec, value: unknown): Problem {
  const path = `${place}, column "${feature.column}"`;
  const got = JSON.stringify(value);
  if (feature.categories !== undefined) {
    return {
      path,
      message: `${got} is none of the declared categories (${feature.categories.slice(0, 20).join(', ')})`,
      suggestion: 'declare it, for every silo alike, or mend the row',
    };
  }
  return {
    path,
    message: `${got} is not a finite number`,
    suggestion: 'mend the row, or declare categories if the column holds texts',
  };
}

function missingProblem(place: string, column: string): Problem {
  return {
    path: `${place}, column "${column}"`,
    message: 'has no value',
    suggestion: 'fill it in, or leave out such rows with missing: drop',
  };
}

function badRows(path: string, problems: readonly Problem[]): ProblemsError {
  const shown = problems.slice(0, BAD_ROWS_MAX);
  if (problems.length < BAD_ROWS_MAX) return new ProblemsError(path, shown);
  return new ProblemsError(path, [
    ...shown,
    { path: '', message: `reading stopped after ${BAD_ROWS_MAX} problems; there may be more` },
  ]);
}

function noRows(path: string, droppedCount: number): InputError {
  const dropped = droppedCount === 0 ? '' : ` (${droppedCount} left out for missing values)`;
  return new InputError('data-empty', `${path} has no usable row${dropped}; a silo needs at least one`, {
    path,
    droppedCount,
  });
}

function droppedNotes(options: TableOptions, train: TableSplit, test: TableSplit | undefined): string[] {
  const files: [RowFile | undefined, TableSplit | undefined][] = [
    [options.train, train],
    [options.test, test],
  ];
  return files.flatMap(([file, split]) =>
    file === undefined || split === undefined || split.dropped.size === 0
      ? []
      : [`${options.name}: ${split.dropped.size} rows with a missing value were left out`],
  );
}

function concatenate(rows: readonly Float32Array[]): Float32Array {
  const width = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, index) => {
    all.set(row, index * width);
  });
  return all;
}

function gather(split: TableSplit | undefined, indices: ArrayLike<number>, width: number): Float32Array {
  const rows = new Float32Array(indices.length * width);
  if (split === undefined) {
    assert(indices.length === 0, 'rows of a test set that does not exist');
    return rows;
  }
  for (let at = 0; at < indices.length; at++) {
    const row = indices[at] as number;
    assert(row >= 0 && row < split.labels.length, `row ${row} of ${split.labels.length}`);
    rows.set(split.features.subarray(row * width, (row + 1) * width), at * width);
  }
  return rows;
}

async function tableKeys(source: KeySource, options: TableOptions, train: TableSplit): Promise<string[]> {
  if ('file' in source) return readKeyFile(options.baseFolder, source.file, train.labels.length);
  const keys: string[] = [];
  const problems: Problem[] = [];
  let ordinal = 0;
  await options.train.visit([source.column], ([value], place) => {
    if (train.dropped.has(ordinal++)) return;
    const key = cellText(value);
    if (isMissing(key) || typeof value === 'object') problems.push(missingProblem(place, source.column));
    if (problems.length >= BAD_ROWS_MAX) throw badRows(options.train.path, problems);
    keys.push(key);
  });
  if (problems.length > 0) throw badRows(options.train.path, problems);
  return keys;
}
