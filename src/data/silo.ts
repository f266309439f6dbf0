/** One silo's share: what it trains on, what it holds out, what a record says about it. */
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { type Dataset, loadSamples, type Samples, type Split } from './dataset.ts';
import { type PartitionOptions, partitionDataset } from './partition.ts';
import type { PartitionSpec } from './spec.ts';

/** Indices of training samples that one silo trains on and holds out. */
export interface SiloIndices {
  readonly name: string;
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** Who has which samples, and which ones everybody is judged by. */
export interface DataPlan {
  readonly silos: readonly SiloIndices[];
  /**
   * The data set's own test set; where it has none, all that some silo holds out and none trains on. Empty where
   * there is neither.
   */
  readonly globalTest: { readonly split: Split; readonly indices: readonly number[] };
}

export interface PlanOptions extends PartitionOptions {
  readonly partition: PartitionSpec;
  /** Share of each silo's samples that it holds out, 0 to below 1. */
  readonly testShare: number;
}

/** One silo's samples in memory. */
export interface SiloData {
  readonly name: string;
  readonly train: Samples;
  readonly test: Samples;
}

export interface SiloDescription {
  readonly samples: number;
  /** Samples of each class. // [classCount] */
  readonly labelHistogram: readonly number[];
  /** Labels that occur. */
  readonly classesPresent: readonly number[];
}

/** Partitions a data set and holds out each silo's share; a function of its arguments. Errors as partitionDataset. */
export async function planData(dataset: Dataset, options: PlanOptions): Promise<DataPlan> {
  const { names, silos } = await partitionDataset(dataset, options.partition, options);
  const plan = silos.map((indices, silo) => ({
    name: names[silo] as string,
    ...holdOut(indices, options.testShare, options.seed, silo),
  }));
  return { silos: plan, globalTest: globalTest(dataset, plan) };
}

/**
 * Splits a silo's indices by a seeded choice of round(testShare × distinct samples), of which at least one stays for
 * training. All copies of a sample go the same way; the order of `indices` is kept.
 */
export function holdOut(
  indices: readonly number[],
  testShare: number,
  seed: number,
  silo: number,
): { train: number[]; test: number[] } {
  if (!(testShare >= 0 && testShare < 1)) {
    throw new InputError('test-share-invalid', `testShare is ${testShare}, wanted 0 to below 1`, {
      testShare,
    });
  }
  const distinct = [...new Set(indices)];
  const testCount = Math.min(Math.round(testShare * distinct.length), distinct.length - 1);
  const chosen = Random.of(seed, 'hold-out', silo).shuffle(distinct).slice(0, Math.max(0, testCount));
  const test = new Set(chosen);
  return {
    train: indices.filter((index) => !test.has(index)),
    test: indices.filter((index) => test.has(index)),
  };
}

function globalTest(dataset: Dataset, silos: readonly SiloIndices[]): DataPlan['globalTest'] {
  if (dataset.testCount > 0) {
    return { split: 'test', indices: Array.from({ length: dataset.testCount }, (_, index) => index) };
  }
  const trained = new Set(silos.flatMap(({ train }) => train));
  const heldOut = new Set(silos.flatMap(({ test }) => test).filter((index) => !trained.has(index)));
  return { split: 'train', indices: [...heldOut].sort((left, right) => left - right) };
}

/** Reads one silo's samples; no other silo's are kept. */
export async function loadSilo(dataset: Dataset, silo: SiloIndices): Promise<SiloData> {
  const [train, test] = await Promise.all([
    loadSamples(dataset, 'train', silo.train),
    loadSamples(dataset, 'train', silo.test),
  ]);
  return { name: silo.name, train, test };
}

/** Reads the samples that everybody is judged by. */
export function loadGlobalTest(dataset: Dataset, plan: DataPlan): Promise<Samples> {
  return loadSamples(dataset, plan.globalTest.split, plan.globalTest.indices);
}

/** Size and label histogram of some samples. */
export function describeSilo(
  labels: Int32Array,
  indices: readonly number[],
  classCount: number,
): SiloDescription {
  const labelHistogram = new Array<number>(classCount).fill(0);
  for (const index of indices) labelHistogram[labels[index] as number]! += 1;
  const classesPresent = labelHistogram.flatMap((count, label) => (count > 0 ? [label] : []));
  return { samples: indices.length, labelHistogram, classesPresent };
}

/** What a person should know about a silo's samples. InputError `silo-empty` where there is none. */
export function siloWarnings(
  name: string,
  description: SiloDescription,
  classNames: readonly string[],
): string[] {
  if (description.samples === 0) {
    throw new InputError('silo-empty', `${name} has no sample; give it data, or take it out`, { name });
  }
  const [only, ...others] = description.classesPresent;
  if (only === undefined || others.length > 0 || classNames.length < 2) return [];
  return [
    `${name} has samples of one class only (${classNames[only] ?? only}): alone it can learn nothing but that answer`,
  ];
}
