/**
 * Mass that survives loss: running sums (Hadjicostis, Vaidya, Domínguez-García 2016, "Robust distributed average consensus via exchange
 * of running sums", Algorithm 1; Spiridonoff, Olshevsky, Paschalidis 2020). A peer holds y (a vector) and z (its weight). It never sends
 * mass itself but σ, the sum of all it ever gave over an arc; the receiver remembers the σ it took last, ρ, and takes the difference:
 *   give   s = y/(1 + D), z likewise;   σ ← σ + s on each of D arcs;   y ← y − D·s
 *   take   y ← y + (σ − ρ);   ρ ← σ
 * A lost σ is made good by the next one, a copy adds nothing, an older one (by its count) is passed over. What each peer does keeps
 * its own y + Σ_out σ − Σ_in ρ, so that over all peers Σy + Σ(σ − ρ) never changes: under any loss, and also when a peer goes back to a
 * checkpoint (it then takes again what it had taken, and the others give back what they had of it since).
 *
 * Precision, our deviation: sums grow for ever, and with them the step between neighbouring numbers. So σ is a pair (part, carry) of
 * f64: every EPOCH gifts the part is moved into the carry by an error-free sum (Knuth's TwoSum), its rounding error starting the new part;
 * the part of an epoch is small, its shares are exact to EPOCH·2⁻⁵³ for ever. And y loses what σ gained, not what it should have:
 * rounding never makes or destroys mass beyond the last bit of y. The carry changes once an epoch and is sent now and then. An epoch also
 * ends where the weight to give has become small beside the part (COARSE): a peer that gives and is given nothing, because those that
 * gave to it have gone, would else give in steps of the part's last bit, and y/z would drift away from what it was.
 */
import { assert } from '../base/assert.ts';
import { divide, giveOwnShare, giveShare, plusGift } from './mass-loops.ts';
import { keepVacant, vacant, vacate } from './mass-memory.ts';

export interface Mass {
  /** Nobody else's: what is taken makes another vector of it, and this one's memory goes to the next sum. */
  y: Float64Array;
  z: number;
}

/** All that was ever given over the arcs that share it: part + carry. Vectors are replaced, never changed: they are sent as they are. */
export interface RunningSum {
  part: Float64Array;
  partZ: number;
  /** Absent in epoch 0: zero. */
  carry: Float64Array | undefined;
  carryZ: number;
  epoch: number;
  /** Rises with every change. */
  count: number;
  /** Its count when the epoch began. */
  epochFrom: number;
  /** What it is told by where it travels rounded. */
  rounding: SumRounding | undefined;
}

/** What is told of a vector: Q(d / scale), with a power of two that makes d at most 1 (push-sum-rounded.ts). */
export interface Rounded {
  readonly scale: number;
  readonly bytes: Uint8Array;
}

/** Replaced, never changed. */
export interface SumRounding extends Rounded {
  /** r; undefined: zero. */
  readonly reference: Float64Array | undefined;
  /** The end of the part before the last turn, with its weight; undefined before the first, and where it was not rounded. */
  readonly closing: (Rounded & { readonly z: number }) | undefined;
  /** The sum's count when its peer began anew or left: told with the carry from there on; 0: it did neither. */
  readonly toldFrom: number;
}

/** What was taken from one sender so far: its σ as of `count`. */
export interface Taken {
  /** Whether anything was heard from this sender's life. */
  known: boolean;
  incarnation: number;
  life: number;
  epoch: number;
  count: number;
  part: Float64Array | undefined;
  /** Whether nobody else holds the part's memory. */
  exclusive: boolean;
  partZ: number;
  carry: Float64Array | undefined;
  carryZ: number;
  /** r of this epoch, where sums travel rounded; undefined: zero. */
  reference: Float64Array | undefined;
}

/** A σ that has arrived. */
export interface Offer {
  readonly incarnation: number;
  /** The incarnation in which the sender last started anew; its sums count from there. */
  readonly life: number;
  /** The sum's count when its sender first saw this receiver's incarnation: above 0, an earlier life has taken some of it. */
  readonly startCount: number;
  readonly epoch: number;
  readonly count: number;
  readonly part: Float64Array;
  /** Whether nobody else holds the part's memory. */
  readonly exclusive: boolean;
  readonly partZ: number;
  /** With the carry, or only the part; in epoch 0 there is none. */
  readonly carry: Float64Array | undefined;
  readonly carryZ: number;
  /** As in Taken. */
  readonly reference: Float64Array | undefined;
}

export type TakeOutcome =
  | 'taken'
  /** Counted from here on, and nothing taken: this receiver started anew, and what came before was its earlier life's. */
  | 'baseline'
  /** Of an epoch whose carry is not known yet: the next message with a carry makes it good. */
  | 'unreadable'
  /** Would leave this peer without mass (the sender went back to a checkpoint): taken when the sender has given enough again. */
  | 'put-off'
  | 'duplicate'
  | 'stale'
  /** Negative weight, or more of it than there is. */
  | 'impossible'
  /** Would make y/z greater than params can be. */
  | 'overflow';

/** Gifts between two moves of the part into the carry. */
const EPOCH = 1024;
/** A part that is so many times the weight to give is moved into the carry: shares stay exact to COARSE·2⁻⁵³. */
const COARSE = 2 ** 16;
/** A sum's carry is told with the first gifts of an epoch, and with every so many'th after that. */
const CARRY_EVERY = 8;
/** The greatest |y/z|: what holds in f32 as well. */
const X_MAX = 2 ** 127;
/** Below this a peer keeps what it has: so little helps nobody. */
export const Z_MIN = 2 ** -60;
/**
 * Times the number of peers: no honest sender has that much more to tell than was taken. Each brings weight 1, so that all there is and
 * all that is on its way is their number; somewhat more where a peer went back to a checkpoint, or began anew.
 */
export const WEIGHTS_MAX = 4;
/** A peer that gives back keeps at least this share of its weight at once. */
const KEPT_SHARE_MIN = 1 / 8;

export function createMass(size: number): Mass {
  return { y: new Float64Array(size), z: 0 };
}

export function createSum(size: number): RunningSum {
  return {
    part: new Float64Array(size),
    partZ: 0,
    carry: undefined,
    carryZ: 0,
    epoch: 0,
    count: 0,
    epochFrom: 0,
    rounding: undefined,
  };
}

/** Whether this count of the sum is one that is told with the carry. */
export function tellsCarry({ count, epoch, epochFrom }: RunningSum): boolean {
  return epoch > 0 && (count - epochFrom < CARRY_EVERY || count % CARRY_EVERY === 0);
}

export function createTaken(): Taken {
  return {
    known: false,
    incarnation: 0,
    life: 0,
    epoch: 0,
    count: 0,
    part: undefined,
    exclusive: false,
    partZ: 0,
    carry: undefined,
    carryZ: 0,
    reference: undefined,
  };
}

/**
 * Gives an equal share to each of the arcs, `arcs[k]` of them on `sums[k]`, and keeps one (`keepsShare`) or nothing. False, and nothing
 * given, where there is nobody to give to or too little to give.
 */
export function give(
  mass: Mass,
  sums: readonly RunningSum[],
  arcs: readonly number[],
  keepsShare = true,
): boolean {
  let arcCount = 0;
  for (const some of arcs) arcCount += some;
  if (arcCount === 0 || mass.z < Z_MIN) return false;
  const parts = arcCount + (keepsShare ? 1 : 0);
  const zShare = mass.z / parts;
  keepVacant(sums.length + 1);
  // All sums get the share of what was there before any gift.
  const share = sums.length === 1 ? undefined : divide(vacant(mass.y.length), mass.y, parts);
  for (let index = 0; index < sums.length; index++)
    giveTo(sums[index]!, mass, arcs[index] ?? 0, parts, share, zShare);
  if (share !== undefined) vacate(share);
  return true;
}

/** A share on one sum, for each of its arcs. */
function giveTo(
  sum: RunningSum,
  mass: Mass,
  arcCount: number,
  parts: number,
  share: Float64Array | undefined,
  zShare: number,
): void {
  // Rounded sums make their own turns.
  const isPlain = sum.rounding === undefined;
  if (isPlain && isCoarse(sum, mass.z)) rebase(sum);
  const next = vacant(mass.y.length);
  if (share === undefined) giveOwnShare(next, sum.part, mass.y, parts, arcCount);
  else giveShare(next, sum.part, mass.y, share, arcCount);
  const nextZ = sum.partZ + zShare;
  mass.z -= arcCount * (nextZ - sum.partZ);
  sum.part = next;
  sum.partZ = nextZ;
  sum.count += 1;
  if (isPlain && sum.count - sum.epochFrom >= EPOCH) rebase(sum);
}

/** Whether the part is large beside the weight to give, and can be made small: what a move leaves is the last half bit of the carry. */
function isCoarse({ partZ, carryZ }: RunningSum, z: number): boolean {
  return partZ > COARSE * z && partZ > carryZ * 2 ** -52;
}

/** Moves the part into the carry without losing a bit: carry + part is the same before and after. */
export function rebase(sum: RunningSum): void {
  const carry = new Float64Array(sum.part.length);
  const rest = new Float64Array(sum.part.length);
  for (let at = 0; at < carry.length; at++)
    [carry[at], rest[at]] = twoSum(sum.carry?.[at] ?? 0, sum.part[at]!);
  [sum.carryZ, sum.partZ] = twoSum(sum.carryZ, sum.partZ);
  sum.carry = carry;
  sum.part = rest;
  sum.epoch += 1;
  sum.epochFrom = sum.count;
}

/** [a + b rounded, the rounding error] (Knuth). */
function twoSum(a: number, b: number): [number, number] {
  const sum = a + b;
  const bPart = sum - a;
  return [sum, a - (sum - bPart) + (b - bPart)];
}

/**
 * Takes what the offer has beyond what was taken. `fresh`: this receiver's life started without memory. `zMax`: no honest sender can
 * give more than that. The offer's vectors are kept.
 */
export function take(mass: Mass, taken: Taken, offer: Offer, fresh: boolean, zMax: number): TakeOutcome {
  const order = orderOf(taken, offer);
  if (order !== 'newer' && order !== 'new-life' && order !== 'went-back') return order;
  if (order === 'new-life') Object.assign(taken, createTaken());
  const carryMoved = !sameCarry(taken, offer);
  if (carryMoved && offer.carry === undefined && offer.epoch > 0) return 'unreadable';
  if (!taken.known && fresh && offer.startCount > 0) {
    note(taken, offer, carryMoved);
    return 'baseline';
  }
  const dz = carryMoved
    ? difference(offer.partZ, taken.partZ, offer.carryZ, taken.carryZ)
    : offer.partZ - taken.partZ;
  // A sender that went back may have given far more since than it has given again.
  const isPossible = dz >= 0 ? dz <= zMax : order === 'went-back' && Number.isFinite(dz);
  if (!isPossible) return 'impossible';
  if (dz < 0 && mass.z + dz < mass.z * KEPT_SHARE_MIN) return 'put-off';
  const y = plusDifference(mass.y, taken, offer, carryMoved, X_MAX * (mass.z + dz));
  if (y === undefined) return 'overflow';
  vacate(mass.y);
  mass.y = y;
  mass.z += dz;
  note(taken, offer, carryMoved);
  return 'taken';
}

export function orderOf(
  taken: Taken,
  offer: Pick<Offer, 'incarnation' | 'life' | 'count'>,
): 'newer' | 'new-life' | 'went-back' | 'stale' | 'duplicate' {
  if (offer.incarnation < taken.incarnation) return 'stale';
  if (!taken.known) return 'newer';
  if (offer.life !== taken.life) return offer.life > taken.life ? 'new-life' : 'stale';
  if (offer.incarnation > taken.incarnation) return 'went-back';
  if (offer.count === taken.count) return 'duplicate';
  return offer.count < taken.count ? 'stale' : 'newer';
}

/** As `take`, of mass that is sent itself and not as a running sum. */
export function takeOnce(
  mass: Mass,
  y: ArrayLike<number>,
  z: number,
  zMax: number,
): 'taken' | 'impossible' | 'overflow' {
  if (!(z >= 0 && z <= zMax)) return 'impossible';
  const yMax = X_MAX * (mass.z + z);
  for (let at = 0; at < y.length; at++)
    if (y[at] !== 0 && !(Math.abs(mass.y[at]! + y[at]!) <= yMax)) return 'overflow';
  for (let at = 0; at < y.length; at++) mass.y[at]! += y[at]!;
  mass.z += z;
  return 'taken';
}

/** A sender that went back to a checkpoint may come to the same epoch with another carry. */
export function sameCarry(
  taken: Taken,
  { epoch, incarnation }: Pick<Offer, 'epoch' | 'incarnation'>,
): boolean {
  if (epoch === 0) return taken.epoch === 0;
  return epoch === taken.epoch && incarnation === taken.incarnation;
}

/** y + (carry + part) − (carry taken + part taken). Undefined where that moves an element beyond ±`yMax`. */
function plusDifference(
  y: Float64Array,
  taken: Taken,
  offer: Offer,
  carryMoved: boolean,
  yMax: number,
): Float64Array | undefined {
  assert(offer.part.length === y.length, 'a sum and a mass of different lengths');
  const next = vacant(y.length);
  const isWithin =
    carryMoved || taken.part === undefined
      ? plusMoved(next, y, taken, offer, carryMoved, yMax)
      : plusGift(next, y, offer.part, taken.part, yMax);
  if (isWithin) return next;
  vacate(next);
  return undefined;
}

/** The same for what comes seldom: a first sum, and one of another epoch. */
function plusMoved(
  next: Float64Array,
  y: Float64Array,
  taken: Taken,
  offer: Offer,
  carryMoved: boolean,
  yMax: number,
): boolean {
  for (let at = 0; at < y.length; at++) {
    const gift = differenceAt(at, taken, offer, carryMoved);
    next[at] = y[at]! + gift;
    if (gift !== 0 && !(Math.abs(next[at]!) <= yMax)) return false;
  }
  return true;
}

function differenceAt(at: number, taken: Taken, { part, carry }: Offer, carryMoved: boolean): number {
  const partBefore = taken.part === undefined ? 0 : taken.part[at]!;
  if (!carryMoved) return part[at]! - partBefore;
  return difference(part[at]!, partBefore, carry?.[at] ?? 0, taken.carry?.[at] ?? 0);
}

/** (carry + part) − (carryBefore + partBefore), as exact as if it were rounded once: a small gift is the difference of large sums. */
function difference(part: number, partBefore: number, carry: number, carryBefore: number): number {
  const [parts, partsRest] = twoSum(part, -partBefore);
  const [carries, carriesRest] = twoSum(carry, -carryBefore);
  const [sum, sumRest] = twoSum(parts, carries);
  return sum + (sumRest + (partsRest + carriesRest));
}

function note(taken: Taken, offer: Offer, carryMoved: boolean): void {
  taken.known = true;
  taken.incarnation = offer.incarnation;
  taken.life = offer.life;
  taken.count = offer.count;
  if (taken.exclusive && taken.part !== undefined) vacate(taken.part);
  taken.part = offer.part;
  taken.exclusive = offer.exclusive;
  taken.partZ = offer.partZ;
  taken.epoch = offer.epoch;
  if (!carryMoved) return;
  taken.carry = offer.carry;
  taken.carryZ = offer.carryZ;
  taken.reference = offer.reference;
}
