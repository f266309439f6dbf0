/**
 * The byte layout around every data-plane message: preamble, head, body, trailer; all integers little-endian.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 0..3 | magic | `GVFR` |
 * | 4..5 | version | u16, 1 |
 * | 6..7 | flags | u16, 0 |
 * | 8..11 | headBytes | u32 |
 * | 12..15 | reserved | u32, 0 |
 * | 16..23 | bodyBytes | u64 |
 * | 24.. | head, then body | |
 * | last 32 | trailer | SHA-256 over preamble, head and body |
 *
 * The digest sits behind the body so that a sender hashes while it sends; the sizes sit before it so that a receiver
 * can refuse before it takes memory.
 */

const FRAMING_VERSION = 1;
export const PREAMBLE_BYTES = 24;
export const TRAILER_BYTES = 32;

const MAGIC = 0x52465647; // 'GVFR' read as a little-endian u32

export interface FrameBounds {
  readonly headBytesMax: number;
  readonly bodyBytesMax: number;
}

export type PreambleRefusal = 'frame-magic' | 'frame-too-large';

export type PreambleResult =
  | { readonly ok: true; readonly headBytes: number; readonly bodyBytes: number }
  | { readonly ok: false; readonly reason: PreambleRefusal; readonly detail: string };

export function encodePreamble(headBytes: number, bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FRAMING_VERSION, true);
  view.setUint32(8, headBytes, true);
  view.setBigUint64(16, BigInt(bodyBytes), true);
  return bytes;
}

/** Reads and bounds a preamble of exactly PREAMBLE_BYTES. Sizes above 2^53 are refused as too large. */
export function decodePreamble(bytes: Uint8Array, bounds: FrameBounds): PreambleResult {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength !== PREAMBLE_BYTES || view.getUint32(0, true) !== MAGIC) {
    return { ok: false, reason: 'frame-magic', detail: 'the bytes are not a Grapevine frame' };
  }
  const version = view.getUint16(4, true);
  if (version !== FRAMING_VERSION || view.getUint16(6, true) !== 0 || view.getUint32(12, true) !== 0) {
    return { ok: false, reason: 'frame-magic', detail: `framing version ${version} or flags unknown` };
  }
  const headBytes = view.getUint32(8, true);
  const bodyBytes = Number(view.getBigUint64(16, true));
  if (headBytes > bounds.headBytesMax || bodyBytes > bounds.bodyBytesMax) {
    const announced = `announced ${headBytes} + ${bodyBytes} bytes`;
    const allowed = `at most ${bounds.headBytesMax} + ${bounds.bodyBytesMax} are allowed`;
    return { ok: false, reason: 'frame-too-large', detail: `${announced}, ${allowed}` };
  }
  return { ok: true, headBytes, bodyBytes };
}
