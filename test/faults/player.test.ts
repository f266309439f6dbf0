import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault, FaultSchedule } from '../../src/faults/fault.ts';
import { createFaultPlayer, type Deed, type Fate, type FaultPlayer } from '../../src/faults/player.ts';

const schedule = (...faults: Fault[]): FaultSchedule => ({ seed: 7, faults });
const play = (...faults: Fault[]): FaultPlayer => createFaultPlayer(schedule(...faults));
const fates = (player: FaultPlayer, count: number, nowMs = 0, from = 0, to = 1): Fate[] =>
  Array.from({ length: count }, () => player.fate(from, to, nowMs));
const lost = (all: readonly Fate[]): number => all.filter(({ kind }) => kind === 'lost').length;
const copiesOf = (fate: Fate) => (fate.kind === 'lost' ? [] : fate.copies);
const take = (player: FaultPlayer, count: number): Deed[] => {
  const taken: Deed[] = [];
  for (const deed of player.deeds) if (taken.push(deed) >= count) break;
  return taken;
};
const CLEAN = { kind: 'delivered', copies: [{ extraDelayMs: 0, corrupted: false, reordered: false }] };

describe('what becomes of a message', () => {
  test('without faults, or outside of their span and arcs, it arrives once, untouched', () => {
    expect(play().fate(0, 1, 5)).toEqual(CLEAN);
    const player = play({ kind: 'loss', probability: 1, fromMs: 10, toMs: 20, from: [0], to: [1] });
    expect([player.fate(0, 1, 9.9), player.fate(0, 1, 20), player.fate(1, 0, 15)]).toEqual([
      CLEAN,
      CLEAN,
      CLEAN,
    ]);
    expect(player.fate(0, 1, 10)).toEqual({ kind: 'lost', reason: 'loss' });
  });

  test('it depends on seed, fault, arc and number alone: not on other arcs, nor on what other faults draw', () => {
    const loss: Fault = { kind: 'loss', probability: 0.5, fromMs: 0 };
    const alone = fates(play(loss), 200);
    const busy = play(loss, { kind: 'corrupt', probability: 0.3, fromMs: 0 });
    const among = Array.from({ length: 200 }, (_, index) => {
      for (let other = 2; other < 2 + (index % 5); other++) busy.fate(0, other, 0);
      return busy.fate(0, 1, 0);
    });
    expect(among.map(({ kind }) => kind)).toEqual(alone.map(({ kind }) => kind));
    expect(fates(play(loss), 200, 0, 1, 0)).not.toEqual(alone);
    expect(fates(createFaultPlayer({ ...schedule(loss), seed: 8 }), 200)).not.toEqual(alone);
  });

  test('a message counts in its arc whether or not a fault was in force when it was sent', () => {
    const always = fates(play({ kind: 'loss', probability: 0.5, fromMs: 0 }), 100);
    const late = play({ kind: 'loss', probability: 0.5, fromMs: 50 });
    fates(late, 40, 0);
    expect(fates(late, 60, 50)).toEqual(always.slice(40));
  });

  test('a stream keeps the draws of a fault when others are taken from the schedule', () => {
    const kept: Fault = { kind: 'loss', probability: 0.5, fromMs: 0, stream: 1 };
    const first: Fault = { kind: 'duplicate', probability: 0, fromMs: 0 };
    expect(fates(play(kept), 100).map(({ kind }) => kind)).toEqual(
      fates(play(first, { ...kept }), 100).map(({ kind }) => kind),
    );
  });

  test('a sender that is started again counts from 0, and meets other fates than in its life before', () => {
    const player = play({ kind: 'loss', probability: 0.5, fromMs: 0 });
    const before = fates(player, 100);
    player.restarted(0);
    const after = fates(player, 100);
    expect(after).not.toEqual(before);
    const process = createFaultPlayer(
      schedule({ kind: 'loss', probability: 0.5, fromMs: 0 }),
      [],
      new Map([[0, 1]]),
    );
    expect(fates(process, 100)).toEqual(after);
  });

  test('losses, copies and turned bits come as often as their probability says', () => {
    const share = (count: number) => count / 20_000;
    expect(share(lost(fates(play({ kind: 'loss', probability: 0.1, fromMs: 0 }), 20_000)))).toBeCloseTo(
      0.1,
      2,
    );
    const twice = fates(play({ kind: 'duplicate', probability: 0.25, fromMs: 0 }), 20_000);
    expect(share(twice.filter((fate) => copiesOf(fate).length === 2).length)).toBeCloseTo(0.25, 1);
    const turned = fates(play({ kind: 'corrupt', probability: 0.05, fromMs: 0 }), 20_000);
    expect(share(turned.filter((fate) => copiesOf(fate)[0]?.corrupted).length)).toBeCloseTo(0.05, 2);
  });

  test('a delay is extra plus jitter in order; what is reordered leaves the order and waits up to byMs', () => {
    const [late] = copiesOf(play({ kind: 'delay', extraMs: 40, jitterMs: 20, fromMs: 0 }).fate(0, 1, 0));
    expect(late?.extraDelayMs).toBeGreaterThanOrEqual(40);
    expect(late?.extraDelayMs).toBeLessThan(60);
    expect(late?.reordered).toBe(false);
    const held = fates(play({ kind: 'reorder', probability: 0.5, byMs: 30, fromMs: 0 }), 400).flatMap(
      copiesOf,
    );
    const out = held.filter(({ reordered }) => reordered);
    expect(out.length).toBeGreaterThan(150);
    expect(out.every(({ extraDelayMs }) => extraDelayMs >= 0 && extraDelayMs < 30)).toBe(true);
    expect(held.filter(({ reordered }) => !reordered).every(({ extraDelayMs }) => extraDelayMs === 0)).toBe(
      true,
    );
  });

  test('a partition stops one way where it is silent and one-sided, both ways where it is told or symmetric', () => {
    const cut = { kind: 'partition', from: [0], to: [1, 2], fromMs: 10, toMs: 20 } as const;
    const passes = (symmetric: boolean, silent: boolean) => {
      const player = play({ ...cut, symmetric, silent });
      return [player.fate(0, 1, 15).kind, player.fate(1, 0, 15).kind, player.fate(1, 2, 15).kind];
    };
    expect(passes(false, true)).toEqual(['lost', 'delivered', 'delivered']);
    expect(passes(true, true)).toEqual(['lost', 'lost', 'delivered']);
    expect(passes(false, false)).toEqual(['lost', 'lost', 'delivered']);
    expect(play({ ...cut, symmetric: false, silent: true }).fate(0, 1, 20)).toEqual(CLEAN);
  });

  test('capacity and training time are multiplied by all that is in force', () => {
    const player = play(
      { kind: 'bandwidth', factor: 0.5, fromMs: 0, from: [0] },
      { kind: 'bandwidth', factor: 0.1, fromMs: 10, toMs: 20 },
      { kind: 'slow', peer: 2, factor: 3, fromMs: 5, toMs: 6 },
    );
    expect([5, 15, 25].map((at) => player.bandwidthFactor(0, 1, at))).toEqual([0.5, 0.05, 0.5]);
    expect(player.bandwidthFactor(1, 0, 5)).toBe(1);
    expect([4, 5, 6].map((at) => player.slowness(2, at))).toEqual([1, 3, 1]);
  });
});

describe('what is done to peers and links', () => {
  test('deeds come in the order of their instants; a late peer starts when it joins', () => {
    const player = play(
      { kind: 'leave', peer: 4, atMs: 90 },
      { kind: 'crash', peer: 1, atMs: 20, restartMs: 50 },
      { kind: 'pause', peer: 2, fromMs: 30, toMs: 40 },
      { kind: 'join', peer: 3, atMs: 70 },
    );
    expect(take(player, 9)).toEqual([
      { kind: 'crash', peer: 1, atMs: 20 },
      { kind: 'pause', peer: 2, atMs: 30 },
      { kind: 'resume', peer: 2, atMs: 40 },
      { kind: 'start', peer: 1, atMs: 50 },
      { kind: 'leave', peer: 4, atMs: 90 },
    ]);
    expect([player.startMs(3), player.startMs(1)]).toEqual([70, 0]);
  });

  test('a partition that is told cuts the links it breaks, once each, and overlapping ones heal together', () => {
    const arcs = [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 3],
    ] as const;
    const parts: Fault[] = [
      { kind: 'partition', from: [0], to: [1], symmetric: false, silent: false, fromMs: 10, toMs: 30 },
      { kind: 'partition', from: [2], to: [1], symmetric: true, silent: false, fromMs: 20 },
      { kind: 'partition', from: [1], to: [0], symmetric: false, silent: false, fromMs: 25, toMs: 45 },
      { kind: 'partition', from: [2], to: [3], symmetric: true, silent: true, fromMs: 0 },
    ];
    expect(take(createFaultPlayer(schedule(...parts), arcs), 9)).toEqual([
      { kind: 'cut', between: [0, 1], atMs: 10 },
      { kind: 'cut', between: [1, 2], atMs: 20 },
      { kind: 'heal', between: [0, 1], atMs: 45 },
    ]);
  });

  test('endless availability is merged with fixed deeds without being drawn to its end', () => {
    const player = play(
      {
        kind: 'availability',
        peers: [0, 1, 2],
        share: 0.5,
        memory: 0.2,
        correlation: 0,
        slotMs: 10,
        off: 'crash',
        fromMs: 0,
      },
      { kind: 'pause', peer: 5, fromMs: 105, toMs: 115 },
    );
    const deeds = take(player, 200);
    expect(deeds.length).toBe(200);
    expect(deeds.map(({ atMs }) => atMs)).toEqual(deeds.map(({ atMs }) => atMs).sort((a, b) => a - b));
    expect(deeds.filter(({ kind }) => kind === 'pause')).toEqual([{ kind: 'pause', peer: 5, atMs: 105 }]);
    const own = deeds.filter((deed) => 'peer' in deed && deed.peer === 1).map(({ kind }) => kind);
    expect(own.every((kind, index) => kind === (index % 2 === 0 ? 'crash' : 'start'))).toBe(true);
  });
});

describe("a peer's own clock", () => {
  test('shows offset and rate in the span, keeps what the rate added, and stands rather than go back', () => {
    const player = play({ kind: 'clock', peer: 1, fromMs: 100, toMs: 200, offsetMs: -50, rate: 2 });
    expect([0, 99, 100, 125, 150, 151, 199].map((at) => player.clockMs(1, at))).toEqual([
      0, 99, 100, 100, 150, 152, 248,
    ]);
    // At 200 the offset goes: 200 + 100 of drift.
    expect([200, 210].map((at) => player.clockMs(1, at))).toEqual([300, 310]);
    expect(player.clockMs(0, 123)).toBe(123);
  });

  test('a delay on it lasts until it shows so much more, and for ever where it never does', () => {
    const player = play({ kind: 'clock', peer: 1, fromMs: 100, toMs: 200, offsetMs: 0, rate: 0.5 });
    expect([player.trueDelayMs(1, 0, 50), player.trueDelayMs(1, 90, 20)]).toEqual([50, 30]);
    expect(player.trueDelayMs(1, 100, 60)).toBe(110);
    expect(player.trueDelayMs(2, 100, 60)).toBe(60);
  });

  test('never goes back, and after the true delay it shows what was asked for', () => {
    const span = fc.record({
      gap: fc.integer({ min: 0, max: 100 }),
      length: fc.integer({ min: 1, max: 100 }),
      offsetMs: fc.integer({ min: -200, max: 200 }),
      rate: fc.constantFrom(0.1, 0.5, 1, 2),
    });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 4 }), fc.nat(300), fc.nat(100), (spans, nowMs, delayMs) => {
        let edge = 0;
        const faults = spans.map(({ gap, length, offsetMs, rate }): Fault => {
          const fromMs = edge + gap;
          edge = fromMs + length;
          return { kind: 'clock', peer: 0, fromMs, toMs: edge, offsetMs, rate };
        });
        const player = play(...faults);
        let before = 0;
        for (let at = 0; at <= 600; at += 7) {
          const shown = player.clockMs(0, at);
          expect(shown).toBeGreaterThanOrEqual(before - 1e-9);
          before = shown;
        }
        const later = nowMs + player.trueDelayMs(0, nowMs, delayMs);
        expect(player.clockMs(0, later)).toBeGreaterThanOrEqual(player.clockMs(0, nowMs) + delayMs - 1e-6);
      }),
      { numRuns: 200 },
    );
  });
});
