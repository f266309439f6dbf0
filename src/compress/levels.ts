/**
 * Small signed integers by adaptive arithmetic coding: each is a symbol, which says how large it is (frequencies.ts learns how often
 * each comes), and its sign and lower bits as they are, so that the cost nears the entropy whatever the distribution. Where that would be
 * longer than one or two plain bytes each, it is those: the length tells which.
 */
import type { Vector } from '../params/layout.ts';
import { BitDecoder, BitEncoder } from './binary-coder.ts';
import { Frequencies } from './frequencies.ts';

/** Magnitudes at most `largest`, below 2¹⁵. */
export function encodeLevels(levels: Int16Array, largest: number): Uint8Array {
  const encoder = new BitEncoder();
  const frequencies = new Frequencies(symbolCountOf(largest), 'encoding');
  const { starts } = frequencies;
  for (let index = 0; index < levels.length; index++) {
    const level = levels[index]!;
    const sign = level >>> 31;
    const magnitude = (level ^ -sign) + sign;
    const symbol = symbolOf(magnitude);
    const start = starts[symbol]!;
    encoder.span(start, starts[symbol + 1]! - start);
    frequencies.learn(symbol);
    if (symbol === 0) continue;
    const low = lowBitsOf(symbol);
    encoder.raw((sign << low) | (magnitude & ((1 << low) - 1)), low + 1);
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
  const frequencies = new Frequencies(symbolCountOf(largest), 'decoding');
  const { starts, symbols } = frequencies;
  for (let index = 0; index < into.length; index++) {
    const symbol = symbols[decoder.place()]!;
    const start = starts[symbol]!;
    decoder.span(start, starts[symbol + 1]! - start);
    frequencies.learn(symbol);
    if (symbol === 0) {
      into[index] = 0;
      continue;
    }
    const low = lowBitsOf(symbol);
    const raw = decoder.raw(low + 1);
    const top = symbol === 1 ? 1 : 2 | (symbol & 1);
    const magnitude = Math.min((top << low) | (raw & ((1 << low) - 1)), largest);
    into[index] = raw >>> low ? -magnitude : magnitude;
  }
}

/** 0 and 1 by themselves; of a greater magnitude its length in bits and the bit behind the leading one: 2, 3, 4–5, 6–7, 8–11, … */
function symbolOf(magnitude: number): number {
  if (magnitude < 2) return magnitude;
  const bits = 32 - Math.clz32(magnitude);
  return 2 * (bits - 1) + ((magnitude >>> (bits - 2)) & 1);
}

/** How many bits of a magnitude its symbol does not tell. */
function lowBitsOf(symbol: number): number {
  return symbol < 4 ? 0 : (symbol >>> 1) - 1;
}

function symbolCountOf(largest: number): number {
  return symbolOf(largest) + 1;
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
