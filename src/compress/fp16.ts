/**
 * IEEE 754 binary16, round to nearest, ties to even: half of f32's bytes, 11 significant bits, magnitudes up to 65,504; smaller than
 * 2⁻¹⁴ with fewer bits, down to 2⁻²⁴. Our deviation: what is too large becomes ±65,504 and not an infinity.
 */
import type { Codec, Compressor } from './codec.ts';
import { withoutOptions, wrongSize } from './codec.ts';

/** 65,520 rounds to an infinity; what is below it to 65,504 at most. */
const LARGEST = 65504;
/** f32 bits of 2⁻¹⁴, the smallest normal half. */
const NORMAL_MIN_BITS = 0x38800000;
/** Added to an f32 below 2⁻¹⁴, 0.5 makes the adder round it to a multiple of 2⁻²⁴: the last bits of the sum are the half's. */
const SUBNORMAL_MAGIC = 0.5;
const SUBNORMAL_MAGIC_BITS = 0x3f000000;

const codec: Codec = {
  bytesOf: (length) => ({ bytesMin: 2 * length, bytesMax: 2 * length }),
  encode(vector) {
    const halves = new Uint16Array(vector.length);
    const one = new Float32Array(1);
    const bits = new Uint32Array(one.buffer);
    for (let index = 0; index < halves.length; index++) {
      const value = vector[index]!;
      const magnitude = Math.min(Math.abs(value), LARGEST);
      one[0] = magnitude;
      let half = bits[0]!;
      if (half < NORMAL_MIN_BITS) {
        one[0] = one[0]! + SUBNORMAL_MAGIC;
        half = bits[0]! - SUBNORMAL_MAGIC_BITS;
      } else {
        // Re-bias the exponent from 127 to 15; add half a unit less one, and the last kept bit: ties go to even.
        half = (half - 0x38000000 + 0xfff + ((half >>> 13) & 1)) >>> 13;
      }
      halves[index] = value < 0 ? half | 0x8000 : half;
    }
    return new Uint8Array(halves.buffer);
  },
  decode(bytes, into) {
    const problem = wrongSize(bytes, 2 * into.length);
    if (problem !== undefined) return problem;
    const one = new Float32Array(1);
    const bits = new Uint32Array(one.buffer);
    for (let index = 0; index < into.length; index++) {
      const half = bytes[2 * index]! | (bytes[2 * index + 1]! << 8);
      const magnitude = half & 0x7fff;
      if (magnitude >= 0x7c00) return 'an element is not finite';
      if (magnitude < 0x400) one[0] = magnitude * 2 ** -24;
      else bits[0] = (magnitude << 13) + 0x38000000;
      into[index] = half & 0x8000 ? -one[0]! : one[0]!;
    }
    return undefined;
  },
  contractionOf: () => 0,
  lengthMin: 1,
};

export const fp16: Compressor = {
  kind: 'fp16',
  summary: 'half precision: 2 bytes an element',
  parse: withoutOptions('fp16', codec),
};
