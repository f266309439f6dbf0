/** A silo's samples: data sets, partitions, held-out shares. */
export * from './dataset.ts';
export * from './open.ts';
export * from './spec.ts';
