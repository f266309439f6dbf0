/**
 * Or-3opt for directed tours: three consecutive pieces … A B … become … B A …, which keeps every direction and so is
 * right for asymmetric costs. First improvement over all segments of up to `segmentMax` nodes and all places, until none
 * is left; then the search goes on from random double bridges and keeps what is not longer.
 */
import type { PairCost } from '../trees.ts';
import type { TourRun } from './tour-search.ts';

const segmentMax = 50;
const kicks = 300;

/** A directed tour at least as short as `start` under cost(from, to). */
export function improvedDirectedTour(start: Int32Array, cost: PairCost, run: TourRun): Int32Array {
  let best = settled(start, cost, run);
  let bestLength = lengthOf(best, cost);
  for (let kick = 0; kick < kicks && best.length >= 8 && !run.expired(); kick++) {
    const candidate = settled(doubleBridge(best, run), cost, run);
    const length = lengthOf(candidate, cost);
    if (length <= bestLength) [best, bestLength] = [candidate, length];
  }
  return best;
}

function settled(start: Int32Array, cost: PairCost, run: TourRun): Int32Array {
  let tour = start;
  for (let improved = true; improved && !run.expired(); ) {
    improved = false;
    for (let first = 0; first < tour.length && !improved; first++) {
      const moved = moveFrom(tour, first, cost);
      if (moved === undefined) continue;
      tour = moved;
      improved = true;
    }
  }
  return tour;
}

/** Turns the tour so that the segment stands first, and puts it where that shortens the tour. */
function moveFrom(tour: Int32Array, first: number, cost: PairCost): Int32Array | undefined {
  const count = tour.length;
  const at = (step: number) => tour[(first + step) % count]!;
  const before = at(count - 1);
  for (let length = 1; length <= Math.min(segmentMax, count - 2); length++) {
    const head = at(0);
    const tail = at(length - 1);
    const freed = cost(before, head) + cost(tail, at(length)) - cost(before, at(length));
    for (let step = length; step < count - 1; step++) {
      const added = cost(at(step), head) + cost(tail, at(step + 1)) - cost(at(step), at(step + 1));
      if (added >= freed - 1e-9) continue;
      const turned = Int32Array.from({ length: count }, (_, place) => at(place));
      return Int32Array.from([
        ...turned.subarray(length, step + 1),
        ...turned.subarray(0, length),
        ...turned.subarray(step + 1),
      ]);
    }
  }
  return undefined;
}

function doubleBridge(tour: Int32Array, { random }: TourRun): Int32Array {
  const cuts = [0, 0, 0].map(() => 1 + random.integer(tour.length - 1)).sort((one, other) => one - other);
  const [one = 0, two = 0, three = 0] = cuts;
  return Int32Array.from([
    ...tour.subarray(0, one),
    ...tour.subarray(two, three),
    ...tour.subarray(one, two),
    ...tour.subarray(three),
  ]);
}

function lengthOf(tour: Int32Array, cost: PairCost): number {
  return tour.reduce((sum, node, place) => sum + cost(node, tour[(place + 1) % tour.length]!), 0);
}
