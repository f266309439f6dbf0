/** Times of synchronous rounds through the simulator against known answers: the max-plus recursion and throughputs of 100 silos. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ComputeModel, computeTimes } from '../../src/simulate/index.ts';
import { buildOverlay, type TopologySpec } from '../../src/topology/index.ts';
import { virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from './recording.ts';

const patient = { factor: 1.5, floorMs: 1e6, ceilingMs: 1e7, downGraceMs: 1000 };

/** D-PSGD on links that take no time. */
async function run(spec: TopologySpec, silos: number, model: ComputeModel, rounds: number) {
  const plan = virtualPlan({ overlay: buildOverlay(spec, silos), rounds, deadline: patient });
  return simulateRecorded(virtualPeers(plan), { computeMs: computeTimes({ model }, 11) });
}

interface KnownCase {
  readonly id: string;
  readonly inputs: { readonly c: number[][] };
  readonly expected: Readonly<Record<string, number[][]>>;
}

describe('straggler-max-plus: tᵢ(k+1) = max over i and its neighbours of tⱼ(k), + cᵢ(k)', () => {
  const fixture = JSON.parse(readFileSync(new URL('../fixtures/systems.json', import.meta.url), 'utf8'));
  const known = (fixture.cases as KnownCase[]).find(({ id }) => id === 'straggler-max-plus')!;
  const { c } = known.inputs;

  test.each([
    ['ring', { kind: 'ring' }],
    ['clique', { kind: 'complete' }],
    ['star', { kind: 'star', hub: 0 }],
  ] as const)('%s: every silo ends every training at exactly that time', async (name, spec) => {
    const results = await run(spec, 5, { kind: 'trace', times: c }, c.length);
    const ended = c.map((_, round) => results.map(({ log }) => trainedMs(log, round)));
    expect(ended).toEqual(known.expected[name]);
  });
});

function trainedMs(log: readonly { nowMs: number; event: { kind: string } }[], round: number): number {
  return log.filter(({ event }) => event.kind === 'trained')[round]!.nowMs;
}

describe('rounds per mean compute time of 100 silos', () => {
  // Neglia, Calbi, Towsley, Vardoyan 2019 study it; the figures are of 20,000 rounds, here fewer.
  test.each([
    ['ring', 'exponential', 0.425],
    ['ring', 'uniform', 0.613],
  ] as const)('%s with %s times: %f', async (kind, time, wanted) => {
    const model: ComputeModel =
      time === 'exponential'
        ? { kind: 'exponential', meanMs: 1, shiftMs: 0 }
        : { kind: 'uniform', fromMs: 0, toMs: 2 };
    const rounds = 250;
    const results = await run({ kind }, 100, model, rounds);
    const from = 50;
    const spans = results.map(({ notes }) => notes[rounds - 1]!.endedMs - notes[from - 1]!.endedMs);
    const meanMs = spans.reduce((sum, ms) => sum + ms, 0) / spans.length;
    expect(Math.abs((rounds - from) / meanMs / wanted - 1)).toBeLessThan(0.03);
  });

  test('a clique goes at the pace of the slowest of all: 1 / (1 + 1/2 + … + 1/100) = 0.193', async () => {
    const model: ComputeModel = { kind: 'exponential', meanMs: 1, shiftMs: 0 };
    const times = computeTimes({ model }, 11);
    const rounds = 3;
    const results = await run({ kind: 'complete' }, 100, model, rounds);
    let endMs = 0;
    for (let round = 0; round < rounds; round++) {
      endMs += Math.max(...results.map((_, peer) => times(peer, round)));
      expect(new Set(results.map(({ notes }) => notes[round]!.endedMs)).size).toBe(1);
      expect(results[0]!.notes[round]!.endedMs).toBeCloseTo(endMs, 6);
    }
    // The mean of that maximum, over more rounds than a test can run through peers.
    const maxima = Array.from({ length: 3000 }, (_, round) =>
      Math.max(...results.map((_, peer) => times(peer, round))),
    );
    const meanMs = maxima.reduce((sum, ms) => sum + ms, 0) / maxima.length;
    expect(Math.abs(1 / meanMs / 0.193 - 1)).toBeLessThan(0.03);
  });
});
