/** What a rule keeps for a restart, as bytes and back: plain objects of numbers, texts, lists and byte arrays, in CBOR. */
import { decode, encode } from 'cborg';
import type { Precision, Vector } from '../params/layout.ts';

export function packSnapshot(content: Readonly<Record<string, unknown>>): Uint8Array {
  return encode(content);
}

/** The peer's own bytes, whose digest the checkpoint has checked. */
export function unpackSnapshot<Content>(bytes: Uint8Array): Content {
  return decode(bytes) as Content;
}

/** Raw little-endian numbers as a vector that shares their memory, or, where they lie askew in it, a copy. */
export function vectorOf(precision: Precision, bytes: Uint8Array): Vector {
  const { buffer, byteOffset, length } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  return precision === 'f32'
    ? new Float32Array(buffer, byteOffset, length / 4)
    : new Float64Array(buffer, byteOffset, length / 8);
}
