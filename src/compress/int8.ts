/**
 * 8-bit integers with a scale per block of 256: q = round(x / scale), scale = max|x| / 127 in the block, as an f32. Each error is at most
 * scale/2, and ‖x‖² ≥ max|x|² in each block, so 1 − δ = 256 / 254² (and a little for the rounding of the scale itself).
 * Layout: all scales, then all integers.
 */
import type { Codec, Compressor } from './codec.ts';
import { withoutOptions, wrongSize } from './codec.ts';

const BLOCK = 256;
const LEVELS = 127;

function sizeOf(length: number): number {
  return length + 4 * Math.ceil(length / BLOCK);
}

const codec: Codec = {
  bytesOf: (length) => ({ bytesMin: sizeOf(length), bytesMax: sizeOf(length) }),
  encode(vector) {
    const blocks = Math.ceil(vector.length / BLOCK);
    const bytes = new Uint8Array(sizeOf(vector.length));
    const scales = new Float32Array(bytes.buffer, 0, blocks);
    const integers = new Int8Array(bytes.buffer, 4 * blocks);
    for (let block = 0; block < blocks; block++) {
      const start = block * BLOCK;
      const end = Math.min(start + BLOCK, vector.length);
      let largest = 0;
      for (let index = start; index < end; index++) {
        const magnitude = Math.abs(vector[index]!);
        if (magnitude > largest) largest = magnitude;
      }
      scales[block] = largest / LEVELS;
      if (scales[block] === 0) continue;
      const perUnit = 1 / scales[block]!;
      for (let index = start; index < end; index++) {
        // Rounded half up; a scale that was itself rounded down may lead beyond 127.
        const level = Math.floor(vector[index]! * perUnit + 0.5);
        integers[index] = level > LEVELS ? LEVELS : Math.max(-LEVELS, level);
      }
    }
    return bytes;
  },
  decode(bytes, into) {
    const problem = wrongSize(bytes, sizeOf(into.length));
    if (problem !== undefined) return problem;
    const blocks = Math.ceil(into.length / BLOCK);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const integers = new Int8Array(bytes.buffer, bytes.byteOffset + 4 * blocks, into.length);
    for (let block = 0; block < blocks; block++) {
      const scale = view.getFloat32(4 * block, true);
      if (!(scale >= 0 && Math.fround(scale * 128) < Number.POSITIVE_INFINITY))
        return `the scale of block ${block} is not a finite number of at least 0`;
      const end = Math.min((block + 1) * BLOCK, into.length);
      for (let index = block * BLOCK; index < end; index++) into[index] = scale * integers[index]!;
    }
    return undefined;
  },
  contractionOf: () => 1 - BLOCK / (2 * LEVELS - 1) ** 2,
  lengthMin: 1,
};

export const int8: Compressor = {
  kind: 'int8',
  summary: '8-bit integers with a scale per 256 elements: a little over 1 byte an element',
  parse: withoutOptions('int8', codec),
};
