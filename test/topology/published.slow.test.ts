/** The published cycle times (Marfoq et al. 2020, Table 3 and its 100 Mbit/s setting) and known answers about them. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import {
  type ConnectivityGraph,
  connectivityGraph,
  type Design,
  effectiveNeighbours,
  findDesigner,
  findWorkload,
  type Judgement,
  judge,
  mixingMatrix,
  openUnderlay,
  overlayOf,
  publishedConditions,
  siloNames,
  starCycleTimeMs,
} from '../../src/topology/index.ts';

interface Known {
  readonly id: string;
  readonly expected: Record<string, never>;
  readonly tolerance: number;
}

const { cases } = JSON.parse(readFileSync(new URL('../fixtures/topology.json', import.meta.url), 'utf8')) as {
  cases: Known[];
};
const known = (id: string) => cases.find((one) => one.id === id)!;

function network(name: string, accessBps = 1e10, localSteps = 1, sharedCore = false): ConnectivityGraph {
  return connectivityGraph(openUnderlay(name), {
    ...publishedConditions,
    workload: findWorkload('inaturalist'),
    upBps: accessBps,
    downBps: accessBps,
    localSteps,
    sharedCore,
  });
}

function designed(graph: ConnectivityGraph, kind: string, options: unknown): Design {
  return findDesigner(kind).design({ graph }, options, {
    random: (...path) => Random.of(1, ...path),
    expired: () => false,
    progress: () => undefined,
  });
}

function judged(graph: ConnectivityGraph, kind: string, options: unknown = {}): Judgement {
  const { overlay, timing } = designed(graph, kind, options);
  return judge(graph, overlay, timing, { mixing: false });
}

/** STAR, MST, δ-MBST, ring as published; the optimal ring; STAR at 100 Mbit/s. */
const table = [
  ['gaia', 390.9, 138.1, 138.1, 118.1, 118.105, 9293],
  ['aws-na', 288.1, 89.7, 89.7, 81.3, 80.683, 18983],
  ['geant', 634.4, 101.0, 101.0, 109.0, 100.581, 35171],
  ['exodus', 911.9, 145.3, 145.3, 103.9, 91.397, 70351],
  ['ebone', 901.7, 121.8, 121.8, 95.3, 86.592, 77463],
] as const;

describe.each(table)('%s', (name, star, mst, deltaMbst, ring, best, star100) => {
  const graph = network(name);

  test('STAR, MST within 0.05 ms, δ-MBST not above, RING between the optimum and the published', () => {
    expect(Math.abs(starCycleTimeMs(graph, 0) - star)).toBeLessThanOrEqual(0.05);
    expect(Math.abs(judged(graph, 'mst').cycleTimeMs - mst)).toBeLessThanOrEqual(0.05);
    expect(judged(graph, 'delta-mbst').cycleTimeMs).toBeLessThanOrEqual(deltaMbst + 0.05);
    const { cycleTimeMs } = judged(graph, 'ring');
    expect(cycleTimeMs).toBeGreaterThanOrEqual(best - 0.001);
    expect(cycleTimeMs).toBeLessThanOrEqual(ring + 0.05);
  });

  test('access 100 Mbit/s: STAR within 0.5 ms', () => {
    expect(Math.abs(starCycleTimeMs(network(name, 1e8), 0) - star100)).toBeLessThanOrEqual(0.5);
  });
});

describe('MATCHA and MATCHA⁺ within 4 %', () => {
  test.each([
    ['gaia', 'matcha', 227],
    ['gaia', 'matcha-plus', 228],
    ['aws-na', 'matcha', 124],
    ['geant', 'matcha-plus', 107],
  ])('%s, %s', (name, kind, published) => {
    const { cycleTimeMs, confidenceMs } = judged(network(name), kind, { rounds: 1 });
    expect(Math.abs(cycleTimeMs / published - 1)).toBeLessThanOrEqual(0.04);
    expect(confidenceMs).toBeLessThan(0.02 * published);
  });
});

describe('known answers', () => {
  test('minimum spanning trees', () => {
    const { expected, tolerance } = known('mst_inat_10G');
    for (const [name, value] of Object.entries<number>(expected)) {
      expect(Math.abs(judged(network(name), 'mst').cycleTimeMs - value)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('stars: hub 0 and the best hub', () => {
    const { expected, tolerance } = known('star_inat_10G');
    for (const [name, { hub0, best }] of Object.entries<{ hub0: number; best: number }>(expected)) {
      const graph = network(name);
      expect(Math.abs(judged(graph, 'star').cycleTimeMs - hub0)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(judged(graph, 'star-best-hub').cycleTimeMs - best)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('local steps add (s − 1)·Tc where compute times are equal', () => {
    const { expected, tolerance } = known('local_steps_exodus_10G');
    const { overlay, timing } = designed(network('exodus'), 'ring', {});
    for (const [steps, figures] of Object.entries<{ ring_opt: number; star_hub0: number }>(expected)) {
      const graph = network('exodus', 1e10, Number(steps));
      expect(
        Math.abs(judge(graph, overlay, timing, { mixing: false }).cycleTimeMs - figures.ring_opt),
      ).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(starCycleTimeMs(graph, 0) - figures.star_hub0)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('effective number of neighbours: ring of 16 with weights 1/3, and everybody', () => {
    const { expected, tolerance } = known('effective_neighbours') as unknown as {
      expected: number;
      tolerance: number;
    };
    const ringOf = Array.from({ length: 16 }, (_, silo) => [silo, (silo + 1) % 16] as const);
    const all = siloNames(16).flatMap((_, one) => siloNames(one).map((__, other) => [one, other] as const));
    const value = (arcs: readonly (readonly [number, number])[]) =>
      effectiveNeighbours(
        mixingMatrix(overlayOf({ name: 'x', directed: false, nodes: siloNames(16), arcs }), 'metropolis'),
        16,
        0.9,
      );
    expect(Math.abs(value(ringOf) - expected)).toBeLessThanOrEqual(tolerance);
    expect(value(all)).toBeCloseTo(16, 9);
  });
});

test('multigraph ring, counted honestly: Σ d / Σ n, 76.4 ms on gaia', () => {
  expect(judged(network('gaia'), 'multigraph-ring').cycleTimeMs).toBeCloseTo(76.4, 1);
});

test('shared core links: the star is slowed by its trunk, rings hardly', () => {
  const graph = network('geant', 1e10, 1, true);
  expect(Math.abs(starCycleTimeMs(graph, 0) - 2259)).toBeLessThanOrEqual(1);
  expect(judged(graph, 'ring').cycleTimeMs).toBeCloseTo(86.0, 1);
});

test.each([
  ['gaia', 522.8],
  ['aws-na', 485.6],
])('access 100 Mbit/s on %s: RING not above the published', (name, published) => {
  expect(judged(network(name, 1e8), 'ring').cycleTimeMs).toBeLessThanOrEqual(published + 0.05);
});

test.each([
  ['gaia', 19.8],
  ['geant', 225.1],
])('seconds to consensus of the ring with weight ½ on %s: %d', (name, seconds) => {
  const graph = network(name);
  const { overlay, timing } = designed(graph, 'ring', {});
  expect(judge(graph, overlay, timing).secondsToConsensus).toBeCloseTo(seconds, 1);
});
