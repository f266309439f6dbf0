/**
 * The byte layout around every data-plane message: preamble, head, body, trailer. As short as can be: with compressed models the
 * frame is most of what travels.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 1 | mark | 0xb4: 0xb in the high half, the version, of frame and head alike, in the low one |
 * | 1 or 2 | headBytes | varint |
 * | 1 to 8 | bodyBytes | varint |
 * | headBytes, bodyBytes | head, then body | |
 * | 4 | trailer | the first 4 bytes of a digest over all before |
 *
 * A varint is an integer in groups of 7 bits, the lowest first, the top bit set in every byte but the last; no last byte of 0 but for
 * 0 itself. The digest sits behind the body so that a sender digests while it sends; the sizes sit before it so that a receiver can refuse
 * before it takes memory. The digest (transport/frame-digest.ts) is there for accidents (one in 2³² passes); who sent a frame, and that nobody changed it on its
 * way, is known from the encryption below it and from gossip's signatures.
 */

const FRAMING_VERSION = 4;
export const TRAILER_BYTES = 4;

const MAGIC = 0xb;
const MARK_BYTES = 1;
const HEAD_SIZE_BYTES_MAX = 2;
const BODY_SIZE_BYTES_MAX = 8;
export const PREAMBLE_BYTES_MAX = MARK_BYTES + HEAD_SIZE_BYTES_MAX + BODY_SIZE_BYTES_MAX;

export interface FrameBounds {
  readonly headBytesMax: number;
  readonly bodyBytesMax: number;
}

export type PreambleRefusal = 'frame-magic' | 'frame-too-large';

export type PreambleResult =
  | { readonly ok: true; readonly headBytes: number; readonly bodyBytes: number }
  | { readonly ok: false; readonly reason: PreambleRefusal; readonly detail: string };

/** Bytes of a whole frame, preamble to trailer. */
export function frameBytes(headBytes: number, bodyBytes: number): number {
  const preamble = MARK_BYTES + varintBytes(headBytes) + varintBytes(bodyBytes);
  return preamble + headBytes + bodyBytes + TRAILER_BYTES;
}

/** What stands behind the body; ends the digest. */
export function trailerOf(all: { digest(): Uint8Array }): Uint8Array {
  return all.digest().subarray(0, TRAILER_BYTES);
}

/** Sizes are safe integers. */
export function encodePreamble(headBytes: number, bodyBytes: number): Uint8Array {
  return Uint8Array.of(MAGIC * 16 + FRAMING_VERSION, ...varint(headBytes), ...varint(bodyBytes));
}

/** Reads and bounds what begins a frame; undefined while the preamble is not whole, which it is after PREAMBLE_BYTES_MAX bytes at the latest. */
export function decodePreamble(bytes: Uint8Array, bounds: FrameBounds): PreambleResult | undefined {
  const [mark] = bytes;
  if (mark === undefined) return undefined;
  if (mark >> 4 !== MAGIC) return refuse('frame-magic', 'the bytes are not a Grapevine frame');
  if (mark % 16 !== FRAMING_VERSION)
    return refuse('frame-magic', `framing version ${mark % 16}, wanted ${FRAMING_VERSION}`);
  const head = readVarint(bytes, MARK_BYTES, HEAD_SIZE_BYTES_MAX);
  if (head === 'longer') return undefined;
  if (head === 'invalid')
    return refuse('frame-too-large', `the size of the head is no varint of ${HEAD_SIZE_BYTES_MAX} bytes`);
  const body = readVarint(bytes, head.end, BODY_SIZE_BYTES_MAX);
  if (body === 'longer') return undefined;
  if (body === 'invalid')
    return refuse('frame-too-large', `the size of the body is no varint of ${BODY_SIZE_BYTES_MAX} bytes`);
  const [headBytes, bodyBytes] = [head.value, body.value];
  if (headBytes > bounds.headBytesMax || bodyBytes > bounds.bodyBytesMax) {
    const announced = `announced ${headBytes} + ${bodyBytes} bytes`;
    const allowed = `at most ${bounds.headBytesMax} + ${bounds.bodyBytesMax} are allowed`;
    return refuse('frame-too-large', `${announced}, ${allowed}`);
  }
  return { ok: true, headBytes, bodyBytes };
}

function refuse(reason: PreambleRefusal, detail: string): PreambleResult {
  return { ok: false, reason, detail };
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/** `longer`: its last byte is not here yet; `invalid`: it has too many bytes, or a last one that says nothing. */
function readVarint(
  bytes: Uint8Array,
  start: number,
  bytesMax: number,
): { readonly value: number; readonly end: number } | 'longer' | 'invalid' {
  let [value, unit] = [0, 1];
  for (let at = start; at < start + bytesMax; at++) {
    const byte = bytes[at];
    if (byte === undefined) return 'longer';
    value += (byte % 128) * unit;
    unit *= 128;
    if (byte < 128) return byte === 0 && at > start ? 'invalid' : { value, end: at + 1 };
  }
  return 'invalid';
}
