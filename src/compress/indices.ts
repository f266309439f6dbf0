/**
 * Which k of d indices, in as many bits as there is information: walking through all indices, the probability that the next one
 * is among the k is (how many are left of the k) / (how many are left of the d), which makes log₂ C(d, k) bits in all (Rissanen, Langdon 1979).
 * Every byte string decodes to k different indices.
 */
import { BitDecoder, BitEncoder } from './binary-coder.ts';

/** `indices` ascending, below `length`. */
export function encodeIndices(indices: Uint32Array, length: number): Uint8Array {
  const encoder = new BitEncoder();
  let next = 0;
  for (let index = 0; index < length && next < indices.length; index++) {
    const left = indices.length - next;
    if (left === length - index) break; // all that is left
    const chosen = indices[next] === index ? 1 : 0;
    encoder.bit(chosen, probabilityOf(left, length - index));
    next += chosen;
  }
  return encoder.finish();
}

/** `count` ascending indices below `length`, whatever the bytes. */
export function decodeIndices(bytes: Uint8Array, length: number, count: number): Uint32Array {
  const decoder = new BitDecoder(bytes);
  const indices = new Uint32Array(count);
  let next = 0;
  for (let index = 0; index < length && next < count; index++) {
    const left = count - next;
    const chosen = left === length - index || decoder.bit(probabilityOf(left, length - index)) === 1;
    if (chosen) indices[next++] = index;
  }
  return indices;
}

/** Bytes at most: rounding a probability to 1/65,536 costs an index chosen less than a bit, one not chosen less than 2⁻¹⁴ bits. */
export function indexBytesMax(length: number, count: number): number {
  return Math.ceil((informationBits(length, count) + count + length / 16384) / 8) + 5;
}

/** log₂ C(length, count), from above: d·H(k/d). */
function informationBits(length: number, count: number): number {
  const share = count / length;
  if (share === 1) return 0;
  return length * (-share * Math.log2(share) - (1 - share) * Math.log2(1 - share));
}

function probabilityOf(left: number, of: number): number {
  const probability = Math.round((65536 * left) / of);
  return probability < 1 ? 1 : Math.min(probability, 65535);
}
