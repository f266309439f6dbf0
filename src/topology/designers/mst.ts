/**
 * MST: the undirected overlay of the minimum spanning tree under Tc + l + M/A (Marfoq et al. 2020): the least cycle time
 * over undirected overlays where access links do not bind (their Prop. 3.1). Delays that differ by direction count with
 * the mean of both, as the cycle between two silos does.
 */
import { z } from 'zod';
import { type ConnectivityGraph, roundComputeMs } from '../delays.ts';
import { overlayOf } from '../overlay.ts';
import { type PairCost, spanningTree } from '../trees.ts';
import { type Designer, outOfTime } from './designer.ts';

export const mst: Designer<Record<string, never>> = {
  name: 'mst',
  summary: 'minimum spanning tree on compute + latency + transfer (Prim)',
  options: z.strictObject({}),
  silosMax: 10_000,
  design({ graph }, _options, run) {
    const arcs = spanningTree(graph.siloCount, coreDelay(graph), Number.POSITIVE_INFINITY, () => {
      if (run.expired()) throw outOfTime('mst');
    });
    return {
      overlay: overlayOf({ name: 'mst', source: 'designed: mst', directed: false, nodes: graph.names, arcs }),
      timing: { kind: 'gossip' },
      notes: [],
    };
  },
};

/** Tc + l + M/A, without the access links; the mean of both directions, ms. */
function coreDelay(graph: ConnectivityGraph): PairCost {
  const oneWay: PairCost = (from, to) =>
    graph.latencyMs(from, to) + (1000 * graph.modelBits) / graph.coreBps(from, to);
  const uniform = graph.computeMs.every((ms) => ms === graph.computeMs[0]);
  // Equal compute times move every edge alike.
  if (graph.symmetric && uniform) return oneWay;
  return (one, other) =>
    (oneWay(one, other) + oneWay(other, one) + roundComputeMs(graph, one) + roundComputeMs(graph, other)) / 2;
}
