/**
 * The data set seam: labelled samples that are read by position, so that only a silo's own rows are ever in memory.
 * Implementations: idx.ts (pixel files), table.ts (CSV and JSON rows), limit.ts (the first rows of another one).
 *
 * Contract: indices are 0-based positions among the usable rows of a split, in file order (rows left out because of
 * a missing value have no index). Returned arrays belong to the caller. Nothing here computes a statistic of the
 * features: scaling constants are declared or fixed.
 */

export type Split = 'train' | 'test';

/** Where the natural key of each training sample comes from: a column of the table, or a file beside it. */
export type KeySource = { readonly column: string } | { readonly file: string };

export interface Dataset {
  readonly name: string;
  readonly classCount: number;
  /** One name per class, in label order. */
  readonly classNames: readonly string[];
  /** Shape of one sample: `[features]`, or `[height, width, channels]` for images. */
  readonly featureShape: readonly number[];
  /** Product of featureShape. */
  readonly featureCount: number;
  readonly trainCount: number;
  /** 0 where the data set brings no test set of its own. */
  readonly testCount: number;
  /** What a person should know about the reading, such as how many rows were left out. */
  readonly notes: readonly string[];
  /** The column that a natural partition uses unless told otherwise. */
  readonly keyColumn: string | undefined;
  /** One label per sample, 0 to classCount − 1. */
  labels(split: Split): Promise<Int32Array>;
  /** Scaled features, row after row. // [indices.length, featureCount] */
  rows(split: Split, indices: ArrayLike<number>): Promise<Float32Array>;
  /** One key per training sample; InputError `key-column-unknown`, `key-file-invalid` or `data-file-missing`. */
  keys(source: KeySource): Promise<readonly string[]>;
  /** SHA-256 (hex) of the underlying files, read in full; names the data in records. */
  digest(): Promise<string>;
}

/** Features and labels of some samples, in memory. */
export interface Samples {
  /** [count, featureCount], row after row. */
  readonly features: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
}

/** Reads some samples of a split, in the order of `indices`. */
export async function loadSamples(
  dataset: Dataset,
  split: Split,
  indices: ArrayLike<number>,
): Promise<Samples> {
  const [allLabels, features] = await Promise.all([dataset.labels(split), dataset.rows(split, indices)]);
  const labels = Int32Array.from(indices, (index) => allLabels[index] as number);
  return { features, labels, count: labels.length };
}
