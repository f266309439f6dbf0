/** Four silos whose best overlays are known (test/fixtures/topology.json, brute_mct_0), by the public functions. */
import { expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import {
  type Arc,
  type ConnectivityGraph,
  findDesigner,
  isConnected,
  judge,
  overlayOf,
  siloNames,
} from '../../src/topology/index.ts';
import topology from '../fixtures/topology.json' with { type: 'json' };

// biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
const { inputs, expected, tolerance } = topology.cases.find(({ id }) => id === 'brute_mct_0') as any;
const names = siloNames(inputs.n);

function graphWith(latencyMs: ConnectivityGraph['latencyMs']): ConnectivityGraph {
  return {
    siloCount: inputs.n,
    names,
    localSteps: inputs.s,
    modelBits: inputs.M_bits,
    computeMs: Float64Array.from(inputs.Tc_ms),
    upBps: Float64Array.from(inputs.up_bps),
    downBps: Float64Array.from(inputs.dn_bps),
    latencyMs,
    coreBps: (from, to) => inputs.A_bps[from][to],
    symmetric: false,
    linkedArcs: [],
  };
}

test('best is the known optimum over strong digraphs, arc for arc', () => {
  const graph = graphWith((from, to) => inputs.latency_ms[from][to]);
  const { overlay, timing, lowerBoundMs } = findDesigner('best').design(
    { graph },
    {},
    {
      random: (...path) => Random.of(1, ...path),
      expired: () => false,
      progress: () => undefined,
    },
  );
  const { cycleTimeMs } = judge(graph, overlay, timing, { mixing: false });
  expect(Math.abs(cycleTimeMs - expected.best_directed)).toBeLessThanOrEqual(tolerance);
  expect(Math.abs(lowerBoundMs! - expected.best_directed)).toBeLessThanOrEqual(tolerance);
  expect(overlay.arcs).toEqual(expected.arcs);
});

test('of all connected undirected overlays the known one is the best, latencies averaged both ways', () => {
  const mean = (from: number, to: number) => (inputs.latency_ms[from][to] + inputs.latency_ms[to][from]) / 2;
  const graph = graphWith(mean);
  const edges = names.flatMap((_, one) => names.slice(one + 1).map((__, step): Arc => [one, one + 1 + step]));
  const judged = Array.from({ length: 2 ** edges.length }, (_, chosen) =>
    edges.filter((__, bit) => (chosen >> bit) & 1),
  )
    .map((arcs) => ({ arcs, overlay: overlayOf({ name: 'x', directed: false, nodes: names, arcs }) }))
    .filter(({ overlay }) => isConnected(overlay))
    .map(({ arcs, overlay }) => ({
      arcs,
      cycleTimeMs: judge(graph, overlay, { kind: 'gossip' }, { mixing: false }).cycleTimeMs,
    }));
  expect(judged).toHaveLength(38);
  const best = judged.reduce((least, other) => (other.cycleTimeMs < least.cycleTimeMs ? other : least));
  expect(Math.abs(best.cycleTimeMs - expected.best_undirected_with_latency_symmetrised)).toBeLessThanOrEqual(
    tolerance,
  );
  expect(best.arcs).toEqual(expected.edges);
});
