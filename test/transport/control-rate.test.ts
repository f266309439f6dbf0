import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { ControlRateLimit } from '../../src/transport/control-rate.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { type Peer, startAll } from './harness.ts';
import { makePeer, membersOf } from './libp2p-peers.ts';

const rates = fc.record({
  perSecond: fc.integer({ min: 1, max: 50 }),
  burst: fc.integer({ min: 1, max: 50 }),
});

test('in no stretch of time are more admitted than the burst and what the rate gives in it', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 120 });
  fc.assert(
    fc.property(rates, gaps, (rate, gapsMs) => {
      const limit = new ControlRateLimit(rate);
      let nowMs = 0;
      const admitted: number[] = [];
      for (const gapMs of gapsMs) {
        nowMs += gapMs;
        if (limit.admits(3, nowMs)) admitted.push(nowMs);
      }
      for (const [first, startMs] of admitted.entries()) {
        for (const [last, endMs] of admitted.entries()) {
          if (last < first) continue;
          const most = rate.burst + ((endMs - startMs) / 1000) * rate.perSecond;
          expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
        }
      }
    }),
  );
});

test('who stays a little below the rate is always heard, whatever another member sends', () => {
  fc.assert(
    fc.property(rates, fc.array(fc.nat(30), { maxLength: 60 }), (rate, floods) => {
      const limit = new ControlRateLimit(rate);
      for (const [turn, flood] of floods.entries()) {
        const nowMs = turn * (Math.ceil(1000 / rate.perSecond) + 1);
        for (let message = 0; message < flood; message++) limit.admits(1, nowMs);
        expect(limit.admits(2, nowMs)).toBe(true);
      }
    }),
  );
});

let running: readonly Transport[] = [];
afterEach(async () => {
  await Promise.all(running.map((transport) => transport.stop()));
});

test('over libp2p a flood of control messages is cut at the burst, counted against its sender, and not passed on', async () => {
  const edges = [
    [0, 1],
    [1, 2],
  ] as const;
  const members = await membersOf(3);
  // No token comes back within the test.
  const controlRate = { perSecond: 1e-6, burst: 5 };
  running = members.map((_, self) => makePeer(self, members, edges, { controlRate }));
  const [flooder, middle, far] = (await startAll(running, edges)) as [Peer, Peer, Peer];
  for (let count = 0; count < 30; count++) flooder.transport.publish(Uint8Array.of(count));
  await Promise.all([
    middle.witness.until('refused', () => true, 25),
    middle.witness.until('control', () => true, 5),
  ]);
  const told = middle.witness.told.filter(({ kind }) => kind === 'refused' || kind === 'control');
  expect(told.filter(({ kind }) => kind === 'control')).toHaveLength(5);
  expect(told.every(({ peer }) => peer === 0)).toBe(true);
  expect(told.flatMap((one) => (one.kind === 'refused' ? [one.reason] : []))).toEqual(
    new Array(25).fill('control-rate'),
  );
  expect(far.witness.count('control')).toBeLessThanOrEqual(5);
});
