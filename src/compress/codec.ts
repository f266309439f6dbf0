/**
 * The Compressor seam: a vector as fewer bytes and back. A new one is one new file and one line in registry.ts. Pure: chance is an
 * argument, and equal arguments give equal bytes. Conformance: test/compress/codec.conformance.ts.
 *
 * Decoding is for bytes of strangers: it takes no memory beyond the vector it is given, never throws, and says what is wrong.
 * What a decoder makes of given bytes is the same on every machine and in every version: only IEEE-754 operations.
 */
import type { Precision, Vector } from '../params/layout.ts';

/** Uniform in [0, 1), a new number with every call. */
export type Chance = () => number;

export interface Codec {
  /** Bytes that an encoded vector of `length` elements has, both inclusive. */
  bytesOf(length: number, precision: Precision): { readonly bytesMin: number; readonly bytesMax: number };
  /** The vector's encoding, as bytes of its own. Length at least `lengthMin`; elements finite. */
  encode(vector: Vector, chance: Chance): Uint8Array;
  /** Writes what the bytes say into `into`, all of it; or returns why they say nothing: what it holds then is void. */
  decode(bytes: Uint8Array, into: Vector): string | undefined;
  /**
   * into ← base + what the bytes say, in one pass, or why not, as `decode` (then void); the same to the bit as decoding and adding. Whether
   * the sum is finite is part of it. Absent: decode, then add. `into` is another vector than `base`.
   */
  addTo?(bytes: Uint8Array, base: Vector, into: Vector): string | undefined;
  /**
   * δ in [0, 1]: E‖x − Q(x)‖² ≤ (1 − δ)·‖x‖² for every x of `length` elements; undefined where there is no such bound
   * (an unbiased quantiser may be worse than sending nothing).
   */
  contractionOf(length: number): number | undefined;
  /** The shortest vector it is for. */
  readonly lengthMin: number;
}

export type ParsedCodec =
  /** `spec` is complete with defaults, plain data, and parses to itself. */
  | { readonly ok: true; readonly spec: CodecSpec; readonly codec: Codec }
  | { readonly ok: false; readonly problems: readonly string[] };

export interface CodecSpec {
  readonly kind: string;
  readonly [option: string]: unknown;
}

export interface Compressor {
  readonly kind: string;
  /** One line for people. */
  readonly summary: string;
  /** Checks options, as an experiment file would hold them beside `kind`. */
  parse(options: Readonly<Record<string, unknown>>): ParsedCodec;
}

/** For a compressor without options. */
export function withoutOptions(kind: string, codec: Codec): Compressor['parse'] {
  return (options) => {
    const problems = Object.keys(options).map((key) => `unknown option ${key}; ${kind} takes none`);
    return problems.length === 0 ? { ok: true, spec: { kind }, codec } : { ok: false, problems };
  };
}

export function widthOf(precision: Precision): 4 | 8 {
  return precision === 'f32' ? 4 : 8;
}

/** The bytes of a number in the vector's precision. */
export function writeNumber(bytes: Uint8Array, offset: number, value: number, precision: Precision): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (precision === 'f32') view.setFloat32(offset, value, true);
  else view.setFloat64(offset, value, true);
}

export function readNumber(bytes: Uint8Array, offset: number, precision: Precision): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return precision === 'f32' ? view.getFloat32(offset, true) : view.getFloat64(offset, true);
}

/** What an addTo or an addition after decoding says of a sum that is not finite. */
export const OVERFLOW = 'the sum with what was there overflows';

/** A problem in words unless `bytes` has exactly the size wanted. */
export function wrongSize(bytes: Uint8Array, wanted: number): string | undefined {
  return bytes.length === wanted ? undefined : `${bytes.length} bytes, wanted ${wanted}`;
}
