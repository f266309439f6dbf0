/** A silo's samples: data sets, partitions, held-out shares. */
export * from './dataset.ts';
export { type OpenOptions, openDataset } from './open.ts';
export {
  type ComputedPartition,
  type PartitionInput,
  type PartitionOptions,
  partition,
  partitionDataset,
} from './partition.ts';
export * from './silo.ts';
export {
  type DatasetSpec,
  datasetSchema,
  loneSiloProblems,
  type PartitionSpec,
  partitionSchema,
} from './spec.ts';
export type { Silos } from './split.ts';
export { type ToySpec, toyPoint } from './toy.ts';
