/**
 * What a peer tells everybody about itself on the control plane: where it is, whether it is done, and what its silo allows by
 * name. CBOR, deterministic. Decoding trusts nothing: a refusal is a result, never an exception.
 */
import { decode, encode } from 'cborg';

const STATUS_VERSION = 1;
/** A histogram of more classes is not told: the message must stay small. */
const STATUS_CLASSES_MAX = 4096;
const STATUS_BYTES_MAX = 64 * 1024;

export interface PeerStatus {
  /** Rounds completed. */
  readonly round: number;
  /** Whether it has done all it will do. */
  readonly finished: boolean;
  /** Share of its own held-out samples that its model gets right, 0 to 1. */
  readonly accuracy?: number;
  /** Training samples. */
  readonly samples?: number;
  /** Training samples per class. */
  readonly labelCounts?: readonly number[];
}

export type DecodedStatus =
  | { readonly ok: true; readonly status: PeerStatus }
  | { readonly ok: false; readonly detail: string };

export function encodeStatus({ round, finished, accuracy, samples, labelCounts }: PeerStatus): Uint8Array {
  const told =
    labelCounts === undefined || labelCounts.length > STATUS_CLASSES_MAX ? {} : { l: [...labelCounts] };
  return encode({
    v: STATUS_VERSION,
    t: 'status',
    r: round,
    f: finished,
    ...(accuracy === undefined ? {} : { a: accuracy }),
    ...(samples === undefined ? {} : { n: samples }),
    ...told,
  });
}

export function decodeStatus(bytes: Uint8Array): DecodedStatus {
  if (bytes.byteLength > STATUS_BYTES_MAX) return refuse(`${bytes.byteLength} bytes`);
  let value: unknown;
  try {
    value = decode(bytes, { strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true });
  } catch {
    return refuse('not CBOR');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('not a map');
  const { v, t, r, f, a, n, l } = value as Record<string, unknown>;
  if (v !== STATUS_VERSION || t !== 'status') return refuse('of another version or kind');
  if (!isCount(r) || typeof f !== 'boolean') return refuse('no round, or not said whether finished');
  if (a !== undefined && !isShare(a)) return refuse('an accuracy that is no share');
  if (n !== undefined && !isCount(n)) return refuse('samples that are no count');
  if (l !== undefined && !isHistogram(l)) return refuse('a histogram that is no list of counts');
  return {
    ok: true,
    status: {
      round: r,
      finished: f,
      ...(a === undefined ? {} : { accuracy: a }),
      ...(n === undefined ? {} : { samples: n }),
      ...(l === undefined ? {} : { labelCounts: l }),
    },
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function isHistogram(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= STATUS_CLASSES_MAX && value.every(isCount);
}

function refuse(detail: string): DecodedStatus {
  return { ok: false, detail };
}
