/** What a peer knows of the run's goal, as a small part of a message's head: `b`, a bit per peer that has reached it; `a`, where to stop. */

export interface Agreement {
  /** Peer indices, ascending. */
  readonly reached: readonly number[];
  /** The round that all stop at. */
  readonly stopAt?: number;
}

/** Bytes of the bit set: 16,384 peers. */
const BITS_BYTES_MAX = 2048;

export function encodeAgreement({ reached, stopAt }: Agreement): Record<string, unknown> {
  const last = reached.at(-1) ?? -1;
  const bits = new Uint8Array(Math.floor(last / 8) + 1);
  for (const peer of reached) bits[peer >> 3]! |= 1 << (peer & 7);
  return { b: bits, ...(stopAt === undefined ? {} : { a: stopAt }) };
}

/** Undefined where it is not one. */
export function decodeAgreement(raw: unknown): Agreement | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { a, b } = raw as Record<string, unknown>;
  if (!(b instanceof Uint8Array) || b.length > BITS_BYTES_MAX) return undefined;
  if (a !== undefined && !(Number.isSafeInteger(a) && (a as number) >= 0)) return undefined;
  const reached: number[] = [];
  for (let peer = 0; peer < 8 * b.length; peer++)
    if (((b[peer >> 3] ?? 0) >> (peer & 7)) & 1) reached.push(peer);
  return a === undefined ? { reached } : { reached, stopAt: a as number };
}
