/**
 * Cycle times of schedules and of pipelines as maximum cycle means. A schedule of P phases, unrolled: node (p, i) is
 * silo i at the start of phase p, and each of its arcs spans one round. The mean of the heaviest cycle is the max-plus
 * eigenvalue of the product of the phases' matrices, divided by P (Baccelli, Cohen, Olsder, Quadrat 1992).
 */
import { type Expired, neverExpired, requireTime } from '../deadline.ts';
import { type ConnectivityGraph, delayDigraph } from '../delays.ts';
import type { Arc, StaleArc } from '../overlay.ts';
import type { WeightedDigraph } from './digraph.ts';
import { maximumCycleMean } from './howard.ts';

export interface CriticalCycle {
  /** Ms a round. */
  readonly meanMs: number;
  /** Silos in the order of the cycle; with a schedule a silo may come again in another phase. */
  readonly silos: readonly number[];
  /** The phase in which each silo sends to the next; where there is a schedule. */
  readonly phases?: readonly number[];
}

/**
 * One phase: a static overlay. Silos always wait for their own computation, so there is always a cycle. Throws OperatingError
 * `time-limit` where `expired` says so first.
 */
export function scheduleCycle(
  graph: ConnectivityGraph,
  phases: readonly (readonly Arc[])[],
  expired: Expired = neverExpired,
): CriticalCycle {
  const { siloCount } = graph;
  const unrolled = phases.map((arcs) => {
    requireTime(expired, 'the cycle time');
    return delayDigraph(graph, arcs, expired);
  });
  const total = unrolled.reduce((sum, { from }) => sum + from.length, 0);
  const digraph: WeightedDigraph = {
    nodeCount: siloCount * phases.length,
    from: new Int32Array(total),
    to: new Int32Array(total),
    length: new Float64Array(total),
  };
  let offset = 0;
  unrolled.forEach(({ from, to, length }, phase) => {
    const next = (phase + 1) % phases.length;
    digraph.from.set(
      from.map((silo) => phase * siloCount + silo),
      offset,
    );
    digraph.to.set(
      to.map((silo) => next * siloCount + silo),
      offset,
    );
    digraph.length.set(length, offset);
    offset += from.length;
  });
  const { mean, cycle } = maximumCycleMean(digraph, expired)!;
  const silos = cycle.map((node) => node % siloCount);
  if (phases.length === 1) return { meanMs: mean, silos };
  return { meanMs: mean, silos, phases: cycle.map((node) => Math.floor(node / siloCount)) };
}

/** Arcs that deliver what was sent several rounds earlier: the delay of each is spread over as many rounds. */
export function pipelinedCycle(
  graph: ConnectivityGraph,
  arcs: readonly Arc[],
  staleness: readonly StaleArc[],
  expired: Expired = neverExpired,
): CriticalCycle {
  const digraph = delayDigraph(graph, arcs, expired);
  const key = (from: number, to: number) => from * graph.siloCount + to;
  const spread = new Map(staleness.map(([from, to, rounds]) => [key(from, to), rounds]));
  const rounds = Float64Array.from(digraph.from, (from, arc) => spread.get(key(from, digraph.to[arc]!)) ?? 1);
  const { mean, cycle } = maximumCycleMean({ ...digraph, rounds }, expired)!;
  return { meanMs: mean, silos: cycle };
}
