/** The first samples of another data set, in file order. */
import { InputError } from '../base/errors.ts';
import type { Dataset, Split } from './dataset.ts';
import type { LimitSpec } from './spec.ts';

/** Keeps the first `limit.train` and `limit.test` samples. InputError `limit-exceeds-data`. */
export function limitDataset(dataset: Dataset, limit: LimitSpec): Dataset {
  const counts: Record<Split, number> = {
    train: limited('train', dataset.trainCount, limit.train),
    test: limited('test', dataset.testCount, limit.test),
  };
  return {
    ...dataset,
    trainCount: counts.train,
    testCount: counts.test,
    labels: async (split) => (await dataset.labels(split)).slice(0, counts[split]),
    keys: async (source) => (await dataset.keys(source)).slice(0, counts.train),
  };
}

function limited(split: Split, available: number, wanted: number | undefined): number {
  if (wanted === undefined) return available;
  if (wanted <= available) return wanted;
  throw new InputError(
    'limit-exceeds-data',
    `data limit.${split} is ${wanted}, but there are only ${available} ${split} samples; lower or remove it`,
    { split, available, wanted },
  );
}
