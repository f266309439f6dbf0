/**
 * What peers that aggregate say to each other: who has entered, is gone, has settled, the extremes so far, and a running sum (mass.ts)
 * where mass flows. It travels as a rule's message does, in numbers and a payload:
 *   numbers  stage, attempt, epoch, count, weight, carried weight
 *   payload  three bit sets of ⌈peers/8⌉ bytes, padded to 8 bytes; least and most of each column, f64; part, f64; carry, f64
 * part and carry are absent where nothing is given. Decoding trusts nothing.
 */
import { PeerSet } from './peer-set.ts';
import type { MessageShape, RuleMessage } from './rule.ts';

export const AGGREGATE_KIND = 'aggregate';
const SETS = 3;

/** Sizes that both ends know. */
export interface AggregateSizes {
  readonly peerCount: number;
  /** Columns of which the least and the most are told. */
  readonly extremes: number;
  /** Elements of the running sums. */
  readonly size: number;
}

export interface AggregateSum {
  readonly epoch: number;
  readonly count: number;
  readonly z: number;
  readonly carryZ: number;
  readonly part: Float64Array;
  readonly carry: Float64Array | undefined;
}

export interface AggregateMessage {
  readonly stage: number;
  readonly attempt: number;
  readonly entered: PeerSet;
  readonly gone: PeerSet;
  readonly settled: PeerSet;
  /** [least, most] of each column one after another; NaN where nobody has one. */
  readonly extremes: Float64Array;
  readonly sum: AggregateSum | undefined;
}

/** Bounds for any stage: `columnsMax` elements beside those of the params, where these are averaged. */
export function aggregateShape(
  peerCount: number,
  { extremesMax, columnsMax, params }: { extremesMax: number; columnsMax: number; params: boolean },
): MessageShape {
  const head = setsBytes(peerCount);
  return {
    vectors: [],
    payload: (length) => ({
      bytesMin: head,
      bytesMax: head + 16 * extremesMax + 16 * (columnsMax + (params ? length : 0)),
    }),
  };
}

export function encodeAggregate(message: AggregateMessage, round: number): RuleMessage {
  const { stage, attempt, entered, gone, settled, extremes, sum } = message;
  const pieces = [extremes, ...(sum === undefined ? [] : [sum.part]), ...(sum?.carry ? [sum.carry] : [])];
  const head = setsBytes(entered.peerCount);
  const payload = new Uint8Array(head + 8 * pieces.reduce((length, piece) => length + piece.length, 0));
  for (const [index, { bytes }] of [entered, gone, settled].entries())
    payload.set(bytes, index * bytes.length);
  let at = head;
  for (const piece of pieces) {
    new Float64Array(payload.buffer, at, piece.length).set(piece);
    at += piece.byteLength;
  }
  const numbers = [stage, attempt, sum?.epoch ?? 0, sum?.count ?? 0, sum?.z ?? 0, sum?.carryZ ?? 0];
  return { kind: AGGREGATE_KIND, round, vectors: [], numbers, payload };
}

/** The stage and the attempt that a message speaks of; undefined where it is none. */
export function stageOf({ numbers }: RuleMessage): { stage: number; attempt: number } | undefined {
  const [stage, attempt] = numbers;
  return numbers.length === 6 && isCount(stage) && isCount(attempt) ? { stage, attempt } : undefined;
}

/** The message, or what is wrong with it, in words. */
export function decodeAggregate(message: RuleMessage, sizes: AggregateSizes): AggregateMessage | string {
  const { numbers, payload } = message;
  const named = stageOf(message);
  const [, , epoch, count, z = 0, carryZ = 0] = numbers;
  if (named === undefined || !isCount(epoch) || !isCount(count)) return `numbers ${numbers.join(', ')}`;
  const { peerCount, extremes: columns, size } = sizes;
  const headBytes = setsBytes(peerCount);
  const given = payload ?? new Uint8Array(0);
  const rest = given.length - headBytes - 16 * columns;
  const vectors = size === 0 ? 0 : rest / (8 * size);
  if (rest < 0 || (size === 0 && rest > 0) || !Number.isInteger(vectors) || vectors > 2)
    return `${given.length} bytes for columns of ${size}`;
  const aligned = given.byteOffset % 8 === 0 ? given : given.slice();
  const numbersAt = (at: number, length: number) =>
    new Float64Array(aligned.buffer, aligned.byteOffset + at, length);
  const sets = Array.from({ length: SETS }, (_, index) => setAt(given, index, peerCount));
  const [entered, gone, settled] = sets;
  if (entered === undefined || gone === undefined || settled === undefined)
    return 'a peer that does not exist';
  if (!entered.isSuperset(settled)) return 'settled without having entered';
  const extremes = numbersAt(headBytes, 2 * columns);
  const at = headBytes + 16 * columns;
  const part = numbersAt(at, vectors > 0 ? size : 0);
  const carry = vectors > 1 ? numbersAt(at + 8 * size, size) : undefined;
  if (!part.every(Number.isFinite) || carry?.every(Number.isFinite) === false)
    return 'a sum that is not finite';
  const sum = vectors > 0 ? { epoch, count, z, carryZ, part, carry } : undefined;
  return { ...named, entered, gone, settled, extremes, sum };
}

function setsBytes(peerCount: number): number {
  return 8 * Math.ceil((SETS * Math.ceil(peerCount / 8)) / 8);
}

function setAt(payload: Uint8Array, index: number, peerCount: number): PeerSet | undefined {
  const bytes = Math.ceil(peerCount / 8);
  const content = payload.slice(index * bytes, (index + 1) * bytes);
  const unused = 8 * bytes - peerCount;
  const last = content[bytes - 1] ?? 0;
  return unused > 0 && last >> (8 - unused) !== 0 ? undefined : new PeerSet(peerCount, content);
}

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
