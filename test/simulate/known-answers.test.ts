/** Times of synchronous rounds through the simulator against known answers: the max-plus recursion and throughputs of 100 silos. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ComputeModel, computeTimes, fastestMeanMs } from '../../src/simulate/index.ts';
import { buildOverlay, type TopologySpec } from '../../src/topology/index.ts';
import { virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from './recording.ts';

const patient = { factor: 1.5, floorMs: 1e6, ceilingMs: 1e7, downGraceMs: 1000 };

/** D-PSGD on links that take no time. */
async function run(
  spec: TopologySpec,
  silos: number,
  model: ComputeModel,
  rounds: number,
  { options = {}, seed = 11 }: { options?: Record<string, unknown>; seed?: number } = {},
) {
  const plan = virtualPlan({ overlay: buildOverlay(spec, silos), rounds, deadline: patient, options });
  return simulateRecorded(virtualPeers(plan), { computeMs: computeTimes({ model }, seed) });
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

describe('backup-workers-order-stats: a round waits for the fastest n − b of n workers', () => {
  const fixture = JSON.parse(readFileSync(new URL('../fixtures/systems.json', import.meta.url), 'utf8'));
  // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
  const known = fixture.cases.find(({ id }: KnownCase) => id === 'backup-workers-order-stats') as any;
  const { n } = known.inputs;
  const models = {
    exp: { kind: 'exponential', meanMs: 1, shiftMs: 0 },
    uniform: { kind: 'uniform', fromMs: 0, toMs: 1 },
  } as const;
  const cases = Object.keys(models).flatMap((name) =>
    known.expected[name].map(([b, wanted]: [number, number]) => [name, b, wanted] as const),
  );
  const ranked = (model: ComputeModel, seed: number, round: number) => {
    const times = computeTimes({ model }, seed);
    return Array.from({ length: n }, (_, peer) => times(peer, round)).sort((a, b) => a - b);
  };

  test.each(cases)('%s, %i backups: mean %d', async (name, b, wanted) => {
    const model = models[name as keyof typeof models];
    const mean = fastestMeanMs(model, n, n - b);
    expect(Math.abs(mean! - wanted)).toBeLessThanOrEqual(known.tolerance.abs);
    const draws = Array.from({ length: 4_000 }, (_, round) => ranked(model, 5, round)[n - b - 1]!);
    const drawn = draws.reduce((sum, ms) => sum + ms, 0) / draws.length;
    expect(Math.abs(drawn / wanted - 1)).toBeLessThan(known.tolerance.simulated_rel);
    // What peers do: with everyone a neighbour of everyone, whoever is fast enough ends the round when the (n − b)-th is through.
    const results = await run({ kind: 'complete' }, n, model, 1, { options: { backups: b }, seed: 7 });
    const soonest = Math.min(...results.map(({ notes }) => notes[0]!.endedMs));
    expect(soonest).toBe(ranked(model, 7, 0)[n - b - 1]);
  });

  test('two backups are so many times as fast as none', () => {
    const [none, two] = [0, 2].map((b) => fastestMeanMs(models.exp, n, n - b)!);
    expect(Math.abs(none! / two! - known.expected.speedup_exp_b2)).toBeLessThanOrEqual(known.tolerance.abs);
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
