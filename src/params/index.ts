/** A model's parameters as one flat vector with a layout. */
export * from './kernels.ts';
export * from './layout.ts';
