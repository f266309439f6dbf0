/**
 * Samples of many silos in one place: every row that some silo uses is read once and kept once, however many silos share it
 * (with a resampling partition all of them do). A silo is then a list of row numbers.
 */
import type { Dataset, Samples, Split } from './dataset.ts';

/** Some samples of a split, by 0-based index; `all` for the whole split. */
interface Selection {
  readonly split: Split;
  readonly indices: readonly number[] | 'all';
}

export interface SamplePool {
  /** Each row once, in no promised order. */
  readonly samples: Samples;
  /** Rows of `samples` that a selection names, in its order; the same array for the same selection object. */
  rowsOf(selection: Selection): Int32Array;
}

/** Reads the union of `selections`. */
export async function poolSamples(dataset: Dataset, selections: Iterable<Selection>): Promise<SamplePool> {
  const splits: Record<Split, Int32Array> = {
    train: new Int32Array(dataset.trainCount).fill(-1),
    test: new Int32Array(dataset.testCount).fill(-1),
  };
  const indicesOf = ({ split, indices }: Selection): Iterable<number> =>
    indices === 'all' ? splits[split].keys() : indices;
  for (const selection of new Set(selections)) {
    for (const index of indicesOf(selection)) splits[selection.split][index] = 0;
  }
  let count = 0;
  const parts: { features: Float32Array; labels: Int32Array }[] = [];
  for (const split of ['train', 'test'] as const) {
    const rows = splits[split];
    const used = [...rows.keys()].filter((index) => rows[index] === 0);
    for (const index of used) rows[index] = count++;
    if (used.length === 0) continue;
    const all = await dataset.labels(split);
    parts.push({
      features: await dataset.rows(split, used),
      labels: Int32Array.from(used, (index) => all[index]!),
    });
  }
  const known = new Map<Selection, Int32Array>();
  return {
    samples: joined(parts, count, dataset.featureCount),
    rowsOf(selection) {
      const found = known.get(selection);
      if (found !== undefined) return found;
      const rows = Int32Array.from(indicesOf(selection), (index) => splits[selection.split][index]!);
      known.set(selection, rows);
      return rows;
    },
  };
}

function joined(
  parts: readonly { features: Float32Array; labels: Int32Array }[],
  count: number,
  featureCount: number,
): Samples {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return { ...only, count };
  const features = new Float32Array(count * featureCount);
  const labels = new Int32Array(count);
  let row = 0;
  for (const part of parts) {
    features.set(part.features, row * featureCount);
    labels.set(part.labels, row);
    row += part.labels.length;
  }
  return { features, labels, count };
}
