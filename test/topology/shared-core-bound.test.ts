/** The lower bound where overlays share the core's links: below every strong overlay, brute force says. */
import { expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { overlayLowerBound } from '../../src/topology/bounds/overlay-bound.ts';
import { isConnected } from '../../src/topology/connectivity.ts';
import { connectivityGraph, publishedConditions } from '../../src/topology/connectivity-graph.ts';
import type { ConnectivityGraph } from '../../src/topology/delays.ts';
import { judge } from '../../src/topology/judge.ts';
import { overlayOf } from '../../src/topology/overlay.ts';
import { parseUnderlay } from '../../src/topology/underlay/open.ts';
import { findWorkload } from '../../src/topology/workloads.ts';

/** A tree of links and two more; capacities, access rates and compute times all drawn. */
function sharedNetwork(siloCount: number, seed: number): ConnectivityGraph {
  const random = Random.of(seed, 'shared-network');
  const below = (end: number) => Math.floor(end * random.uniform());
  const rate = () => Math.round(1e7 * (1 + 20 * random.uniform()));
  const pairs = Array.from({ length: siloCount - 1 }, (_, at) => [at + 1, below(at + 1)] as const);
  const more = [0, 1].map(() => [below(siloCount), below(siloCount)] as const).filter(([a, b]) => a !== b);
  const links = [...pairs, ...more].map(
    ([from, to]) => `{from: n${from}, to: n${to}, publishedKm: ${below(500) + 1}, capacityBps: ${rate()}}`,
  );
  const indices = Array.from({ length: siloCount }, (_, index) => index);
  const silos = indices.map(
    (at) => `{name: s${at}, node: n${at}, upBps: ${rate()}, downBps: ${rate()}, computeMs: ${below(30)}}`,
  );
  const nodes = indices.map((at) => `{name: n${at}}`);
  return sharing(`{name: drawn, nodes: [${nodes}], links: [${links}], silos: [${silos}]}`);
}

function sharing(text: string): ConnectivityGraph {
  const conditions = { ...publishedConditions, workload: findWorkload('femnist')!, sharedCore: true };
  return connectivityGraph(parseUnderlay(text, 'drawn.yaml'), conditions);
}

/** Here an arc of silo 0 has more than an equal share of its access, as another of its arcs is held back on the way. */
const heldBack = `
name: held-back
nodes: [{name: n0}, {name: n1}, {name: n2}, {name: n3}]
links:
  - {from: n1, to: n0, publishedKm: 459, capacityBps: 136011491}
  - {from: n2, to: n0, publishedKm: 418, capacityBps: 19323144}
  - {from: n3, to: n0, publishedKm: 225, capacityBps: 48123417}
  - {from: n3, to: n2, publishedKm: 353, capacityBps: 153487525}
  - {from: n3, to: n0, publishedKm: 224, capacityBps: 148227630}
silos:
  - {name: s0, node: n0, upBps: 21746860, downBps: 204825345, computeMs: 4}
  - {name: s1, node: n1, upBps: 116743771, downBps: 38281999, computeMs: 8}
  - {name: s2, node: n2, upBps: 47689877, downBps: 172152773, computeMs: 27}
  - {name: s3, node: n3, upBps: 193264804, downBps: 170593772, computeMs: 27}
`;

/** The least cycle time over all strong overlays. */
function leastOf(graph: ConnectivityGraph): number {
  const { siloCount, names } = graph;
  const arcs: [number, number][] = [];
  for (let from = 0; from < siloCount; from++)
    for (let to = 0; to < siloCount; to++) if (from !== to) arcs.push([from, to]);
  let leastMs = Number.POSITIVE_INFINITY;
  for (let chosen = 0; chosen < 2 ** arcs.length; chosen++) {
    const some = arcs.filter((_, at) => (chosen >> at) & 1);
    if (some.length < siloCount) continue;
    const overlay = overlayOf({ name: 'some', directed: true, nodes: names, arcs: some });
    if (!isConnected(overlay)) continue;
    leastMs = Math.min(leastMs, judge(graph, overlay, { kind: 'gossip' }, { mixing: false }).cycleTimeMs);
  }
  return leastMs;
}

function isBelowAll(graph: ConnectivityGraph): void {
  const leastMs = leastOf(graph);
  const { lowerBoundMs } = overlayLowerBound(graph, leastMs, { expired: () => false });
  expect(lowerBoundMs).toBeLessThanOrEqual(leastMs);
  expect(lowerBoundMs).toBeGreaterThan(leastMs / 3);
}

test.each([
  [3, 60],
  [4, 2],
])('of %i silos, %i networks', (siloCount, count) => {
  for (let seed = 0; seed < count; seed++) isBelowAll(sharedNetwork(siloCount, seed));
});

test('where an equal share of access is too little', () => isBelowAll(sharing(heldBack)));
