/** What all find out together, by real nodes over the memory transport: exact, and nothing that a silo keeps to itself. */
import { afterEach, describe, expect, test } from 'vitest';
import type { AggregatePlan } from '../../src/peer/machine.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { momentumTrainer, virtualPlan } from '../peer/virtual.ts';
import { recordsOf, type SwarmGiven, type TestSwarm, testSwarm } from './nodes.ts';

const PEERS = 5;
const aggregate: AggregatePlan = {
  metrics: ['samples', 'ownTest'],
  params: true,
  tolerance: 1e-9,
  patienceMs: 60_000,
};
const plan = virtualPlan({
  rule: 'receive-merge',
  overlay: buildOverlay({ kind: 'ring' }, PEERS),
  rounds: 3,
  aggregate,
  // Longer than any machine is busy: nobody is taken for gone.
  deadline: { factor: 1.5, floorMs: 60_000, ceilingMs: 60_000, downGraceMs: 60_000 },
  gatherMs: 60_000,
});
/** Peer i has 10 + i samples, and an accuracy of its own. */
const trainer = (peer: number): Trainer => ({
  ...momentumTrainer(peer),
  sampleCount: 10 + peer,
  evaluate: async (_, set) =>
    set === 'own'
      ? { accuracy: 0.5 + peer / 100, loss: 1, sampleCount: 4 }
      : { accuracy: undefined, loss: undefined, sampleCount: 0 },
});

describe('over the memory transport', () => {
  let swarm: TestSwarm | undefined;
  afterEach(() => swarm?.close());
  const finished = async (given: Partial<SwarmGiven>) => {
    const running = await testSwarm({ plan, trainer, ...given });
    swarm = running;
    await running.start();
    return Promise.all(
      running.peers.map(async ({ node, storage }) => {
        const { aggregated, params } = await node.finished;
        const records = await recordsOf(storage);
        return { aggregated, params, lines: records.filter(({ type }) => type === 'aggregate') };
      }),
    );
  };

  test('all come to the same params to their precision, and to exact counts and sums; both are in the record', async () => {
    const results = await finished({});
    const first = [...results[0]!.params];
    for (const { aggregated, params, lines } of results) {
      expect(aggregated).toMatchObject([
        { of: 'params', exact: true, silos: [0, 1, 2, 3, 4] },
        { of: 'metrics', exact: true, metrics: { samples: { count: 5, sum: 60, least: 10, most: 14 } } },
      ]);
      expect(lines.map(({ of }) => of)).toEqual(['params', 'metrics']);
      for (const [index, value] of [...params].entries()) expect(value).toBeCloseTo(first[index]!, 5);
    }
  });

  test('a silo that keeps its samples or its accuracy to itself is in no count, sum or extreme of it', async () => {
    const withheld = (peer: number) => [['ownTest'], [], ['samples'], [], ['samples', 'ownTest']][peer]!;
    for (const { aggregated } of await finished({ withheld })) {
      expect(aggregated[0]).toMatchObject({ of: 'params', exact: true, silos: [0, 1, 2, 3, 4] });
      expect(aggregated[1]!.metrics).toMatchObject({
        samples: { count: 3, sum: 10 + 11 + 13, least: 10, most: 13 },
        ownTest: { count: 3, least: 0.51, most: 0.53 },
      });
    }
  });

  test('where all keep a metric to themselves nothing is said of it', async () => {
    for (const { aggregated } of await finished({ withheld: () => ['samples'] }))
      expect(Object.keys(aggregated[1]!.metrics!)).toEqual(['ownTest']);
  });
});
