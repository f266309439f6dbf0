/**
 * How long a round's arcs take, Eq. 3 of Marfoq, Xu, Neglia, Vidal (NeurIPS 2020):
 *
 *   d(i, j) = s·Tc(i) + l(i, j) + M / min(Cup(i) / outdegree(i), Cdown(j) / indegree(j), A(i, j)),   d(i, i) = s·Tc(i)
 *
 * The paper's flows never share core links; only access links couple the arcs of an overlay, through its degrees. Ours
 * to add: `routes`, with which the arcs of a round share core links too, max–min fair (core-sharing.ts).
 */
import { fairRatesBps, type Routes } from './core-sharing.ts';
import type { WeightedDigraph } from './cycle-time/digraph.ts';
import { type Expired, neverExpired } from './deadline.ts';
import type { Arc } from './overlay.ts';

/** The possible arcs between silos with everything that their delays depend on. A silo's index is its node of an overlay. */
export interface ConnectivityGraph {
  readonly siloCount: number;
  readonly names: readonly string[];
  /** s: local steps a round. */
  readonly localSteps: number;
  /** M: bits that an arc carries a round. */
  readonly modelBits: number;
  /** Tc: one local step, ms. [siloCount] */
  readonly computeMs: Float64Array;
  /** Access capacities, bits per second. [siloCount] */
  readonly upBps: Float64Array;
  readonly downBps: Float64Array;
  /** l(i, j), ms; from ≠ to. */
  latencyMs(from: number, to: number): number;
  /** A(i, j): what the core leaves to one arc, bits per second; from ≠ to. */
  coreBps(from: number, to: number): number;
  /** True where latency and core capacity are the same both ways. */
  readonly symmetric: boolean;
  /** Present: arcs share core links, and A(i, j) is only what an arc alone would get. */
  readonly routes?: Routes;
  /** Pairs of silos whose nodes a link joins directly, as arcs; empty where the underlay has no links. */
  readonly linkedArcs: readonly Arc[];
  /** Degrees, where every silo has a place: neighbour search in large networks. [siloCount] each */
  readonly places?: { readonly latitude: Float64Array; readonly longitude: Float64Array };
}

/** s·Tc(i), ms: the self-arc. */
export function roundComputeMs(graph: ConnectivityGraph, silo: number): number {
  return graph.localSteps * graph.computeMs[silo]!;
}

/** d(i, j), ms, at the degrees given; the arc alone by default. Core links are not shared here. */
export function arcDelayMs(
  graph: ConnectivityGraph,
  from: number,
  to: number,
  outDegree = 1,
  inDegree = 1,
): number {
  const rateBps = Math.min(
    graph.upBps[from]! / outDegree,
    graph.downBps[to]! / inDegree,
    graph.coreBps(from, to),
  );
  return roundComputeMs(graph, from) + graph.latencyMs(from, to) + (1000 * graph.modelBits) / rateBps;
}

/**
 * The delays, ms, of arcs that all run in the same round; entry k is arc k's. No arc twice.
 * With `routes` the arcs share access and core links max–min fair, and OperatingError `time-limit` is thrown where
 * `expired` says so first.
 */
export function arcDelaysMs(
  graph: ConnectivityGraph,
  arcs: readonly Arc[],
  expired: Expired = neverExpired,
): Float64Array {
  if (graph.routes !== undefined) return sharedDelaysMs(graph, graph.routes, arcs, expired);
  const outDegree = new Int32Array(graph.siloCount);
  const inDegree = new Int32Array(graph.siloCount);
  for (const [from, to] of arcs) {
    outDegree[from] = outDegree[from]! + 1;
    inDegree[to] = inDegree[to]! + 1;
  }
  return Float64Array.from(arcs, ([from, to]) => arcDelayMs(graph, from, to, outDegree[from], inDegree[to]));
}

function sharedDelaysMs(
  graph: ConnectivityGraph,
  routes: Routes,
  arcs: readonly Arc[],
  expired: Expired,
): Float64Array {
  const ratesBps = fairRatesBps(graph, routes, arcs, expired);
  return Float64Array.from(
    arcs,
    ([from, to], arc) =>
      roundComputeMs(graph, from) + graph.latencyMs(from, to) + (1000 * graph.modelBits) / ratesBps[arc]!,
  );
}

/** The delay digraph of a round: the arcs in their order, then the self-arc of every silo. `expired`: as in arcDelaysMs. */
export function delayDigraph(
  graph: ConnectivityGraph,
  arcs: readonly Arc[],
  expired: Expired = neverExpired,
): WeightedDigraph {
  const { siloCount } = graph;
  const total = arcs.length + siloCount;
  const digraph = {
    nodeCount: siloCount,
    from: new Int32Array(total),
    to: new Int32Array(total),
    length: new Float64Array(total),
  };
  digraph.length.set(arcDelaysMs(graph, arcs, expired));
  arcs.forEach(([from, to], arc) => {
    digraph.from[arc] = from;
    digraph.to[arc] = to;
  });
  for (let silo = 0; silo < siloCount; silo++) {
    digraph.from[arcs.length + silo] = silo;
    digraph.to[arcs.length + silo] = silo;
    digraph.length[arcs.length + silo] = roundComputeMs(graph, silo);
  }
  return digraph;
}

/** Degree-1 delays of all pairs, ms, row = sender; 0 on the diagonal. [siloCount × siloCount] */
export function delayMatrix(graph: ConnectivityGraph): Float64Array {
  const { siloCount } = graph;
  const matrix = new Float64Array(siloCount * siloCount);
  for (let from = 0; from < siloCount; from++) {
    for (let to = 0; to < siloCount; to++) {
      if (from !== to) matrix[from * siloCount + to] = arcDelayMs(graph, from, to);
    }
  }
  return matrix;
}
