/**
 * Small signed integers by adaptive arithmetic coding: each is a 0-or-not bit, a sign, the bits of its magnitude from the length on
 * (Exp-Golomb), each with a probability that learns, so that the cost nears the entropy whatever the distribution. Where that
 * would be longer than one or two plain bytes each, it is those: the length tells which.
 */
import type { Vector } from '../params/layout.ts';
import { AdaptiveBit, BitDecoder, BitEncoder, HALF } from './binary-coder.ts';

/** What the coder has learned so far: the same at both ends. */
class Contexts {
  readonly zero = new AdaptiveBit();
  /** Whether the magnitude has more bits than this many. */
  readonly longer: readonly AdaptiveBit[];
  /** The bit behind the leading one, by length. */
  readonly second: readonly AdaptiveBit[];

  constructor(bitsMax: number) {
    this.longer = Array.from({ length: bitsMax + 1 }, () => new AdaptiveBit());
    this.second = Array.from({ length: bitsMax + 1 }, () => new AdaptiveBit());
  }
}

/** Magnitudes at most `largest`, below 2¹⁵. */
export function encodeLevels(levels: Int16Array, largest: number): Uint8Array {
  const encoder = new BitEncoder();
  const bitsMax = bitLength(largest);
  const { zero, longer, second } = new Contexts(bitsMax);
  for (let index = 0; index < levels.length; index++) {
    const level = levels[index]!;
    put(encoder, zero, level === 0 ? 1 : 0);
    if (level === 0) continue;
    encoder.bit(level < 0 ? 1 : 0, HALF);
    const magnitude = level < 0 ? -level : level;
    const bits = bitLength(magnitude);
    for (let length = 1; length < bitsMax; length++) {
      put(encoder, longer[length]!, length < bits ? 1 : 0);
      if (length >= bits) break;
    }
    if (bits > 1) put(encoder, second[bits]!, (magnitude >>> (bits - 2)) & 1);
    for (let place = bits - 3; place >= 0; place--) encoder.bit((magnitude >>> place) & 1, HALF);
  }
  const coded = encoder.finish();
  const plainBytes = levelBytesMax(levels.length, largest);
  if (coded.length < plainBytes) return coded;
  const plain = plainBytes === levels.length ? Int8Array.from(levels) : levels;
  return new Uint8Array(plain.buffer);
}

/** Writes an integer of at most `largest` in magnitude into every element, whatever the bytes. */
export function decodeLevels(bytes: Uint8Array, into: Vector, largest: number): void {
  if (bytes.length >= levelBytesMax(into.length, largest)) return decodePlain(bytes, into, largest);
  const decoder = new BitDecoder(bytes);
  const bitsMax = bitLength(largest);
  const { zero, longer, second } = new Contexts(bitsMax);
  for (let index = 0; index < into.length; index++) {
    if (get(decoder, zero)) {
      into[index] = 0;
      continue;
    }
    const negative = decoder.bit(HALF);
    let bits = 1;
    while (bits < bitsMax && get(decoder, longer[bits]!)) bits += 1;
    let magnitude = 1;
    if (bits > 1) magnitude = 2 | get(decoder, second[bits]!);
    for (let place = bits - 3; place >= 0; place--) magnitude = (magnitude << 1) | decoder.bit(HALF);
    if (magnitude > largest) magnitude = largest;
    into[index] = negative ? -magnitude : magnitude;
  }
}

/** Bytes at most: those of the plain integers. */
export function levelBytesMax(length: number, largest: number): number {
  return largest <= 127 ? length : 2 * length;
}

function decodePlain(bytes: Uint8Array, into: Vector, largest: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < into.length; index++) {
    const level = largest <= 127 ? view.getInt8(index) : view.getInt16(2 * index, true);
    into[index] = Math.max(-largest, Math.min(largest, level));
  }
}

function put(encoder: BitEncoder, context: AdaptiveBit, bit: number): void {
  encoder.bit(bit, context.probability);
  context.learn(bit);
}

function get(decoder: BitDecoder, context: AdaptiveBit): 0 | 1 {
  const bit = decoder.bit(context.probability);
  context.learn(bit);
  return bit;
}

function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}
