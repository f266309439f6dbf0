/** Vectors as fewer bytes: quantisers, sparsifiers and their codecs. */

export type { Chance, Codec, CodecSpec, ParsedCodec } from './codec.ts';
export { OVERFLOW } from './codec.ts';
export { noiseOf } from './noise.ts';
export { compressorKinds, parseCompressor } from './registry.ts';
