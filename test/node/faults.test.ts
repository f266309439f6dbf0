import { expect, test } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import type { Fault } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { RunTime } from '../../src/faults/run-time.ts';
import { skewedClock } from '../../src/faults/skewed-clock.ts';
import { vectorDigest } from '../../src/params/layout.ts';
import { slowTrainer } from '../../src/train/slow-trainer.ts';
import { faultyTransport } from '../../src/transport/faulty.ts';
import { momentumTrainer, virtualPlan } from '../peer/virtual.ts';
import { testSwarm } from './nodes.ts';

const ROUNDS = 12;
const patient = { factor: 1.5, floorMs: 600_000, ceilingMs: 600_000, downGraceMs: 60_000 };
const hasty = { factor: 1.5, floorMs: 20, ceilingMs: 40, downGraceMs: 10 };

/** Runs all nodes to their end; what they end with, and what they counted. */
async function run(faults: readonly Fault[], deadline = patient) {
  const plan = virtualPlan({ rounds: ROUNDS, deadline, gatherMs: 60_000 });
  const counts: Record<string, number> = {};
  const swarm = await testSwarm({
    plan,
    transport: (self, inner) =>
      faultyTransport(
        inner,
        {
          self,
          neighbours: plan.overlay.nodes.map((_, peer) => peer).filter((peer) => peer !== self),
          schedule: { seed: 2, faults },
          lives: 0,
          time: new RunTime(realClock),
          onFault: (fault) => {
            counts[fault] = (counts[fault] ?? 0) + 1;
          },
        },
        { clock: realClock },
      ),
  });
  await swarm.start();
  const outcomes = await Promise.all(swarm.peers.map(({ node }) => node.finished));
  await swarm.close();
  const totals = swarm.peers.map(({ recorder }) => recorder.totals);
  return { outcomes, digests: outcomes.map(({ params }) => vectorDigest(params)), counts, totals };
}

test('copies, overtaking and delays change no bit of what synchronous nodes compute', async () => {
  const clean = await run([]);
  const hit = await run([
    { kind: 'duplicate', probability: 0.5, fromMs: 0 },
    { kind: 'reorder', probability: 0.5, byMs: 8, fromMs: 0 },
    { kind: 'delay', extraMs: 1, jitterMs: 3, fromMs: 0 },
  ]);
  expect(hit.counts).toMatchObject({ duplicate: expect.any(Number), reorder: expect.any(Number) });
  expect(hit.digests).toEqual(clean.digests);
  const refused = hit.totals.reduce((sum, { refusals }) => sum + (refusals.duplicate ?? 0), 0);
  expect(refused).toBeGreaterThan(0);
  for (const { exclusions } of hit.totals) expect(exclusions).toEqual({});
});

test('nodes whose messages are lost, turned, parted and held back all do their rounds, and count what they refuse', async () => {
  const hit = await run(
    [
      { kind: 'loss', probability: 0.2, fromMs: 0 },
      { kind: 'corrupt', probability: 0.2, fromMs: 0 },
      {
        kind: 'partition',
        from: [0],
        to: [1, 2, 3, 4],
        symmetric: false,
        silent: false,
        fromMs: 30,
        toMs: 90,
      },
      { kind: 'partition', from: [1], to: [2], symmetric: true, silent: true, fromMs: 0, toMs: 60 },
      { kind: 'bandwidth', factor: 0.01, fromMs: 0 },
    ],
    hasty,
  );
  expect(hit.outcomes.map(({ round }) => round)).toEqual(hit.outcomes.map(() => ROUNDS));
  const turned = hit.totals.reduce((sum, { refusals }) => sum + (refusals['head-invalid'] ?? 0), 0);
  expect(turned).toBeGreaterThan(0);
  expect(hit.counts).toMatchObject({ loss: expect.any(Number), corrupt: expect.any(Number) });
});

test('a slowed Trainer computes the same and takes its factor longer by the clock it is given', async () => {
  let nowMs = 0;
  const waits: number[] = [];
  const clock = {
    now: () => nowMs,
    calendar: () => undefined,
    after: (delayMs: number, action: () => void) => {
      waits.push(delayMs);
      action();
      return { cancel: () => undefined };
    },
  };
  const trainer = momentumTrainer(0);
  const slowed = slowTrainer(
    {
      ...trainer,
      train: (params, steps, key) => {
        nowMs += 10;
        return trainer.train(params, steps, key);
      },
    },
    () => 3,
    clock,
  );
  const params = await trainer.initialParams();
  const result = await slowed.train(params, 2, { firstStep: 0 });
  expect(waits).toEqual([20]);
  await trainer.restore(new Uint8Array(0));
  expect(result).toEqual(await trainer.train(params, 2, { firstStep: 0 }));
});

test('a skewed clock is right until the run begins, and its timers follow it from then on', () => {
  let nowMs = 5_000;
  const waits: number[] = [];
  const inner = {
    now: () => nowMs,
    calendar: () => 'today',
    after: (delayMs: number) => {
      waits.push(delayMs);
      return { cancel: () => undefined };
    },
  };
  const time = new RunTime(inner);
  const player = createFaultPlayer({
    seed: 1,
    faults: [{ kind: 'clock', peer: 0, fromMs: 0, offsetMs: 100, rate: 2 }],
  });
  const clock = skewedClock(inner, player, 0, time);
  clock.after(40, () => undefined);
  expect(clock.now()).toBe(5_000);
  time.begin();
  nowMs += 50;
  expect(clock.now()).toBe(5_200);
  clock.after(40, () => undefined);
  expect(waits).toEqual([40, 20]);
  expect(clock.calendar()).toBe('today');
});
