/** Averages of push-sum where links swallow messages for a time, and where somebody leaves: nothing of the mass is lost. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { peerConfig } from '../../src/peer/plan.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { virtualPlan } from '../peer/virtual.ts';
import { delays } from './recording.ts';
import { simulateWatched } from './watched.ts';

const VALUES = [1, 2, 3, 4, 5, 6, 7, 16];
const MEAN = 5.5;
const overlay = buildOverlay({ kind: 'exponential' }, VALUES.length);

/** What each peer has in its last round. */
async function averages(
  faults: readonly Fault[],
  seed: number,
  rounds: number,
  rule = 'push-sum',
): Promise<number[]> {
  const plan = virtualPlan({ rule, options: {}, overlay, rounds, evaluateEveryRounds: 1 });
  const peers = VALUES.map((value, peer) => {
    const initial = Float64Array.of(value);
    return {
      config: peerConfig(plan, peer, 0),
      trainer: quadraticTrainer({ optimum: initial, initial, learningRate: 0, precision: 'f64' }),
    };
  });
  const last = VALUES.map(() => Number.NaN);
  await simulateWatched(peers, {
    links: delays(() => 1),
    faults: createFaultPlayer({ seed, faults }, overlay.arcs),
    observer: {
      onEvaluate(peer, _round, params) {
        last[peer] = params[0]!;
        return undefined;
      },
    },
  });
  return last;
}

const expectMean = (values: readonly number[]) => {
  for (const value of values) expect(Math.abs(value - MEAN)).toBeLessThan(1e-9);
};

describe('push-sum in simulation', () => {
  test.each([
    { rule: 'push-sum', ms: 50, rounds: 300 },
    { rule: 'push-sum', ms: 600, rounds: 300 },
    { rule: 'push-sum', ms: 15_000, rounds: 1_700 },
    { rule: 'push-sum+fp16', ms: 600, rounds: 400 },
    { rule: 'push-sum+fp16', ms: 15_000, rounds: 1_700 },
    { rule: 'push-sum+int8', ms: 15_000, rounds: 1_700 },
  ])('a silent partition costs nothing: %o', async ({ rule, ms, rounds }) => {
    const [from, to] = [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ];
    const span = { fromMs: 100, toMs: 100 + ms };
    const partition = { kind: 'partition', from, to, symmetric: true, silent: true, ...span } as const;
    expectMean(await averages([partition], 1, rounds, rule));
  });

  test.each(['push-sum', 'push-sum+fp16', 'push-sum+int8'])(
    '%s: who leaves is told all that it missed behind a link that was silent',
    async (rule) => {
      for (let toMs = 600; toMs < 1_000; toMs += 50) {
        const silent = { kind: 'partition', symmetric: false, silent: true, from: [3], to: [7] } as const;
        const faults: Fault[] = [
          { ...silent, fromMs: 100, toMs },
          { kind: 'leave', peer: 7, atMs: toMs + 1 },
        ];
        expectMean((await averages(faults, 1, 400, rule)).slice(0, 7));
      }
    },
  );

  test.each([
    { loss: 0, atMs: 95 },
    { loss: 0, atMs: 100 },
    { loss: 0, atMs: 101 },
    { loss: 0.3, atMs: 100 },
    { loss: 0.3, atMs: 100, seed: 3 },
    { loss: 0.3, atMs: 100, seed: 5 },
  ])(
    'who leaves hands over its mass, and what it is given meanwhile: %o',
    async ({ loss, atMs, seed = 1 }) => {
      const faults: Fault[] = [{ kind: 'leave', peer: 7, atMs }];
      if (loss > 0) faults.push({ kind: 'loss', probability: loss, fromMs: 0 });
      expectMean((await averages(faults, seed, 250)).slice(0, 7));
    },
  );
});
