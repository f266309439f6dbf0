/**
 * Tours over a connectivity graph, for rings: cost is the delay of an arc at degree 1. Where delays differ by direction
 * the search runs on the mean of both, and a directed search then moves segments without turning them, which is
 * right for any delays; of both directions of the tour the shorter one counts.
 */

import type { Expired } from '../deadline.ts';
import { arcDelayMs, type ConnectivityGraph } from '../delays.ts';
import type { PairCost } from '../trees.ts';
import { christofidesTour } from './christofides.ts';
import { improvedDirectedTour } from './directed-tour.ts';
import { nearestByCost, nearestPlaces } from './neighbours.ts';
import { improvedTour, type TourRun } from './tour-search.ts';

const neighbourCount = 10;
/** Costs are kept in a matrix up to so many silos. */
const matrixSilosMax = 2_000;
/** Above, all pairs are no longer compared to find neighbours, where the silos have places. */
const comparedSilosMax = 4_000;
/** Small enough never to prefer a tour that is longer by what anybody could measure. */
const linkTieMs = 0.01;
/** Enough for the optimum on tens of silos, and for some 2 % above it on thousands. */
const kicksPerSilo = 500;
const kicksMax = 40_000;
const directedSilosMax = 1_000;

/** The mean of both directions' delays at degree 1, ms. */
export function symmetricDelay(graph: ConnectivityGraph): PairCost {
  const { siloCount } = graph;
  const mean: PairCost = (one, other) =>
    (arcDelayMs(graph, one, other) + arcDelayMs(graph, other, one)) / 2 + crossings(graph, one, other);
  if (siloCount > matrixSilosMax)
    return sameEverywhere(graph) ? (one, other) => arcDelayMs(graph, one, other) : mean;
  const matrix = new Float64Array(siloCount * siloCount);
  for (let one = 0; one < siloCount; one++) {
    for (let other = 0; other < one; other++) {
      const value = mean(one, other);
      matrix[one * siloCount + other] = value;
      matrix[other * siloCount + one] = value;
    }
  }
  return (one, other) => matrix[one * siloCount + other]!;
}

/** Where core links are shared: of tours as short as each other, the one whose ways cross fewer links. */
function crossings({ routes }: ConnectivityGraph, one: number, other: number): number {
  return routes === undefined ? 0 : linkTieMs * routes.linksOf(one, other).length;
}

/** Length of the closed tour in its direction, ms. */
export function tourLengthMs(graph: ConnectivityGraph, tour: ArrayLike<number>): number {
  let length = 0;
  for (let place = 0; place < tour.length; place++) {
    length += arcDelayMs(graph, tour[place]!, tour[(place + 1) % tour.length]!);
  }
  return length;
}

/** Christofides' tour on the mean delays. OperatingError `time-limit` where `expired` says so first. */
export function christofidesRing(graph: ConnectivityGraph, expired: Expired): Int32Array {
  return betterDirection(graph, christofidesTour(graph.siloCount, symmetricDelay(graph), expired));
}

/** A short tour by local search: 2-opt, Or-opt, double bridges; from `start`, or each next nearest silo. */
export function shortRing(graph: ConnectivityGraph, run: TourRun, start?: ArrayLike<number>): Int32Array {
  const { siloCount, places } = graph;
  const cost = symmetricDelay(graph);
  const count = Math.min(neighbourCount, siloCount - 1);
  if (siloCount < 4)
    return betterDirection(
      graph,
      Int32Array.from({ length: siloCount }, (_, silo) => silo),
    );
  const neighbours =
    siloCount > comparedSilosMax && places !== undefined
      ? nearestPlaces(places, count)
      : nearestByCost(siloCount, cost, count);
  const tour = improvedTour(start ?? nearestNeighbourTour(siloCount, cost, neighbours), {
    cost,
    neighbours,
    random: run.random,
    expired: run.expired,
    kicks: Math.min(kicksMax, kicksPerSilo * siloCount),
  });
  const oriented = betterDirection(graph, tour);
  if (siloCount > directedSilosMax || isSymmetricDelay(graph)) return oriented;
  return improvedDirectedTour(oriented, (from, to) => arcDelayMs(graph, from, to), run);
}

function betterDirection(graph: ConnectivityGraph, tour: Int32Array): Int32Array {
  const back = tour.toReversed();
  return tourLengthMs(graph, back) < tourLengthMs(graph, tour) ? back : tour;
}

/** From silo 0 always to the nearest silo left: among the neighbours first, else the next by number. */
function nearestNeighbourTour(siloCount: number, cost: PairCost, neighbours: Int32Array): Int32Array {
  const width = neighbours.length / siloCount;
  const seen = new Uint8Array(siloCount);
  const tour = new Int32Array(siloCount);
  let silo = 0;
  let lowest = 0;
  for (let place = 0; place < siloCount; place++) {
    tour[place] = silo;
    seen[silo] = 1;
    const near = neighbours.subarray(silo * width, (silo + 1) * width).find((other) => seen[other] === 0);
    while (lowest < siloCount && seen[lowest] === 1) lowest++;
    silo = near ?? nearestUnseen(silo, siloCount, seen, cost, lowest);
  }
  return tour;
}

function nearestUnseen(
  silo: number,
  siloCount: number,
  seen: Uint8Array,
  cost: PairCost,
  lowest: number,
): number {
  let best = lowest;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let other = lowest; other < siloCount; other++) {
    if (seen[other] === 1) continue;
    const value = cost(silo, other);
    if (value < bestCost) [best, bestCost] = [other, value];
  }
  return best;
}

/** True where a tour is as long backwards: compute times only add up, so they may differ. */
function isSymmetricDelay(graph: ConnectivityGraph): boolean {
  return graph.symmetric && sameAccess(graph);
}

function sameEverywhere(graph: ConnectivityGraph): boolean {
  const { computeMs } = graph;
  return graph.symmetric && sameAccess(graph) && computeMs.every((ms) => ms === computeMs[0]);
}

function sameAccess({ upBps, downBps }: ConnectivityGraph): boolean {
  return upBps.every((bps) => bps === upBps[0]) && downBps.every((bps) => bps === downBps[0]);
}
