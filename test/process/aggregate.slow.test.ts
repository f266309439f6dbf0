import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, digests, isBuilt } from './swarm-run.ts';

describe.skipIf(!isBuilt)(
  'what all find out together, by real processes (skipped where dist/ is not built)',
  () => {
    let bench: Bench;

    beforeEach(async () => {
      bench = await Bench.open();
    });

    afterEach(() => bench.clean());

    it.each(['dpsgd', 'receive-merge'])(
      'beside %s: one exact mean of all models, exact counts and sums (%s)',
      async (rule, _how) => {
        const settings = [
          `exchange.rule=${rule}`,
          'aggregate={metrics: [samples, globalTest], params: true}',
          // A lost message costs a synchronous rule a deadline.
          ...(rule === 'dpsgd'
            ? []
            : ['faults={schedule: {seed: 3, faults: [{kind: loss, probability: 0.3, fromMs: 0}]}}']),
        ];
        const swarm = bench.start('run', ...settings.flatMap((setting) => ['--set', setting]));
        expect(await swarm.exited, swarm.stderr).toBe(0);
        const summary = swarm.summary();
        const silos = summary.peers.map(({ name }) => name);
        const samples = summary.peers.reduce((sum, peer) => sum + peer.samples, 0);
        expect(summary.aggregate).toMatchObject([
          { of: 'params', exact: true, silos },
          {
            of: 'metrics',
            exact: true,
            silos,
            metrics: { samples: { count: 5, sum: samples }, globalTest: { count: 5 } },
          },
        ]);
        for (const { weightError } of summary.aggregate!) expect(weightError).toBeLessThanOrEqual(1e-9);
        // Rounded once to f32 after sums in f64 that differ in their last bits: as good as one model.
        expect(summary.consensusDistance).toBeLessThan(1e-9);
        expect(digests(summary)).toHaveLength(5);
      },
    );
  },
);
