/**
 * The STAR rule of Marfoq et al. 2020: a hub gathers a model from every silo, then sends one to each.
 * λ = max_v d(v, hub) + max_v (d(hub, v) − s·Tc(hub)): with equal compute times their `Tc + max_v(d(v, hub) − Tc) +
 * max_v(d(hub, v) − Tc)`; silos that differ count with their own. The hub computes too, at the same time.
 */
import { arcDelaysMs, type ConnectivityGraph, roundComputeMs } from './delays.ts';
import type { Arc } from './overlay.ts';

/** Ms of one round through the hub; s·Tc where there is nobody else. */
export function starCycleTimeMs(graph: ConnectivityGraph, hub: number): number {
  const { siloCount } = graph;
  const others = Array.from({ length: siloCount }, (_, silo) => silo).filter((silo) => silo !== hub);
  const gather = arcDelaysMs(
    graph,
    others.map((silo): Arc => [silo, hub]),
  );
  const spread = arcDelaysMs(
    graph,
    others.map((silo): Arc => [hub, silo]),
  );
  const ownMs = roundComputeMs(graph, hub);
  const gatheredMs = gather.reduce((most, delayMs) => Math.max(most, delayMs), ownMs);
  return gatheredMs + spread.reduce((most, delayMs) => Math.max(most, delayMs - ownMs), 0);
}
