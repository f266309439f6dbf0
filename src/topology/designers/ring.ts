/**
 * RING: a directed tour of all silos; λ is the mean delay of its arcs. `ring-christofides` is the published way
 * (Marfoq et al. 2020: Christofides on degree-1 delays); `ring` improves it by local search (tours/tour-search.ts), and
 * above 1,000 silos, or where Christofides would take too much of the time, starts from a greedy tour instead.
 */
import { z } from 'zod';
import { withinTime } from '../deadline.ts';
import type { ConnectivityGraph } from '../delays.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { christofidesRing, shortRing } from '../tours/ring-tour.ts';
import type { Design, Designer, DesignProblem, DesignRun } from './designer.ts';

const christofidesSilosMax = 1_000;
/** Of the time: what is left is for the local search. */
const christofidesShare = 0.4;
const none = z.strictObject({});

export const ring: Designer<Record<string, never>> = {
  name: 'ring',
  summary: "directed ring: Christofides' tour improved by 2-opt, Or-opt and double bridges",
  options: none,
  silosMax: 10_000,
  design({ graph }, _options, run) {
    const { tour, how } = improvedRing(graph, run);
    return ringDesign('ring', graph.names, tour, how);
  },
};

/** The tour of `ring`. */
export function improvedRing(graph: ConnectivityGraph, run: DesignRun): { tour: Int32Array; how: string } {
  const small = graph.siloCount <= christofidesSilosMax;
  const start = small
    ? withinTime(() => christofidesRing(graph, () => run.expired(christofidesShare)))
    : undefined;
  const tour = shortRing(graph, { random: run.random('ring'), expired: () => run.expired() }, start);
  return {
    tour,
    how:
      start === undefined
        ? 'neighbour-list local search from a greedy tour'
        : 'Christofides, then local search',
  };
}

export const ringChristofides: Designer<Record<string, never>> = {
  name: 'ring-christofides',
  summary: "directed ring on Christofides' tour alone, as published",
  options: none,
  silosMax: christofidesSilosMax,
  design: ({ graph }: DesignProblem, _options, run) =>
    ringDesign(
      'ring-christofides',
      graph.names,
      christofidesRing(graph, () => run.expired()),
      'Christofides',
    ),
};

/** The arcs of a closed tour; none for one silo. */
export function tourArcs(tour: ArrayLike<number>): Arc[] {
  const count = tour.length;
  if (count < 2) return [];
  return Array.from({ length: count }, (_, place): Arc => [tour[place]!, tour[(place + 1) % count]!]);
}

function ringDesign(name: string, nodes: readonly string[], tour: Int32Array, how: string): Design {
  const arcs = tourArcs(tour);
  return {
    overlay: overlayOf({ name, source: `designed: ${name} (${how})`, directed: true, nodes, arcs }),
    timing: { kind: 'gossip' },
    notes: [how],
  };
}
