/**
 * δ-MBST: trees of bounded degree, for access links that bind (Marfoq et al. 2020, Alg. 1): the best of a Hamiltonian
 * path in the cube of the minimum spanning tree and of δ-PRIM for every δ from 2 up, under d(i, j) + d(j, i) at degree 1.
 * Above the largest degree that Prim's tree uses, δ changes nothing and the search ends.
 */
import { z } from 'zod';
import { scheduleCycle } from '../cycle-time/schedule-cycle.ts';
import { requireTime, withinTime } from '../deadline.ts';
import type { ConnectivityGraph } from '../delays.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { symmetricDelay } from '../tours/ring-tour.ts';
import { type Edge, pathInCube, spanningTree } from '../trees.ts';
import type { Designer } from './designer.ts';

interface Candidate {
  readonly edges: readonly Edge[];
  readonly cycleTimeMs: number;
  readonly how: string;
}

export const deltaMbst: Designer<Record<string, never>> = {
  name: 'delta-mbst',
  summary: 'best of a path in the cube of the MST and of δ-PRIM trees, for slow access links',
  options: z.strictObject({}),
  silosMax: 1_000,
  design({ graph }, _options, run) {
    const cost = symmetricDelay(graph);
    const inTime = () => requireTime(() => run.expired(), 'the trees of delta-mbst');
    const tree = spanningTree(graph.siloCount, cost, Number.POSITIVE_INFINITY, inTime);
    const path = pathInCube(graph.siloCount, tree);
    const steps = path.slice(1).map((silo, place): Edge => [path[place]!, silo]);
    let best = candidate(graph, steps, 'a path in the cube of the MST');
    const degreeMax = largestDegree(graph.siloCount, tree);
    for (let delta = 2; delta <= degreeMax; delta++) {
      const next = withinTime(() => {
        const edges = delta === degreeMax ? tree : spanningTree(graph.siloCount, cost, delta, inTime);
        return candidate(graph, edges, `δ-PRIM, δ = ${delta}`);
      });
      if (next === undefined) break;
      if (next.cycleTimeMs < best.cycleTimeMs) best = next;
    }
    return {
      overlay: overlayOf({
        name: 'delta-mbst',
        source: `designed: delta-mbst, ${best.how}`,
        directed: false,
        nodes: graph.names,
        arcs: best.edges,
      }),
      timing: { kind: 'gossip' },
      notes: [best.how],
    };
  },
};

function candidate(graph: ConnectivityGraph, edges: readonly Edge[], how: string): Candidate {
  const arcs = edges.flatMap(([one, other]): Arc[] => [
    [one, other],
    [other, one],
  ]);
  return { edges, cycleTimeMs: scheduleCycle(graph, [arcs]).meanMs, how };
}

function largestDegree(nodeCount: number, edges: readonly Edge[]): number {
  const degree = new Int32Array(nodeCount);
  for (const node of edges.flat()) degree[node] = degree[node]! + 1;
  return degree.reduce((most, value) => Math.max(most, value), 0);
}
