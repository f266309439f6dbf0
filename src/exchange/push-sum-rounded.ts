/**
 * Push-sum's running sums rounded to 16 or 8 bits an element, and still exact in what they sum up to: what was given is what can be told.
 * Over an arc, with r an estimate of x that both ends hold and Q a codec:
 *   d = σ + s − z_σ·r;   σ ← z_σ·r + Q(d), told as Q(d);   y ← y − (the change of σ), so that what rounding took stays in y
 * The next share brings it: error feedback without a memory of its own. Both ends compute σ from the same numbers in the same order: it is
 * the same to the bit, and Σy + Σ(σ − ρ) is conserved as in full precision (mass.ts), under loss, copies, reordering and restarts.
 * Since z_σ·r is taken off, the step is in proportion to how far x has moved from r, not to x: where peers agree it goes to 0.
 *
 * Sums are told since the last turn. A turn moves what was given into the carry, and the mean x of what was given since the turn before
 * becomes r. It comes before M shares have been given (2 before the first, when r is 0; M = 32 for fp16, 8 for int8), so that half a step, all
 * that stays in y, is at most M/2·z·max|x − r| in 2,048 or 127. The receiver makes the same turn from what was told last before it, which the first messages
 * after a turn repeat (`turn`). Who has missed a whole part gets carry and r themselves now and then (`base`), and where turns follow
 * soon on each other, or one of the two ends starts again or leaves: the last gift is whole.
 * Source: running sums as in mass.ts; differences to a shared estimate as in CHOCO (Koloskova et al. 2019); the combination is ours.
 */
import { present } from '../base/assert.ts';
import type { Codec } from '../compress/index.ts';
import { allFinite } from '../params/kernels.ts';
import {
  createTaken,
  type Mass,
  type Offer,
  orderOf,
  type Rounded,
  type RunningSum,
  rebase,
  type SumRounding,
  sameCarry,
  type Taken,
} from './mass.ts';
import { isCount, type SumAddress, type SumTelling, wrong } from './push-sum-telling.ts';
import type { RuleMessage } from './rule.ts';

/** Shares given before the first turn, by weight. */
const FIRST_SHARES_MAX = 2;
/** Gifts told together with the turn before them, and every so many'th after. */
const TURN_TOLD = 3;
const TURN_EVERY = 4;
/** Gifts told with carry and r after a start, and every so many'th after. */
const BASE_TOLD = 3;
const BASE_EVERY = 32;
/** What cannot be told is in proportion to the last bit of all that was given: beside less weight it would be much. */
const ROUNDED_Z_MIN = 2 ** -40;

/** `sharesMax`: given between two turns, by weight; the fewer levels the codec has, the fewer. */
export function roundedSums(codec: Codec, sharesMax: number): SumTelling {
  const bytesOf = (pieces: number) => (length: number) => {
    const { bytesMin, bytesMax } = codec.bytesOf(length, 'f64');
    return { bytesMin: pieces * bytesMin, bytesMax: pieces * bytesMax };
  };
  return {
    /** Numbers: sum [life, start count, epoch, count, z, scale]; turn with z and scale of the closed part; base with the carry's z; share [z, scale]. */
    messages: {
      sum: { vectors: [], payload: bytesOf(1) },
      turn: { vectors: [], payload: bytesOf(2) },
      base: { vectors: ['f64', 'f64'], payload: bytesOf(1) },
      share: { vectors: [], payload: bytesOf(1) },
    },
    zMin: ROUNDED_Z_MIN,
    beforeGift(sum, mass, arcCount, zShare) {
      const shares = Math.min(sharesMax, FIRST_SHARES_MAX * 4 ** sum.epoch);
      if (sum.partZ + zShare <= shares * zShare || sum.count === sum.epochFrom) return;
      const { scale, bytes, toldFrom } = present(sum.rounding, 'rounding of a sum that was given');
      // Turns that follow soon on each other are easily missed: the next gifts are told with carry and r.
      const isShort = sum.epoch >= 2 && 2 * (sum.count - sum.epochFrom) < sharesMax;
      const closing = { scale, bytes, z: sum.partZ };
      turn(codec, sum, mass, arcCount, { closing, toldFrom: isShort ? sum.count : toldFrom });
    },
    afterGift(sum, mass, arcCount, isLast) {
      if (isLast) turn(codec, sum, mass, arcCount, { closing: undefined, toldFrom: sum.count });
      sum.rounding = round(codec, sum, mass, arcCount, sum.rounding ?? NEW);
    },
    messageOf: (sum, to) => tell(codec, sum, to),
    shareOf({ partZ, rounding }, round) {
      const { scale, bytes } = present(rounding, 'rounding of a share');
      return { kind: 'share', round, vectors: [], numbers: [partZ, scale], payload: bytes };
    },
    sizeOf({ kind, vectors, payload }) {
      const length = present(payload, 'payload').length;
      return vectors[0]?.length ?? lengthOf(codec, kind === 'turn' ? length / 2 : length);
    },
    offerOf: (message, incarnation, _exclusive, taken, size) =>
      read(codec, message, incarnation, taken, size),
    shareIn({ numbers, payload }, size) {
      const [z, scale] = numbers;
      if (z === undefined || scale === undefined || numbers.length !== 2)
        return `${numbers.length} numbers, wanted weight and scale`;
      const y = new Float64Array(size);
      const problem = restore(codec, { scale, bytes: present(payload, 'payload') }, z, undefined, y);
      return problem ?? { y, z };
    },
  };
}

type Told = Omit<SumRounding, keyof Rounded>;

/** What was given goes into the carry; its mean becomes r. */
function turn(
  codec: Codec,
  sum: RunningSum,
  mass: Mass,
  arcCount: number,
  told: Omit<Told, 'reference'>,
): void {
  const reference = meanOf(sum.part, sum.partZ);
  rebase(sum);
  sum.rounding = round(codec, sum, mass, arcCount, { ...told, reference });
}

function meanOf(part: Float64Array, z: number): Float64Array {
  return part.map((value) => value / z);
}

/** σ becomes what can be told; what it loses by that goes back to the mass. */
function round(
  codec: Codec,
  sum: RunningSum,
  { y }: Mass,
  arcCount: number,
  { reference, closing, toldFrom }: Told,
): SumRounding {
  const { part, partZ } = sum;
  const rest = new Float64Array(part.length);
  let largest = 0;
  for (let at = 0; at < rest.length; at++) {
    rest[at] = reference === undefined ? part[at]! : part[at]! - partZ * reference[at]!;
    if (Math.abs(rest[at]!) > largest) largest = Math.abs(rest[at]!);
  }
  const scale = powerAbove(largest);
  for (let at = 0; at < rest.length; at++) rest[at]! /= scale;
  const next = new Float64Array(part.length);
  let bytes = codec.encode(rest, HALF);
  // Params that are not finite are told to nobody.
  if (restore(codec, { scale, bytes }, partZ, reference, next) !== undefined) {
    bytes = codec.encode(rest.fill(0), HALF);
    restore(codec, { scale, bytes }, partZ, reference, next);
  }
  for (let at = 0; at < next.length; at++) y[at]! += arcCount * (part[at]! - next[at]!);
  sum.part = next;
  return { scale, bytes, reference, closing, toldFrom };
}

const NEW = { reference: undefined, closing: undefined, toldFrom: 0 };
const HALF = () => 0.5;

/** The least power of two above the value; the greatest one at most. */
function powerAbove(value: number): number {
  const high = new Uint32Array(Float64Array.of(value).buffer)[1]!;
  return value === 0 ? 1 : 2 ** Math.min(1023, ((high >>> 20) & 0x7ff) - 1022);
}

/** into ← z·r + scale·decoded: both ends do exactly this. What is wrong with the bytes, in words, where something is. */
function restore(
  codec: Codec,
  { scale, bytes }: Rounded,
  z: number,
  reference: Float64Array | undefined,
  into: Float64Array,
): string | undefined {
  const problem = codec.decode(bytes, into);
  if (problem !== undefined) return problem;
  for (let at = 0; at < into.length; at++)
    into[at] = reference === undefined ? scale * into[at]! : z * reference[at]! + scale * into[at]!;
  return allFinite(into) ? undefined : 'the sum is not finite';
}

function tell(codec: Codec, sum: RunningSum, to: SumAddress): RuleMessage {
  const { life, startCount, round, whole = false } = to;
  const { partZ, carry, carryZ, epoch, count, epochFrom } = sum;
  const rounding = sum.rounding ?? { ...NEW, scale: 1, bytes: codec.encode(sum.part, HALF) };
  const { scale, bytes, reference, closing, toldFrom } = rounding;
  const numbers = [life, startCount, epoch, count, partZ, scale];
  const isSoonAfter = (start: number) => start > 0 && count - start <= BASE_TOLD;
  const needsBase =
    whole || count % BASE_EVERY === BASE_EVERY / 2 || isSoonAfter(startCount) || isSoonAfter(toldFrom);
  if (carry !== undefined && reference !== undefined && needsBase)
    return {
      kind: 'base',
      round,
      vectors: [carry, reference],
      numbers: [...numbers, carryZ],
      payload: bytes,
    };
  if (closing === undefined || (count - epochFrom > TURN_TOLD && count % TURN_EVERY !== 0))
    return { kind: 'sum', round, vectors: [], numbers, payload: bytes };
  const payload = Buffer.concat([bytes, closing.bytes]);
  return { kind: 'turn', round, vectors: [], numbers: [...numbers, closing.z, closing.scale], payload };
}

/** The longest vector whose encoding has no more bytes than these. */
function lengthOf(codec: Codec, bytes: number): number {
  let [low, high] = [0, bytes];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (codec.bytesOf(middle, 'f64').bytesMax <= bytes) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Numbers beside those of every sum. */
const MORE: Readonly<Record<string, number>> = { sum: 0, turn: 2, base: 1 };

function read(
  codec: Codec,
  message: RuleMessage,
  incarnation: number,
  taken: Taken,
  size: number,
): Offer | 'unreadable' | string {
  const { kind, numbers } = message;
  const [life, startCount, epoch, count, partZ, scale, ...more] = numbers;
  if (partZ === undefined || scale === undefined || more.length !== MORE[kind]) return wrong(numbers);
  if (!isCount(life) || !isCount(startCount) || !isCount(epoch) || !isCount(count)) return wrong(numbers);
  if (epoch === 0 && kind !== 'sum') return `${kind} in epoch 0`;
  const head = { incarnation, life, startCount, epoch, count };
  const known = orderOf(taken, head) === 'new-life' ? createTaken() : taken;
  const payload = present(message.payload, 'payload');
  const pieceBytes = kind === 'turn' ? payload.length / 2 : payload.length;
  const closing = { scale: more[1] ?? 0, bytes: payload.subarray(pieceBytes) };
  const base = baseOf(codec, message, head, known, { ...closing, z: more[0] ?? 0 }, size);
  if (typeof base === 'string') return base;
  const part = new Float64Array(size);
  const problem = restore(
    codec,
    { scale, bytes: payload.subarray(0, pieceBytes) },
    partZ,
    base.reference,
    part,
  );
  return problem ?? { ...head, part, partZ, exclusive: true, ...base };
}

type Base = Pick<Offer, 'carry' | 'carryZ' | 'reference'>;

/** What the part is told from: carry and r, as the message has them, as they are known, or by the turn that led to them. */
function baseOf(
  codec: Codec,
  { kind, numbers, vectors }: RuleMessage,
  head: Pick<Offer, 'epoch' | 'incarnation'>,
  known: Taken,
  closing: NonNullable<SumRounding['closing']>,
  size: number,
): Base | 'unreadable' | string {
  const { epoch, incarnation } = head;
  if (epoch === 0) return FROM_ZERO;
  if (kind === 'base') {
    const [carry, reference] = vectors as readonly Float64Array[];
    return { carry, reference, carryZ: numbers.at(-1) ?? 0 };
  }
  if (sameCarry(known, head)) return { ...FROM_ZERO, reference: known.reference };
  const isNext = known.epoch === epoch - 1 && known.incarnation === incarnation;
  if (kind !== 'turn' || (epoch > 1 && !isNext)) return 'unreadable';
  const before = epoch === 1 ? FROM_ZERO : known;
  const part = new Float64Array(size);
  const problem = restore(codec, closing, closing.z, before.reference, part);
  if (problem !== undefined) return problem;
  const carry = part.map((value, at) => (before.carry?.[at] ?? 0) + value);
  return { carry, reference: meanOf(part, closing.z), carryZ: before.carryZ + closing.z };
}

const FROM_ZERO: Base = { carry: undefined, carryZ: 0, reference: undefined };
