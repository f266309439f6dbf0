/** Connectivity graphs drawn at random. */
import { Random } from '../../src/base/random.ts';
import { type ConnectivityGraph, siloNames } from '../../src/topology/index.ts';

/** Heterogeneous, asymmetric: latencies, core and access rates, compute times all drawn. */
export function randomGraph(siloCount: number, seed: number): ConnectivityGraph {
  const random = Random.of(seed, 'random-graph');
  const draw = (low: number, high: number) => Math.round(low + (high - low) * random.uniform());
  const list = (low: number, high: number) => Float64Array.from({ length: siloCount }, () => draw(low, high));
  const latencies = Float64Array.from({ length: siloCount ** 2 }, () => draw(5, 120));
  const core = Float64Array.from({ length: siloCount ** 2 }, () => draw(50, 1_000) * 1e6);
  return {
    siloCount,
    names: siloNames(siloCount),
    localSteps: 1,
    modelBits: 4e6,
    computeMs: list(5, 40),
    upBps: list(20, 1_000).map((value) => value * 1e6),
    downBps: list(20, 1_000).map((value) => value * 1e6),
    latencyMs: (from, to) => latencies[from * siloCount + to]!,
    coreBps: (from, to) => core[from * siloCount + to]!,
    symmetric: false,
    linkedArcs: [],
  };
}

/** Latencies alike both ways; the same access, core and compute time for all. */
export function homogeneousGraph(siloCount: number, seed: number): ConnectivityGraph {
  const graph = randomGraph(siloCount, seed);
  return {
    ...graph,
    computeMs: graph.computeMs.map(() => 20),
    upBps: graph.upBps.map(() => 1e8),
    downBps: graph.downBps.map(() => 1e8),
    latencyMs: (one, other) => graph.latencyMs(Math.min(one, other), Math.max(one, other)),
    coreBps: () => 2e8,
    symmetric: true,
  };
}
