/** What a push-sum peer keeps for a restart: its mass and both ends of its arcs, so that nothing is counted twice or lost. */
import { present } from '../base/assert.ts';
import { bytesOf } from '../params/layout.ts';
import { type Arcs, createArcs } from './arcs.ts';
import {
  createTaken,
  type Mass,
  type Rounded,
  type RunningSum,
  type SumRounding,
  type Taken,
} from './mass.ts';
import { packSnapshot, unpackSnapshot, vectorOf } from './snapshot.ts';

/** The part of the rule's state that outlives the process. */
export interface KeptPushSum {
  readonly life: number;
  readonly mass: Mass | undefined;
  readonly entered: boolean;
  readonly paramsRound: number;
  readonly arcs: Arcs;
  readonly taken: Map<number, Taken>;
}

interface PackedVectors {
  readonly part: Uint8Array;
  readonly carry: Uint8Array;
}

type PackedSum = Omit<RunningSum, 'part' | 'carry' | 'rounding'> &
  PackedVectors & { readonly rounding: PackedRounding | null };

/** Beside it, the end of the part before: its weight first. */
type PackedRounding = Rounded & {
  readonly reference: Uint8Array;
  readonly closing: (Rounded & { readonly z: number }) | null;
};

interface Packed {
  readonly life: number;
  readonly y: Uint8Array;
  readonly z: number;
  readonly entered: boolean;
  readonly paramsRound: number;
  readonly sums: readonly PackedSum[];
  /** Per out-arc: peer, incarnation or −1, start count, index among the sums or −1. */
  readonly arcs: readonly (readonly number[])[];
  readonly taken: readonly (Omit<Taken, 'part' | 'carry' | 'reference'> &
    PackedVectors & { readonly peer: number; readonly reference: Uint8Array })[];
}

const NONE = new Uint8Array(0);

export function packPushSum(state: KeptPushSum): Uint8Array {
  const { life, mass, entered, paramsRound, arcs, taken } = state;
  const sums = [...new Set(arcs.all.flatMap(({ sum }) => (sum === undefined ? [] : [sum])))];
  const packed: Packed = {
    life,
    y: bytes(mass?.y),
    z: mass?.z ?? 0,
    entered,
    paramsRound,
    sums: sums.map((sum) => ({
      ...sum,
      part: bytes(sum.part),
      carry: bytes(sum.carry),
      rounding: packRounding(sum.rounding),
    })),
    arcs: arcs.all.map(({ peer, incarnation = -1, startCount, sum }) => [
      peer,
      incarnation,
      startCount,
      sum === undefined ? -1 : sums.indexOf(sum),
    ]),
    taken: [...taken].map(([peer, one]) => ({
      ...one,
      peer,
      part: bytes(one.part),
      carry: bytes(one.carry),
      reference: bytes(one.reference),
    })),
  };
  return packSnapshot({ ...packed });
}

/** Links are down until they are heard of; in-neighbours that the snapshot does not know start anew. */
export function unpackPushSum(
  snapshot: Uint8Array,
  { outNeighbours, inNeighbours }: { outNeighbours: readonly number[]; inNeighbours: readonly number[] },
): KeptPushSum {
  const packed = unpackSnapshot<Packed>(snapshot);
  const { life, z, entered, paramsRound } = packed;
  const sums = packed.sums.map((sum) => ({
    ...sum,
    part: present(vector(sum.part), 'part of a sum'),
    carry: vector(sum.carry),
    rounding: unpackRounding(sum.rounding, sum.count),
  }));
  const arcs = createArcs(outNeighbours);
  for (const [peer, incarnation = -1, startCount = 0, index = -1] of packed.arcs) {
    const arc = arcs.all.find((one) => one.peer === peer);
    if (arc === undefined) continue;
    arc.incarnation = incarnation < 0 ? undefined : incarnation;
    arc.startCount = startCount;
    // Links come back one by one: each arc goes on with a sum of its own.
    arc.sum = index < 0 ? undefined : { ...present(sums[index], 'sum of an arc') };
  }
  const taken = new Map(inNeighbours.map((peer) => [peer, createTaken()]));
  for (const { peer, ...one } of packed.taken)
    if (taken.has(peer))
      taken.set(peer, {
        ...one,
        part: vector(one.part),
        carry: vector(one.carry),
        reference: vector(one.reference),
      });
  const y = vector(packed.y);
  return { life, mass: y === undefined ? undefined : { y, z }, entered, paramsRound, arcs, taken };
}

function packRounding(rounding: SumRounding | undefined): PackedRounding | null {
  if (rounding === undefined) return null;
  const { scale, reference, closing = null } = rounding;
  return { scale, bytes: rounding.bytes, reference: bytes(reference), closing };
}

/** Others hold what a later life of the sum led to: they are told it whole. */
function unpackRounding(packed: PackedRounding | null, count: number): SumRounding | undefined {
  if (packed === null) return undefined;
  const { scale, reference, closing } = packed;
  return {
    scale,
    bytes: packed.bytes,
    reference: vector(reference),
    closing: closing ?? undefined,
    toldFrom: count,
  };
}

function bytes(vector: Float64Array | undefined): Uint8Array {
  return vector === undefined ? NONE : bytesOf(vector);
}

function vector(packed: Uint8Array): Float64Array | undefined {
  return packed.length === 0 ? undefined : (vectorOf('f64', packed).slice() as Float64Array);
}
