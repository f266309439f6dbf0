/**
 * The out-arcs of a peer that gives running sums. Arcs that have been in step since the beginning share one sum, so that one message
 * serves them all; an arc whose link breaks gets its own, which stands still until the link is back.
 */
import { createSum, type RunningSum } from './mass.ts';

export interface Arc {
  readonly peer: number;
  up: boolean;
  /** The receiver's life, as last heard of. */
  incarnation: number | undefined;
  /** Count of the sum when that life was first heard of. */
  startCount: number;
  /** Undefined while nothing was ever given. */
  sum: RunningSum | undefined;
}

/** Arcs that are up and share their sum: they get the same message. */
interface ArcGroup {
  readonly sum: RunningSum;
  readonly startCount: number;
  readonly arcs: readonly Arc[];
  /** Whom they lead to. */
  readonly peers: readonly number[];
}

export interface Arcs {
  /** Ascending by peer. */
  readonly all: readonly Arc[];
  /** Undefined when a link has changed since they were made. */
  groups: readonly ArcGroup[] | undefined;
}

export function createArcs(outNeighbours: readonly number[]): Arcs {
  const all = outNeighbours.map((peer) => ({
    peer,
    up: false,
    incarnation: undefined,
    startCount: 0,
    sum: undefined,
  }));
  return { all, groups: undefined };
}

export function neighbourUp(arcs: Arcs, peer: number, incarnation: number): void {
  const arc = arcs.all.find((one) => one.peer === peer);
  if (arc === undefined || (arc.up && arc.incarnation === incarnation)) return;
  if (arc.incarnation !== incarnation && arc.sum !== undefined) {
    arc.startCount = arc.sum.count;
    arc.sum = { ...arc.sum };
  }
  arc.incarnation = incarnation;
  arc.up = true;
  arcs.groups = undefined;
}

export function neighbourDown(arcs: Arcs, peer: number): void {
  const arc = arcs.all.find((one) => one.peer === peer);
  if (arc === undefined || !arc.up) return;
  arc.up = false;
  // Its vectors are never changed, so that a shallow copy stands still.
  if (arc.sum !== undefined) arc.sum = { ...arc.sum };
  arcs.groups = undefined;
}

/** The arcs that are up, by what they are sent; in the order of the first peer of each. `size` of a vector. */
export function groupsOf(arcs: Arcs, size: number): readonly ArcGroup[] {
  arcs.groups ??= grouped(
    arcs.all.filter(({ up }) => up),
    size,
  );
  return arcs.groups;
}

function grouped(up: readonly Arc[], size: number): ArcGroup[] {
  const groups: (ArcGroup & { arcs: Arc[]; peers: number[] })[] = [];
  let first: RunningSum | undefined;
  for (const arc of up) {
    if (arc.sum === undefined) {
      first ??= createSum(size);
      arc.sum = first;
    }
    const { sum, startCount } = arc;
    const group = groups.find((one) => one.sum === sum);
    if (group === undefined) {
      groups.push({ sum, startCount, arcs: [arc], peers: [arc.peer] });
    } else {
      group.arcs.push(arc);
      group.peers.push(arc.peer);
    }
  }
  return groups;
}
