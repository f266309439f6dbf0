/**
 * How push-sum's sums travel: between what a peer has given over its arcs (mass.ts) and the messages that tell it. As they are here,
 * rounded in push-sum-rounded.ts.
 */
import { present } from '../base/assert.ts';
import { type Mass, type Offer, type RunningSum, type Taken, tellsCarry, Z_MIN } from './mass.ts';
import type { MessageShape, RuleMessage } from './rule.ts';

/** Whose sum is told to whom. */
export interface SumAddress {
  /** The incarnation in which its peer last started anew. */
  readonly life: number;
  /** The sum's count when its peer first saw the receivers' incarnation. */
  readonly startCount: number;
  /** Of its peer. */
  readonly round: number;
  /** With all that is needed to read it, whatever was missed before. */
  readonly whole?: true;
}

export interface SumTelling {
  readonly messages: Readonly<Record<string, MessageShape>>;
  /** Who has less weight than that keeps what it has. */
  readonly zMin: number;
  /** Before each of the sum's arcs is given a share, `zShare` of the weight. */
  beforeGift(sum: RunningSum, mass: Mass, arcCount: number, zShare: number): void;
  /** After that: what cannot be told goes back to the mass. `isLast`: the peer gives nothing more. */
  afterGift(sum: RunningSum, mass: Mass, arcCount: number, isLast: boolean): void;
  messageOf(sum: RunningSum, to: SumAddress): RuleMessage;
  /** Mass itself, of the plain variant. */
  shareOf(gift: RunningSum, round: number): RuleMessage;
  /** Length of the vectors in a message. */
  sizeOf(message: RuleMessage): number;
  /** A sum that has come; `unreadable` until more is known; else what is wrong with it, in words. `exclusive`: nobody else holds its vectors. */
  offerOf(
    message: RuleMessage,
    incarnation: number,
    exclusive: boolean,
    taken: Taken,
    size: number,
  ): Offer | 'unreadable' | string;
  shareIn(message: RuleMessage, size: number): { readonly y: Float64Array; readonly z: number } | string;
}

/** Numbers: sum [life, start count, epoch, count, z]; base the same with the carry's z; share [z]. */
export const exactSums: SumTelling = {
  messages: { sum: { vectors: ['f64'] }, base: { vectors: ['f64', 'f64'] }, share: { vectors: ['f64'] } },
  zMin: Z_MIN,
  beforeGift: () => undefined,
  afterGift: () => undefined,
  messageOf(sum, { life, startCount, round }) {
    const { part, partZ, carry, carryZ, epoch, count } = sum;
    const numbers = [life, startCount, epoch, count, partZ];
    return carry !== undefined && tellsCarry(sum)
      ? { kind: 'base', round, vectors: [part, carry], numbers: [...numbers, carryZ] }
      : { kind: 'sum', round, vectors: [part], numbers };
  },
  shareOf: ({ part, partZ }, round) => ({ kind: 'share', round, vectors: [part], numbers: [partZ] }),
  sizeOf: ({ vectors }) => present(vectors[0], 'a vector').length,
  /** A hundred thousand peers are simulated here: nothing is made in vain. */
  offerOf({ kind, numbers, vectors }, incarnation, exclusive) {
    const [life, startCount, epoch, count, partZ] = numbers;
    if (numbers.length !== (kind === 'base' ? 6 : 5) || partZ === undefined) return wrong(numbers);
    if (!isCount(life) || !isCount(startCount) || !isCount(epoch) || !isCount(count)) return wrong(numbers);
    const part = vectors[0] as Float64Array;
    const carry = vectors[1] as Float64Array | undefined;
    const carryZ = numbers[5] ?? 0;
    const reference = undefined;
    return { incarnation, life, startCount, epoch, count, part, exclusive, partZ, carry, carryZ, reference };
  },
  shareIn({ vectors, numbers }) {
    const [z] = numbers;
    if (z === undefined || numbers.length !== 1) return `${numbers.length} numbers, wanted the weight`;
    return { y: vectors[0] as Float64Array, z };
  },
};

export function wrong(numbers: readonly number[]): string {
  return `numbers ${numbers.join(', ')}`;
}

export function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
