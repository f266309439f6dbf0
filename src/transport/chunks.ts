/**
 * Frames in pieces for the gossip carrier: cut, and put together again within bounds. Pure: time is an argument.
 * A chunk is 32 bytes of header, little-endian, and up to CHUNK_BYTES of the framed message (wire/framing.ts):
 *
 * | bytes | field | |
 * |---|---|---|
 * | 0..3 | magic | `GVCK` |
 * | 4..7 | version | u32, 1 |
 * | 8..15 | frameId | u64, unique per sender |
 * | 16..19 | index | u32, from 0 |
 * | 20..23 | count | u32, ⌈totalBytes / CHUNK_BYTES⌉ |
 * | 24..31 | totalBytes | u64, preamble to trailer |
 */
import { frameBytes } from '../wire/framing.ts';
import { FrameReader, InboundBudget, type Refusal } from './frame-reader.ts';
import type { OutgoingFrame } from './outgoing-frame.ts';
import type { Frame, FrameLimits } from './transport.ts';

/** Far below gossipsub's 4 MiB cap, so that several fit into one RPC, and large enough that signing them costs little. */
export const CHUNK_BYTES = 256 * 1024;
export const CHUNK_HEADER_BYTES = 32;

const MAGIC = 0x4b435647; // 'GVCK'
const VERSION = 1;

/** Frames of one sender being put together at one time; the oldest gives way. */
const PENDING_MAX = 4;
/** Frames of one sender remembered as done, so that a late copy of a chunk does not begin them again. */
const DONE_MAX = 64;
const AGE_MS_MAX = 60_000;

/** The chunks of a frame, made one by one so that only one copy is alive. */
export function* chunksOf(frame: OutgoingFrame, frameId: bigint): Generator<Uint8Array> {
  const count = Math.ceil(frame.wireBytes / CHUNK_BYTES);
  const pieces = [...frame.segments, frame.trailer()];
  let piece = 0;
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const payloadBytes = Math.min(CHUNK_BYTES, frame.wireBytes - index * CHUNK_BYTES);
    const chunk = new Uint8Array(CHUNK_HEADER_BYTES + payloadBytes);
    writeHeader(chunk, { frameId, index, count, totalBytes: frame.wireBytes });
    for (let filled = CHUNK_HEADER_BYTES; filled < chunk.byteLength; ) {
      const source = pieces[piece] as Uint8Array;
      const taken = source.subarray(offset, offset + chunk.byteLength - filled);
      chunk.set(taken, filled);
      filled += taken.byteLength;
      offset += taken.byteLength;
      if (offset === source.byteLength) {
        piece += 1;
        offset = 0;
      }
    }
    yield chunk;
  }
}

interface ChunkHeader {
  readonly frameId: bigint;
  readonly index: number;
  readonly count: number;
  readonly totalBytes: number;
}

function writeHeader(chunk: Uint8Array, header: ChunkHeader): void {
  const view = new DataView(chunk.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, header.frameId, true);
  view.setUint32(16, header.index, true);
  view.setUint32(20, header.count, true);
  view.setBigUint64(24, BigInt(header.totalBytes), true);
}

/** The header of a chunk whose numbers fit together and stay within `totalBytesMax`; otherwise why not. */
function readHeader(chunk: Uint8Array, totalBytesMax: number): ChunkHeader | string {
  if (chunk.byteLength < CHUNK_HEADER_BYTES) return `${chunk.byteLength} bytes are no chunk`;
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION)
    return 'unknown magic or version';
  const index = view.getUint32(16, true);
  const count = view.getUint32(20, true);
  const totalBytes = Number(view.getBigUint64(24, true));
  if (totalBytes > totalBytesMax)
    return `announces ${totalBytes} bytes, at most ${totalBytesMax} are allowed`;
  if (count !== Math.ceil(totalBytes / CHUNK_BYTES) || index >= count) return `chunk ${index} of ${count}`;
  const payloadBytes = Math.min(CHUNK_BYTES, totalBytes - index * CHUNK_BYTES);
  if (chunk.byteLength - CHUNK_HEADER_BYTES !== payloadBytes)
    return `chunk ${index} of ${count} has a wrong length`;
  return { frameId: view.getBigUint64(8, true), index, count, totalBytes };
}

interface Pending {
  readonly bytes: Uint8Array;
  readonly have: Uint8Array;
  readonly startedMs: number;
  missing: number;
}

/** Puts one sender's frames together. Memory: at most PENDING_MAX of the largest frames, given back by age or by eviction. */
export class Reassembler {
  readonly #limits: FrameLimits;
  readonly #totalBytesMax: number;
  /** In order of arrival of their first chunk. */
  readonly #pending = new Map<bigint, Pending>();
  readonly #done = new Set<bigint>();

  constructor(limits: FrameLimits) {
    this.#limits = limits;
    this.#totalBytesMax = frameBytes(limits.headBytesMax, limits.bodyBytesMax);
  }

  get bytesHeld(): number {
    return [...this.#pending.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  /** Takes one chunk. `frame` when it was the last missing one; neither when more are missing or it was a copy. */
  push(chunk: Uint8Array, nowMs: number): { readonly frame?: Frame; readonly refusal?: Refusal } {
    this.#forgetOld(nowMs);
    const header = readHeader(chunk, this.#totalBytesMax);
    if (typeof header === 'string') return { refusal: { reason: 'chunk-invalid', detail: header } };
    if (this.#done.has(header.frameId)) return {};
    const pending = this.#pending.get(header.frameId) ?? this.#begin(header, nowMs);
    if (pending.bytes.byteLength !== header.totalBytes) {
      return { refusal: { reason: 'chunk-invalid', detail: 'the size changed within a frame' } };
    }
    if (pending.have[header.index] === 1) return {};
    pending.have[header.index] = 1;
    pending.bytes.set(chunk.subarray(CHUNK_HEADER_BYTES), header.index * CHUNK_BYTES);
    pending.missing -= 1;
    return pending.missing === 0 ? this.#complete(header.frameId, pending.bytes) : {};
  }

  #begin({ frameId, count, totalBytes }: ChunkHeader, nowMs: number): Pending {
    if (this.#pending.size === PENDING_MAX) {
      const [oldest] = this.#pending.keys();
      if (oldest !== undefined) this.#pending.delete(oldest);
    }
    const pending = {
      bytes: new Uint8Array(totalBytes),
      have: new Uint8Array(count),
      startedMs: nowMs,
      missing: count,
    };
    this.#pending.set(frameId, pending);
    return pending;
  }

  #complete(frameId: bigint, bytes: Uint8Array): { frame?: Frame; refusal?: Refusal } {
    this.#pending.delete(frameId);
    this.#done.add(frameId);
    if (this.#done.size > DONE_MAX) {
      const [oldest] = this.#done;
      if (oldest !== undefined) this.#done.delete(oldest);
    }
    let complete: Frame | undefined;
    const reader = new FrameReader(this.#limits, new InboundBudget(this.#totalBytesMax), (frame) => {
      complete = frame;
    });
    const refusal = reader.push(bytes) ?? reader.end();
    if (refusal !== undefined) return { refusal };
    return complete === undefined ? {} : { frame: complete };
  }

  #forgetOld(nowMs: number): void {
    for (const [frameId, { startedMs }] of this.#pending) {
      if (nowMs - startedMs > AGE_MS_MAX) this.#pending.delete(frameId);
    }
  }
}
