/**
 * A checkpoint as bytes: what a restart needs, with a digest over all of it. Reading trusts nothing: a corrupt file is a
 * result, and the caller falls back to the one before.
 *
 *   magic "GVCP" | head length u32 LE | head (CBOR) | params | optimiser snapshot | rule snapshot | SHA-256 over everything before
 */
import { createHash } from 'node:crypto';
import { decode, encode } from 'cborg';
import { bytesOf, type Precision, precisionOf, type Vector } from '../params/layout.ts';

const MAGIC = 0x50435647; // "GVCP", little-endian
const PREAMBLE_BYTES = 8;
const DIGEST_BYTES = 32;
const FORMAT = 2;

export interface Checkpoint {
  /** The params are those at the start of this round. */
  readonly round: number;
  readonly params: Vector;
  /** What Trainer.snapshot() gave at that moment. */
  readonly optimizer: Uint8Array;
  /** What the exchange rule needs beside the params; empty where nothing. */
  readonly ruleSnapshot: Uint8Array;
  readonly experimentDigest: string;
  readonly layoutDigest: string;
}

export type ReadCheckpoint =
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly problem: string };

export function encodeCheckpoint({ params, optimizer, ruleSnapshot, ...rest }: Checkpoint): Uint8Array {
  const head = encode({
    ...rest,
    format: FORMAT,
    precision: precisionOf(params),
    size: params.length,
    optimizerBytes: optimizer.length,
    ruleBytes: ruleSnapshot.length,
  });
  const preamble = new Uint8Array(PREAMBLE_BYTES);
  const view = new DataView(preamble.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, head.length, true);
  const content = Buffer.concat([preamble, head, bytesOf(params), optimizer, ruleSnapshot]);
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}

export function decodeCheckpoint(bytes: Uint8Array): ReadCheckpoint {
  if (bytes.length < PREAMBLE_BYTES + DIGEST_BYTES) return bad(`only ${bytes.length} bytes`);
  const content = bytes.subarray(0, bytes.length - DIGEST_BYTES);
  const digest = createHash('sha256').update(content).digest();
  if (!digest.equals(bytes.subarray(bytes.length - DIGEST_BYTES)))
    return bad('its digest does not match its content');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0, true) !== MAGIC) return bad('it is not a checkpoint file');
  const headEnd = PREAMBLE_BYTES + view.getUint32(4, true);
  return parse(decode(content.subarray(PREAMBLE_BYTES, headEnd)), content.subarray(headEnd));
}

interface Head {
  readonly format: number;
  readonly round: number;
  readonly precision: Precision;
  readonly size: number;
  readonly optimizerBytes: number;
  readonly ruleBytes: number;
  readonly experimentDigest: string;
  readonly layoutDigest: string;
}

/** The digest matched, so the head is one that this program wrote; only its format may be another. */
function parse(raw: unknown, body: Uint8Array): ReadCheckpoint {
  const { format, precision, size, optimizerBytes, ruleBytes } = raw as Head;
  if (format !== FORMAT) return bad(`it has format ${format}; this version reads ${FORMAT}`);
  const paramsBytes = size * (precision === 'f32' ? 4 : 8);
  if (body.length !== paramsBytes + optimizerBytes + ruleBytes)
    return bad(`its body has ${body.length} bytes`);
  const copy = Uint8Array.from(body.subarray(0, paramsBytes)).buffer;
  const params = precision === 'f32' ? new Float32Array(copy) : new Float64Array(copy);
  const ruleStart = paramsBytes + optimizerBytes;
  const optimizer = Uint8Array.from(body.subarray(paramsBytes, ruleStart));
  const ruleSnapshot = Uint8Array.from(body.subarray(ruleStart));
  const { round, experimentDigest, layoutDigest } = raw as Head;
  return { ok: true, checkpoint: { round, params, optimizer, ruleSnapshot, experimentDigest, layoutDigest } };
}

function bad(problem: string): ReadCheckpoint {
  return { ok: false, problem };
}
