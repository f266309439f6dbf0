/**
 * RING: a directed tour of all silos; λ is the mean delay of its arcs. `ring-christofides` is the published way
 * (Marfoq et al. 2020: Christofides on degree-1 delays); `ring` improves it by local search (tours/tour-search.ts), and
 * above 1,000 silos starts from a greedy tour instead.
 */
import { z } from 'zod';
import { type Arc, overlayOf } from '../overlay.ts';
import { christofidesRing, shortRing } from '../tours/ring-tour.ts';
import type { Design, Designer, DesignProblem } from './designer.ts';

const christofidesSilosMax = 1_000;
const none = z.strictObject({});

export const ring: Designer<Record<string, never>> = {
  name: 'ring',
  summary: "directed ring: Christofides' tour improved by 2-opt, Or-opt and double bridges",
  options: none,
  silosMax: 10_000,
  design({ graph }, _options, run) {
    const small = graph.siloCount <= christofidesSilosMax;
    const start = small && !run.expired() ? christofidesRing(graph) : undefined;
    const search = { random: run.random('ring'), expired: run.expired };
    const tour = shortRing(graph, search, start);
    const how = `${start === undefined ? 'neighbour-list local search from a greedy tour' : 'Christofides, then local search'}`;
    return ringDesign('ring', graph.names, tour, how);
  },
};

export const ringChristofides: Designer<Record<string, never>> = {
  name: 'ring-christofides',
  summary: "directed ring on Christofides' tour alone, as published",
  options: none,
  silosMax: christofidesSilosMax,
  design: ({ graph }: DesignProblem) =>
    ringDesign('ring-christofides', graph.names, christofidesRing(graph), 'Christofides'),
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
