/** Who gets which training samples: a partition's specification applied to a data set. */
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { Dataset, KeySource } from './dataset.ts';
import { splitByKey } from './natural.ts';
import { readPartitionFile } from './partition-file.ts';
import type { PartitionSpec } from './spec.ts';
import {
  resample,
  type Silos,
  splitByDirichlet,
  splitByQuantity,
  splitBySizes,
  splitEvenly,
  splitIntoShards,
} from './split.ts';

/** The kinds that need nothing but labels, keys, a silo count and a seed. */
export type ComputedPartition = Exclude<PartitionSpec, { kind: 'file' }>;

export interface PartitionInput {
  /** One label per training sample. */
  readonly labels: Int32Array;
  readonly classCount: number;
  /** One key per training sample; needed by `natural`. */
  readonly keys?: readonly string[] | undefined;
  /** May be left out where the partition says it: `natural`, and `quantity` with sizes. */
  readonly siloCount?: number | undefined;
  readonly seed: number;
}

export interface PartitionOptions {
  readonly siloCount?: number | undefined;
  readonly seed: number;
  readonly baseFolder: string;
}

/**
 * Partitions a data set, reading the key or the index lists it needs. InputError `silo-empty`, `silo-count-missing`,
 * `partition-impossible`, `key-missing`, and what Dataset.keys and partition files may throw.
 */
export async function partitionDataset(
  dataset: Dataset,
  spec: PartitionSpec,
  options: PartitionOptions,
): Promise<Silos> {
  const { siloCount, seed } = options;
  if (spec.kind === 'file') {
    const bounds = { sampleCount: dataset.trainCount, siloCount, overlap: spec.overlap };
    return withoutEmpty(await readPartitionFile(options.baseFolder, spec.path, bounds), spec.kind);
  }
  const labels = await dataset.labels('train');
  const keys = spec.kind === 'natural' ? await dataset.keys(keySource(dataset, spec)) : undefined;
  return partition(spec, { labels, classCount: dataset.classCount, keys, siloCount, seed });
}

/** Partitions labelled samples; a function of its arguments only. Errors as partitionDataset. */
export function partition(spec: ComputedPartition, input: PartitionInput): Silos {
  const { labels, classCount, seed } = input;
  const siloCount = siloCountOf(spec, input);
  switch (spec.kind) {
    case 'iid':
      return numbered(splitEvenly(labels.length, siloCount, seed), spec.kind);
    case 'shards':
      return numbered(splitIntoShards(labels, siloCount, spec.shardsPerSilo, seed), spec.kind);
    case 'dirichlet':
      return numbered(splitByDirichlet(labels, classCount, siloCount, spec, seed), spec.kind);
    case 'quantity':
      return numbered(splitQuantity(spec, labels.length, siloCount, seed), spec.kind);
    case 'resample':
      return numbered(resample(labels.length, siloCount, spec.samplesPerSilo, seed), spec.kind);
    case 'natural':
      return withoutEmpty(splitByKey(input.keys ?? [], spec, input.siloCount, seed), spec.kind);
  }
}

function splitQuantity(
  spec: Extract<PartitionSpec, { kind: 'quantity' }>,
  sampleCount: number,
  siloCount: number,
  seed: number,
): number[][] {
  if (spec.alpha !== undefined) return splitByQuantity(sampleCount, siloCount, spec.alpha, seed);
  return splitBySizes(sampleCount, spec.sizes ?? [], Random.of(seed, 'partition', 'sizes'));
}

function siloCountOf(spec: ComputedPartition, { siloCount }: PartitionInput): number {
  const sizeCount = spec.kind === 'quantity' ? spec.sizes?.length : undefined;
  if (sizeCount !== undefined && siloCount !== undefined && sizeCount !== siloCount) {
    throw new InputError(
      'partition-impossible',
      `partition.sizes has ${sizeCount} entries for ${siloCount} silos; give one per silo, or leave silos out`,
      { sizeCount, siloCount },
    );
  }
  const count = siloCount ?? sizeCount;
  if (count !== undefined) return count;
  if (spec.kind === 'natural') return 0; // splitByKey counts the keys
  throw new InputError(
    'silo-count-missing',
    `a partition of kind ${spec.kind} needs the number of silos; add data.silos`,
    { kind: spec.kind },
  );
}

function keySource(dataset: Dataset, spec: Extract<PartitionSpec, { kind: 'natural' }>): KeySource {
  if (spec.file !== undefined) return { file: spec.file };
  const column = spec.column ?? dataset.keyColumn;
  if (column !== undefined) return { column };
  throw new InputError(
    'key-missing',
    `${dataset.name} has no key of its own for a natural partition; add partition.column or partition.file`,
    { dataset: dataset.name },
  );
}

function numbered(silos: readonly number[][], kind: string): Silos {
  return withoutEmpty({ silos, names: silos.map((_, silo) => `silo-${silo}`) }, kind);
}

function withoutEmpty(result: Silos, kind: string): Silos {
  const empty = result.names.filter((_, silo) => result.silos[silo]?.length === 0);
  if (empty.length === 0) return result;
  const shown = empty.slice(0, 10).join(', ');
  throw new InputError(
    'silo-empty',
    `the ${kind} partition leaves ${shown}${empty.length > 10 ? ' and others' : ''} without a sample; every silo needs at least one: lower data.silos, give more data, or change the partition`,
    { empty, kind },
  );
}
