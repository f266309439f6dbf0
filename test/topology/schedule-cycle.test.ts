/**
 * Cycle times of schedules and of pipelines against the recursion that they are about, run for 500 periods: whatever
 * x is, min and max over silos of (x(k + m) − x(k)) / m have the max-plus eigenvalue between them (Collatz, Wielandt).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import {
  type Arc,
  arcDelaysMs,
  type ConnectivityGraph,
  judge,
  type Overlay,
  overlayOf,
  roundComputeMs,
} from '../../src/topology/index.ts';
import { randomGraph } from './random-graph.ts';

const periods = 500;

/** Phases of random arcs; all together a ring of all silos and more. */
function randomSchedule(siloCount: number, phaseCount: number, seed: number): Overlay {
  const random = Random.of(seed, 'schedule');
  const phases: Arc[][] = Array.from({ length: phaseCount }, () => []);
  for (let from = 0; from < siloCount; from++) {
    phases[random.integer(phaseCount)]!.push([from, (from + 1) % siloCount]);
    for (const phase of phases) if (random.uniform() < 0.5) phase.push([from, random.integer(siloCount)]);
  }
  const nodes = Array.from({ length: siloCount }, (_, silo) => `s${silo}`);
  return overlayOf({ name: 'random', directed: true, nodes, arcs: [], schedule: phases });
}

/** When each silo begins its next round: once its own steps are done and the models of its arcs are in. */
function nextStarts(graph: ConnectivityGraph, arcs: readonly Arc[], starts: readonly number[]): number[] {
  const next = starts.map((start, silo) => start + roundComputeMs(graph, silo));
  const delays = arcDelaysMs(graph, arcs);
  arcs.forEach(([from, to], arc) => {
    next[to] = Math.max(next[to]!, starts[from]! + delays[arc]!);
  });
  return next;
}

/** `spreadMs`: what silos can be apart, however long they run. */
function expectBetween(value: number, growths: readonly number[], spreadMs: number, rounds: number): void {
  const [least, most] = [Math.min(...growths), Math.max(...growths)];
  expect(value).toBeGreaterThanOrEqual(least * (1 - 1e-9));
  expect(value).toBeLessThanOrEqual(most * (1 + 1e-9));
  expect(most - least).toBeLessThanOrEqual((2 * spreadMs) / rounds);
}

const slowest = (graph: ConnectivityGraph, phases: readonly (readonly Arc[])[]) =>
  Math.max(...phases.flatMap((arcs) => [...arcDelaysMs(graph, arcs)]));

const drawn = fc.record({
  siloCount: fc.integer({ min: 2, max: 7 }),
  phaseCount: fc.integer({ min: 1, max: 5 }),
  seed: fc.integer({ min: 0, max: 1_000_000 }),
});

describe('the cycle time', () => {
  test('of a schedule is the growth of x ← A_p ⊗ x over 500 periods, and the mean of its critical cycle', () => {
    fc.assert(
      fc.property(drawn, ({ siloCount, phaseCount, seed }) => {
        const graph = randomGraph(siloCount, seed);
        const overlay = randomSchedule(siloCount, phaseCount, seed);
        const phases = overlay.schedule!;
        const { cycleTimeMs, criticalCycle } = judge(graph, overlay, { kind: 'gossip' }, { mixing: false });
        let starts = graph.names.map(() => 0);
        for (let round = 0; round < phaseCount; round++) starts = nextStarts(graph, phases[round]!, starts);
        const early = starts;
        for (let round = 0; round < periods * phaseCount; round++) {
          starts = nextStarts(graph, phases[round % phaseCount]!, starts);
        }
        expectBetween(
          cycleTimeMs,
          starts.map((start, silo) => (start - early[silo]!) / (periods * phaseCount)),
          // Each silo hears of each other within as many periods as there are silos.
          siloCount * phaseCount * slowest(graph, phases),
          periods * phaseCount,
        );
        expect(meanOf(graph, phases, criticalCycle!)).toBeCloseTo(cycleTimeMs, 9);
      }),
      { numRuns: 100 },
    );
  });

  test('of stale arcs is the growth of a pipeline that uses models so many rounds old', () => {
    fc.assert(
      fc.property(drawn, ({ siloCount, seed }) => {
        const graph = randomGraph(siloCount, seed);
        const random = Random.of(seed, 'stale');
        const { schedule: _, ...overlay } = randomSchedule(siloCount, 1, seed);
        const staleness = overlay.arcs.map(([from, to]) => [from, to, 1 + random.integer(4)] as const);
        const { cycleTimeMs } = judge(graph, overlay, { kind: 'pipelined', staleness }, { mixing: false });
        const delays = arcDelaysMs(graph, overlay.arcs);
        const rounds = 2_000;
        const starts = [graph.names.map(() => 0)];
        for (let round = 1; round <= 2 * rounds; round++) {
          const next = starts.at(-1)!.map((start, silo) => start + roundComputeMs(graph, silo));
          staleness.forEach(([from, to, old], arc) => {
            const sent = starts[round - old]?.[from];
            if (sent !== undefined) next[to] = Math.max(next[to]!, sent + delays[arc]!);
          });
          starts.push(next);
        }
        // The state of a pipeline is that of its last four rounds.
        const growths = [0, 1, 2, 3].flatMap((back) =>
          graph.names.map(
            (__, silo) => (starts[2 * rounds - back]![silo]! - starts[rounds - back]![silo]!) / rounds,
          ),
        );
        const spreadMs = 4 * (siloCount + 1) * slowest(graph, [overlay.arcs]);
        expectBetween(cycleTimeMs, growths, spreadMs, rounds);
      }),
      { numRuns: 30 },
    );
  });
});

/** The mean delay along a critical cycle; a silo that follows itself waits for its own steps. */
function meanOf(
  graph: ConnectivityGraph,
  schedule: readonly (readonly Arc[])[],
  {
    silos,
    phases = silos.map(() => 0),
  }: { readonly silos: readonly number[]; readonly phases?: readonly number[] },
): number {
  const sum = silos.reduce((total, from, step) => {
    const to = silos[(step + 1) % silos.length]!;
    if (from === to) return total + roundComputeMs(graph, from);
    const arcs = schedule[phases[step]!]!;
    const arc = arcs.findIndex(([one, other]) => one === from && other === to);
    expect(arc).toBeGreaterThanOrEqual(0);
    return total + arcDelaysMs(graph, arcs)[arc]!;
  }, 0);
  return sum / silos.length;
}
