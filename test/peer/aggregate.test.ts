/** Beside any rule: exact counts, sums and means over all peers, and the exact mean of their last params, whatever gets lost. */
import { describe, expect, test } from 'vitest';
import { exchangeRuleNames } from '../../src/exchange/index.ts';
import type { FaultSchedule } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { type Vector, vectorDigest } from '../../src/params/layout.ts';
import type { AggregatePlan, AggregateReport } from '../../src/peer/machine.ts';
import { replay, type SimulationOptions } from '../../src/simulate/index.ts';
import { buildOverlay, type Overlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { type RecordedResult, simulateRecorded } from '../simulate/recording.ts';
import { virtualLinks, virtualPeers, virtualPlan } from './virtual.ts';

const SIZE = 6;
const PLAN: AggregatePlan = {
  metrics: ['samples', 'ownTest', 'globalTest'],
  params: true,
  tolerance: 1e-9,
  patienceMs: 60_000,
};
const ring = buildOverlay({ kind: 'ring' }, 8);
const digraph = buildOverlay({ kind: 'exponential' }, 16);

/** Peer i has 10 + i samples and an accuracy of its own; nobody has a shared test set. */
function trainer(peer: number): Trainer {
  const optimum = Array.from({ length: SIZE }, (_, index) => Math.sin(3 * peer + index));
  const toy = quadraticTrainer({ optimum, learningRate: 0.3, precision: 'f32' });
  const judged = { accuracy: 0.5 + peer / 100, loss: 1, sampleCount: 5 };
  return {
    ...toy,
    sampleCount: 10 + peer,
    evaluate: async (_, set) =>
      set === 'own' ? judged : { accuracy: undefined, loss: undefined, sampleCount: 0 },
  };
}

interface Given {
  readonly overlay?: Overlay;
  readonly rule?: string;
  readonly plan?: Partial<AggregatePlan>;
  readonly faults?: FaultSchedule['faults'];
  readonly seed?: number;
}

function peersOf({ overlay = ring, rule = 'receive-merge', plan = {}, seed = 7 }: Given) {
  const aggregate = { ...PLAN, ...plan };
  return virtualPeers(virtualPlan({ rule, overlay, rounds: 4, seed, aggregate }), trainer);
}

async function run(given: Given): Promise<readonly RecordedResult[]> {
  const { overlay = ring, faults = [], seed = 7 } = given;
  const player = createFaultPlayer({ seed, faults }, overlay.arcs);
  const options: SimulationOptions = { ...virtualLinks, faults: player };
  return simulateRecorded(peersOf(given), options);
}

const reportOf = (result: RecordedResult, of: AggregateReport['of']) =>
  result.aggregated.find((report) => report.of === of);

/** The last params of each peer before they were averaged. */
async function ownParams(given: Given) {
  return (await run({ ...given, plan: { ...given.plan, params: false } })).map(({ params }) => params);
}

const meanOf = (vectors: readonly Vector[]): number[] =>
  Array.from(
    { length: SIZE },
    (_, at) => vectors.reduce((sum, params) => sum + params[at]!, 0) / vectors.length,
  );

const distance = (params: Vector, mean: readonly number[]): number =>
  Math.max(...mean.map((value, at) => Math.abs(params[at]! - value)));

const everyone = (count: number) => Array.from({ length: count }, (_, peer) => peer);

const loss: FaultSchedule['faults'] = [{ kind: 'loss', probability: 0.3, fromMs: 0 }];

describe('under loss .3', () => {
  test.each([
    ['ring of 8', ring],
    ['exponential digraph of 16', digraph],
  ])(
    'all peers of a %s come to the exact mean of their params, and to exact counts and sums',
    async (_, overlay) => {
      const given = { overlay, faults: loss };
      const results = await run(given);
      const own = await ownParams(given);
      const count = results.length;
      for (const result of results) {
        for (const of of ['params', 'metrics'] as const) {
          const report = reportOf(result, of)!;
          expect(report.exact).toBe(true);
          expect(report.silos).toEqual(everyone(count));
          expect(report.weightError).toBeLessThanOrEqual(1e-9);
        }
        expect(distance(result.params, meanOf(own))).toBeLessThan(1e-7); // of the params' f32
        const { samples, ownTest, globalTest } = reportOf(result, 'metrics')!.metrics!;
        const last = count - 1;
        expect(samples).toMatchObject({ count, sum: count * (10 + last / 2), least: 10, most: 10 + last });
        expect(samples!.mean).toBeCloseTo(10 + last / 2, 7);
        expect(ownTest).toMatchObject({ count, least: 0.5, most: 0.5 + last / 100 });
        expect(ownTest!.mean).toBeCloseTo(0.5 + last / 200, 8);
        expect(globalTest).toBeUndefined(); // nobody has one
      }
    },
  );
});

test('it runs beside every rule, and nothing of it is refused where nothing goes wrong', async () => {
  const overlay = buildOverlay({ kind: 'ring' }, 5);
  for (const rule of exchangeRuleNames)
    for (const result of await run({ overlay, rule, plan: { metrics: ['samples'] } })) {
      expect(result.aggregated, rule).toMatchObject([
        { of: 'params', exact: true, silos: everyone(5) },
        { of: 'metrics', exact: true, metrics: { samples: { count: 5, sum: 60 } } },
      ]);
      expect(result.refusals.malformed ?? 0, rule).toBe(0);
      expect(result.refusals.impossible ?? 0, rule).toBe(0);
    }
});

test('a replay of the logs comes to the same params, bit for bit', async () => {
  const given = { overlay: digraph, faults: loss };
  const results = await run(given);
  const recorded = peersOf(given).map((peer, index) => ({ ...peer, log: results[index]!.log }));
  const replayed = await replay(recorded);
  expect(replayed.map(({ params }) => vectorDigest(params))).toEqual(
    results.map(({ params }) => vectorDigest(params)),
  );
});

describe('peers that come, go and come back', () => {
  const overlay = digraph;
  const living = (dead: readonly number[]) => everyone(16).filter((peer) => !dead.includes(peer));

  test('the mean is that of the living: one that died before its rounds were over is left out by all', async () => {
    const results = await run({ overlay, faults: [...loss, { kind: 'crash', peer: 3, atMs: 60 }] });
    for (const peer of living([3]))
      for (const report of results[peer]!.aggregated)
        expect(report).toMatchObject({ exact: true, silos: living([3]) });
  });

  test.each([1, 2, 3])(
    'mass that dies with a peer while it flows is missed, and everybody begins again (%i)',
    async (seed) => {
      const calm = await run({ overlay, seed });
      const flowingMs =
        calm[0]!.log.findLast(({ event }) => event.kind === 'trained')!.nowMs + 60 + 20 * seed;
      const faults = [{ kind: 'crash' as const, peer: 5, atMs: flowingMs }];
      const results = await run({ overlay, faults, seed });
      const own = await ownParams({ overlay, seed });
      for (const peer of living([5])) {
        const [params, metrics] = results[peer]!.aggregated;
        expect(params).toMatchObject({ of: 'params', exact: true });
        expect(metrics).toMatchObject({ of: 'metrics', exact: true });
        const mean = meanOf(params!.silos.map((silo) => own[silo]!));
        expect(distance(results[peer]!.params, mean)).toBeLessThan(1e-7);
      }
      const attempts = results.flatMap(({ aggregated }) => aggregated.map((report) => report.attempts));
      expect(Math.max(...attempts)).toBeGreaterThan(1);
    },
  );

  test('one that is killed and comes back brings its own again', async () => {
    const calm = await run({ overlay });
    const atMs = calm[0]!.log.findLast(({ event }) => event.kind === 'trained')!.nowMs + 50;
    const faults = [{ kind: 'crash' as const, peer: 5, atMs, restartMs: atMs + 5 }];
    for (const { aggregated } of await run({ overlay, faults }))
      for (const report of aggregated) expect(report).toMatchObject({ exact: true, silos: everyone(16) });
  });

  test('one that is very slow is waited for; one that never ends is left out in the end', async () => {
    const slow = { kind: 'slow' as const, peer: 2, factor: 1_000, fromMs: 0 };
    for (const { aggregated } of await run({ overlay, faults: [slow] }))
      for (const report of aggregated) expect(report).toMatchObject({ exact: true, silos: everyone(16) });
    const results = await run({ overlay, faults: [slow], plan: { patienceMs: 1_000 } });
    for (const peer of living([2])) {
      expect(results[peer]!.aggregated[0]).toMatchObject({ exact: true, silos: living([2]) });
    }
    expect(results.some(({ notices }) => (notices['aggregate-without'] ?? 0) > 0)).toBe(true);
  });

  test('one that no neighbour can be reached from goes on alone after its ceiling, not its patience, and says why', async () => {
    const others = everyone(8).filter((peer) => peer !== 3);
    const cut = {
      kind: 'partition' as const,
      from: [3],
      to: others,
      symmetric: true,
      silent: false,
      fromMs: 5,
    };
    const results = await run({ overlay: ring, faults: [cut], plan: { patienceMs: 10_000_000 } });
    const alone = results[3]!;
    expect(alone.aggregated[0]).toMatchObject({ of: 'params', silos: [3] });
    expect(alone.notices['aggregate-without']).toBe(1);
    expect(alone.log.at(-1)!.nowMs).toBeLessThan(100_000); // of virtual time, far less than its patience
    for (const peer of others)
      expect(results[peer]!.aggregated[0]).toMatchObject({ exact: true, silos: others });
  });
});
