/** Deadlines that adapt to each neighbour: who is awaited, until when, who is left out and taken back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arrive,
  awaited,
  createBarrier,
  look,
  neighbourDown,
  neighbourLeft,
  neighbourReturning,
  neighbourUp,
  openRound,
  waitsOn,
} from '../../src/exchange/barrier.ts';
import type { Barrier } from '../../src/exchange/barrier-state.ts';
import { allowanceMs } from '../../src/exchange/lags.ts';
import type { DeadlineOptions } from '../../src/exchange/rule.ts';

const deadline: DeadlineOptions = { factor: 1.5, floorMs: 100, ceilingMs: 2000, downGraceMs: 50 };
const vector = Float32Array.of(1);

function barrierOf(
  peers: number[],
  { aheadMax = 1, silence = true, firstRound = 0, staleness = 0, backups = 0, periodMs = 0 } = {},
): Barrier {
  const barrier = createBarrier(
    {
      self: 0,
      seed: 1,
      outNeighbours: peers,
      inNeighbours: peers,
      aheadMax: new Map(peers.map((peer) => [peer, aheadMax])),
      mixingRow: new Map(),
      options: { periodMs },
      deadline,
      linkLossMeansSilence: silence,
      peerCount: 8,
      rounds: 100,
      trains: true,
    },
    firstRound,
    { staleness, backups },
  );
  for (const peer of peers) neighbourUp(barrier, peer, firstRound, 0);
  return barrier;
}

/** Rounds that last until everybody awaited is here or left out; `lagOf` undefined means that no message comes. */
function play(barrier: Barrier, rounds: number, lagOf: (peer: number, round: number) => number | undefined) {
  let now = 0;
  const history: { round: number; durationMs: number; excluded: number[] }[] = [];
  const late: { peer: number; round: number; atMs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    openRound(barrier, round, now);
    const startMs = now;
    for (const peer of barrier.neighbours.keys()) {
      const lag = lagOf(peer, round);
      if (lag !== undefined) late.push({ peer, round, atMs: startMs + lag });
    }
    for (;;) {
      const wait = look(barrier, now);
      if (wait.wakeAtMs === undefined) {
        history.push({ round, durationMs: now - startMs, excluded: wait.excluded.map(({ peer }) => peer) });
        break;
      }
      late.sort((a, b) => a.atMs - b.atMs);
      const next = late[0];
      if (next !== undefined && next.atMs <= wait.wakeAtMs) {
        late.shift();
        now = Math.max(now, next.atMs);
        arrive(barrier, next.peer, next.round, vector, now);
      } else now = wait.wakeAtMs;
    }
  }
  return history;
}

describe('allowanceMs', () => {
  test('is the ceiling until three lags are known, then 1.5 times their lower median, clamped', () => {
    expect(allowanceMs(deadline, [])).toBe(2000);
    expect(allowanceMs(deadline, [200, 200])).toBe(2000);
    expect(allowanceMs(deadline, [300, 200, 400])).toBe(450);
    expect(allowanceMs(deadline, [400, 200, 300, 1000])).toBe(450);
    expect(allowanceMs(deadline, [1, 2, 3])).toBe(100);
    expect(allowanceMs(deadline, [9000, 9000, 9000])).toBe(2000);
  });
});

describe('barrier', () => {
  test('a neighbour that is steadily three times slower takes part in every round', () => {
    const history = play(barrierOf([1, 2]), 30, (peer) => (peer === 1 ? 900 : 300));
    expect(history.flatMap(({ excluded }) => excluded)).toEqual([]);
  });

  test('a dead neighbour costs one deadline', () => {
    const history = play(barrierOf([1, 2]), 30, (peer, round) =>
      peer === 1 && round >= 10 ? undefined : 40,
    );
    expect(history.filter(({ durationMs }) => durationMs > 40).map(({ round }) => round)).toEqual([10]);
    expect(history[10]!.durationMs).toBe(100);
    expect(history.at(-1)!.excluded).toEqual([1]);
  });

  test('a neighbour never heard of is absent and costs nothing', () => {
    const barrier = barrierOf([1]);
    barrier.neighbours.get(1)!.awaitedFrom = undefined;
    openRound(barrier, 0, 0);
    expect(look(barrier, 1000).excluded).toEqual([{ peer: 1, reason: 'absent' }]);
  });

  test('a broken link is waited for during the grace, then its neighbour is left out as down', () => {
    const barrier = barrierOf([1]);
    openRound(barrier, 0, 0);
    neighbourDown(barrier, 1, 10);
    expect(look(barrier, 59)).toMatchObject({ waitingFor: [1], wakeAtMs: 60 });
    expect(look(barrier, 60).excluded).toEqual([{ peer: 1, reason: 'down' }]);
  });

  test('a flap within the grace costs nothing', () => {
    const barrier = barrierOf([1]);
    openRound(barrier, 0, 0);
    neighbourDown(barrier, 1, 10);
    neighbourUp(barrier, 1, 0, 40);
    expect(look(barrier, 1999)).toMatchObject({ waitingFor: [1], excluded: [] });
    expect(look(barrier, 2000).excluded).toEqual([{ peer: 1, reason: 'deadline' }]);
  });

  test('where messages come around a broken link, the link says nothing', () => {
    const barrier = barrierOf([1], { silence: false });
    openRound(barrier, 0, 0);
    neighbourDown(barrier, 1, 10);
    expect(look(barrier, 1999)).toMatchObject({ waitingFor: [1], excluded: [] });
  });

  test('a message one round late is stale, counts as a lag, and its sender is awaited again', () => {
    const barrier = barrierOf([1, 2]);
    openRound(barrier, 0, 0);
    look(barrier, 2000);
    openRound(barrier, 1, 2000);
    expect(awaited(barrier)).toEqual([1, 2]); // alone: both are shown
    expect(arrive(barrier, 1, 0, vector, 2100)).toBe('stale');
    expect(awaited(barrier)).toEqual([1]);
    expect(barrier.neighbours.get(1)!.lagsMs).toEqual([2100]);
  });

  test('a message too late to catch up from does not bring its sender back, except where it cannot know', () => {
    for (const [aheadMax, back] of [
      [1, []],
      [2, [1]],
    ] as const) {
      const barrier = barrierOf([1, 2], { aheadMax });
      openRound(barrier, 0, 0);
      look(barrier, 2000);
      openRound(barrier, 1, 2000);
      openRound(barrier, 2, 2100);
      neighbourReturning(barrier, 2, 3, 2100);
      arrive(barrier, 1, 0, vector, 2150);
      expect(awaited(barrier)).toEqual(back);
    }
  });

  test('a deadline noticed more than a second late starts again, once a round', () => {
    const barrier = barrierOf([1, 2]);
    openRound(barrier, 0, 0);
    expect(look(barrier, 60_000)).toMatchObject({ waitingFor: [1, 2], excluded: [] });
    expect(look(barrier, 61_999)).toMatchObject({ waitingFor: [1, 2], excluded: [], wakeAtMs: 62_000 });
    expect(look(barrier, 90_000).excluded.map(({ peer }) => peer)).toEqual([1, 2]);
  });

  test('messages from the far future are announced as such and only the latest of them is kept', () => {
    const barrier = barrierOf([1]);
    openRound(barrier, 0, 0);
    expect(arrive(barrier, 1, 1, vector, 1)).toBe('taken');
    for (let round = 2; round < 100; round++) expect(arrive(barrier, 1, round, vector, 2)).toBe('future');
    expect([...barrier.neighbours.get(1)!.inbox.keys()]).toEqual([1, 99]);
  });

  test('a second message for one round is a duplicate and changes nothing', () => {
    const barrier = barrierOf([1]);
    openRound(barrier, 0, 0);
    arrive(barrier, 1, 0, vector, 1);
    expect(arrive(barrier, 1, 0, Float32Array.of(9), 2)).toBe('duplicate');
    expect(look(barrier, 3).arrived).toEqual([{ peer: 1, vector }]);
  });

  test('messages for the first round may come before it begins', () => {
    const barrier = barrierOf([1], { firstRound: 8 });
    expect(arrive(barrier, 1, 8, vector, 1)).toBe('taken');
    openRound(barrier, 8, 5);
    expect(look(barrier, 5).arrived.length).toBe(1);
  });

  test('a neighbour that returns in a later round is left out as ahead until then', () => {
    const barrier = barrierOf([1]);
    openRound(barrier, 0, 0);
    neighbourReturning(barrier, 1, 2, 5);
    expect(look(barrier, 6)).toMatchObject({ excluded: [{ peer: 1, reason: 'ahead' }], wakeAtMs: undefined });
    openRound(barrier, 1, 7);
    openRound(barrier, 2, 8);
    expect(look(barrier, 8).waitingFor).toEqual([1]);
  });

  test('a peer that is alone keeps the pace at which it last heard the others', () => {
    const barrier = barrierOf([1, 2]);
    const history = play(barrier, 20, (peer, round) => (round < 10 ? 200 * peer : undefined));
    expect(history.slice(11).map(({ durationMs }) => durationMs)).toEqual(Array(9).fill(600));
  });

  test('a neighbour that said goodbye holds nobody back: alone without any other, a peer goes its own pace', () => {
    const barrier = barrierOf([1, 2]);
    openRound(barrier, 0, 0);
    neighbourLeft(barrier, 1);
    expect(look(barrier, 2000).excluded).toEqual([
      { peer: 1, reason: 'left' },
      { peer: 2, reason: 'deadline' },
    ]);
    openRound(barrier, 1, 2000);
    expect(awaited(barrier)).toEqual([2]); // it may be back
    expect(look(barrier, 2000).wakeAtMs).toBe(2000 + deadline.floorMs);
    neighbourLeft(barrier, 2);
    expect(awaited(barrier)).toEqual([]);
    expect(look(barrier, 2000).wakeAtMs).toBeUndefined();
    neighbourReturning(barrier, 2, 1, 2000);
    expect(look(barrier, 2000).waitingFor).toEqual([2]);
  });
});

test('a neighbour that asks to return again and again, and never sends, is left out after twice the ceiling', () => {
  const barrier = barrierOf([1]);
  openRound(barrier, 0, 0);
  let now = 0;
  let wait = look(barrier, now);
  while (wait.wakeAtMs !== undefined && now < 100_000) {
    now = Math.min(now + 500, wait.wakeAtMs);
    neighbourReturning(barrier, 1, 0, now);
    wait = look(barrier, now);
  }
  expect(wait.excluded).toEqual([{ peer: 1, reason: 'deadline' }]);
  expect(now).toBe(2 * deadline.ceilingMs);
});

describe('waiting for less', () => {
  const here = (barrier: Barrier, now: number) => look(barrier, now).arrived.map(({ peer }) => peer);

  test('with backups the fastest but so many are enough; the others are late, and awaited again in the next round', () => {
    const barrier = barrierOf([1, 2, 3], { backups: 1 });
    openRound(barrier, 0, 0);
    arrive(barrier, 1, 0, vector, 5);
    expect(look(barrier, 5)).toMatchObject({ waitingFor: [2, 3], excluded: [] });
    arrive(barrier, 3, 0, vector, 6);
    expect(look(barrier, 6)).toMatchObject({
      waitingFor: [],
      excluded: [{ peer: 2, reason: 'late' }],
      wakeAtMs: undefined,
    });
    openRound(barrier, 1, 6);
    expect(arrive(barrier, 2, 0, vector, 7)).toBe('stale');
    expect(awaited(barrier)).toEqual([1, 2, 3]);
  });

  test('backups do not shorten the wait for those that are needed: dead neighbours are among the backups', () => {
    const barrier = barrierOf([1, 2, 3], { backups: 1 });
    openRound(barrier, 0, 0);
    arrive(barrier, 1, 0, vector, 5);
    neighbourDown(barrier, 2, 5);
    expect(look(barrier, 56)).toMatchObject({ waitingFor: [3], excluded: [{ peer: 2, reason: 'down' }] });
  });

  test('with staleness the newest message of the last rounds stands in, and no older one', () => {
    const barrier = barrierOf([1, 2], { staleness: 2 });
    const fresh = Float32Array.of(2);
    openRound(barrier, 0, 0);
    for (const peer of [1, 2]) arrive(barrier, peer, 0, vector, 1);
    openRound(barrier, 1, 1);
    arrive(barrier, 1, 1, fresh, 2);
    expect(look(barrier, 2).arrived).toEqual([
      { peer: 1, vector: fresh },
      { peer: 2, vector },
    ]);
    openRound(barrier, 2, 2);
    expect(here(barrier, 2)).toEqual([1, 2]);
    expect(look(barrier, 2).arrived[0]).toEqual({ peer: 1, vector: fresh });
    openRound(barrier, 3, 3);
    expect(here(barrier, 3)).toEqual([1]);
    expect(awaited(barrier)).toEqual([2]);
    // A late one that is not too old ends the wait.
    expect(arrive(barrier, 2, 0, vector, 4)).toBe('stale');
    expect(arrive(barrier, 2, 1, vector, 4)).toBe('taken');
    expect(here(barrier, 4)).toEqual([1, 2]);
  });

  test('in the first round there is nothing older to stand in', () => {
    const barrier = barrierOf([1], { staleness: 3 });
    openRound(barrier, 0, 0);
    expect(look(barrier, 0).waitingFor).toEqual([1]);
  });

  test('neighbours may be further ahead by as much as staleness lets them, and no more is kept', () => {
    const barrier = barrierOf([1], { staleness: 2, aheadMax: 2 });
    openRound(barrier, 0, 0);
    expect(arrive(barrier, 1, 6, vector, 1)).toBe('taken');
    expect(arrive(barrier, 1, 7, vector, 1)).toBe('future');
  });
});

describe('who is late is asked again', () => {
  /** Three rounds in which neighbour 1 is 20 ms late and 2 is there at once; then round 3 begins at 100. */
  const usual = () => {
    const barrier = barrierOf([1, 2]);
    for (let round = 0; round < 3; round++) {
      openRound(barrier, round, 0);
      arrive(barrier, 1, round, vector, 20);
      arrive(barrier, 2, round, vector, 0);
    }
    openRound(barrier, 3, 100);
    arrive(barrier, 2, 3, vector, 100);
    return barrier;
  };
  /** When it is asked, by looking whenever the barrier wants to be looked at, until it is left out. */
  const asksOf = (barrier: Barrier, fromMs: number) => {
    const asks: number[] = [];
    for (let now: number | undefined = fromMs; now !== undefined; ) {
      const wait = look(barrier, now);
      expect(wait.ask.every((peer) => wait.waitingFor.includes(peer))).toBe(true);
      if (wait.ask.length > 0) asks.push(now);
      now = wait.wakeAtMs;
    }
    return asks;
  };

  test('at 1/8, 1/4, 1/2 and 3/4 of the time from when it is usually here to its deadline', () => {
    expect(asksOf(usual(), 100)).toEqual([130, 140, 160, 180]);
  });

  test('counted from when this peer began to wait, if that is later', () => {
    expect(asksOf(usual(), 160)).toEqual([165, 170, 180, 190]);
  });

  test('at once where a message of the next round says that this one was lost, and not again for that', () => {
    const barrier = usual();
    expect(look(barrier, 101).ask).toEqual([]);
    arrive(barrier, 1, 4, vector, 102);
    expect(waitsOn(barrier, 130, 102)).toBe(false);
    expect(look(barrier, 102).ask).toEqual([1]);
    arrive(barrier, 1, 4, vector, 103);
    expect(asksOf(barrier, 103)).toEqual([140, 160, 180]);
  });

  test('once for all the times that have passed meanwhile', () => {
    const barrier = usual();
    expect(look(barrier, 101).ask).toEqual([]);
    expect(look(barrier, 170).ask).toEqual([1]);
    expect(asksOf(barrier, 170)).toEqual([180]);
  });

  test('not while its link is down, not where enough others are here, and anew in the next round', () => {
    const barrier = usual();
    neighbourDown(barrier, 1, 100);
    expect(asksOf(barrier, 100)).toEqual([]);
    const backed = barrierOf([1, 2], { backups: 1 });
    openRound(backed, 0, 0);
    arrive(backed, 2, 0, vector, 1);
    expect(asksOf(backed, 1999)).toEqual([]);
    const twice = usual();
    expect(asksOf(twice, 100)).toHaveLength(4);
    openRound(twice, 4, 500);
    neighbourReturning(twice, 1, 4, 500);
    arrive(twice, 2, 4, vector, 500);
    expect(asksOf(twice, 500)).toHaveLength(4);
  });
});

test('with a period no round is shorter, whoever is here, late or gone; longer ones stay as long', () => {
  const history = play(barrierOf([1, 2], { periodMs: 70 }), 12, (peer, round) => {
    if (peer === 1 && round >= 8) return undefined;
    return round === 5 ? 90 : 10;
  });
  expect(history.map(({ durationMs }) => durationMs)).toEqual([
    70, 70, 70, 70, 70, 90, 70, 70, 100, 70, 70, 70,
  ]);
  expect(history[9]!.excluded).toEqual([1]);
});

test('where a look is spared it would have found too few here, and the same deadline', () => {
  const happening = fc.record({
    what: fc.constantFrom('message', 'message', 'message', 'up', 'down', 'left', 'returning', 'round'),
    peer: fc.integer({ min: 1, max: 5 }),
    ahead: fc.integer({ min: -2, max: 2 }),
    afterMs: fc.integer({ min: 0, max: 400 }),
  });
  const slack = fc.record({
    staleness: fc.integer({ min: 0, max: 2 }),
    backups: fc.integer({ min: 0, max: 2 }),
  });
  let spared = 0;
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), slack, (happenings, options) => {
      const barrier = barrierOf([1, 2, 3, 4, 5], options);
      openRound(barrier, 0, 0);
      let now = 0;
      let wakeAtMs: number | undefined;
      for (const { what, peer, ahead, afterMs } of happenings) {
        now += afterMs;
        const round = Math.max(0, barrier.round + ahead);
        if (what === 'message') arrive(barrier, peer, round, vector, now);
        else if (what === 'up') neighbourUp(barrier, peer, round, now);
        else if (what === 'down') neighbourDown(barrier, peer, now);
        else if (what === 'left') neighbourLeft(barrier, peer);
        else if (what === 'returning') neighbourReturning(barrier, peer, round, now);
        else openRound(barrier, barrier.round + 1, now);
        const isSpared = waitsOn(barrier, wakeAtMs, now);
        const before = wakeAtMs;
        const wait = look(barrier, now);
        wakeAtMs = wait.wakeAtMs;
        if (!isSpared) continue;
        spared += 1;
        expect(wait.wakeAtMs).toBe(before);
        expect(wait.waitingFor.length).toBeGreaterThan(0);
        expect(wait.ask).toEqual([]);
      }
    }),
    { numRuns: 400, seed: 1 },
  );
  expect(spared).toBeGreaterThan(100);
});
