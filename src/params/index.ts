/** Model parameters as one flat vector with a layout, their kernels, and safetensors files. */
export * from './kernels.ts';
export * from './layout.ts';
export { decodeSafetensors, encodeSafetensors, type SavedParams } from './safetensors.ts';
