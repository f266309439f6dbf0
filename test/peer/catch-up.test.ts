/** Peers that go away and come back, on virtual time: nobody waits for ever, and whoever returns takes part again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/faults/fault.ts';
import { createFaultPlayer, type FaultPlayer } from '../../src/faults/player.ts';
import { allFinite, squaredDistance } from '../../src/params/kernels.ts';
import { replay } from '../../src/simulate/index.ts';
import { buildOverlay, type Overlay } from '../../src/topology/index.ts';
import { type RecordedResult, simulateRecorded } from '../simulate/recording.ts';
import { momentumTrainer, plainTrainer, virtualLinks, virtualPeers, virtualPlan } from './virtual.ts';

const variants = ['parallel', 'mix-then-adapt', 'adapt-then-mix'];

const excludedIn = ({ notes }: RecordedResult) =>
  notes.flatMap(({ round, excluded }) => excluded.map(({ peer, reason }) => ({ round, peer, reason })));

/** A player serves one simulation. */
const play = (overlay: Overlay, faults: readonly Fault[], seed = 3): FaultPlayer =>
  createFaultPlayer({ seed, faults }, overlay.arcs);

/** Messages from and to the peer vanish, and nobody is told. */
const silence = (overlay: Overlay, peer: number, fromMs: number, toMs?: number): Fault => ({
  kind: 'partition',
  from: [peer],
  to: overlay.nodes.flatMap((_, other) => (other === peer ? [] : [other])),
  symmetric: true,
  silent: true,
  fromMs,
  ...(toMs === undefined ? {} : { toMs }),
});

/** The link is broken, and both ends are told. */
const cut = ([a, b]: readonly [number, number], fromMs: number, toMs: number): Fault => ({
  kind: 'partition',
  from: [a],
  to: [b],
  symmetric: true,
  silent: false,
  fromMs,
  toMs,
});

describe('a peer whose messages are lost for a while', () => {
  test('is left out, fetches state, takes part again and ends with the others', async () => {
    const plan = virtualPlan({ rounds: 120 });
    const faults = play(plan.overlay, [silence(plan.overlay, 2, 200, 1000)]);
    const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, faults });
    for (const { round } of results) expect(round).toBe(120);
    expect(results[2]!.notices.adopted).toBeGreaterThanOrEqual(1);
    for (const neighbour of [1, 3]) {
      const missed = excludedIn(results[neighbour]!).filter(({ peer }) => peer === 2);
      expect(missed[0]!.reason).toBe('deadline');
      const last = missed.at(-1)!.round;
      expect(last).toBeLessThan(115);
    }
    for (const { params } of results) expect(squaredDistance(params, results[0]!.params)).toBeLessThan(0.5);
  });

  test('costs the others one deadline, not one a round', async () => {
    const plan = virtualPlan({ rounds: 60 });
    const results = await simulateRecorded(virtualPeers(plan), {
      ...virtualLinks,
      faults: play(plan.overlay, [silence(plan.overlay, 2, 200)]),
    });
    const { notes } = results[1]!;
    const long = notes.filter(({ beganMs, endedMs }) => endedMs - beganMs > 29);
    expect(long.length).toBeLessThanOrEqual(2);
  });
});

describe('a peer that dies', () => {
  const outage = { kind: 'crash', peer: 1, atMs: 150, restartMs: 420 } as const;

  test.each([0, 5])(
    'restarts from its checkpoint, catches up and ends close to the others (seed %i)',
    async (shift) => {
      const plan = virtualPlan({ rounds: 100 });
      const peers = virtualPeers(plan, momentumTrainer);
      const faults = play(plan.overlay, [{ ...outage, atMs: outage.atMs + shift }]);
      const results = await simulateRecorded(peers, { ...virtualLinks, faults });
      for (const { round, params } of results) {
        expect(round).toBe(100);
        expect(allFinite(params)).toBe(true);
        expect(squaredDistance(params, results[0]!.params)).toBeLessThan(0.5);
      }
      expect(results[1]!.notices.adopted).toBeGreaterThanOrEqual(1);
      const missed = excludedIn(results[0]!).filter(({ peer }) => peer === 1);
      expect(missed[0]!.reason).toBe('down');
      expect(missed.at(-1)!.round).toBeLessThan(95);
    },
  );

  test('its run replays from the logs of both of its lives', async () => {
    const plan = virtualPlan({ rounds: 30 });
    const results = await simulateRecorded(virtualPeers(plan, momentumTrainer), {
      ...virtualLinks,
      faults: play(plan.overlay, [outage, cut([3, 4], 100, 300)]),
    });
    const starts = results[1]!.log.filter(({ event }) => event.kind === 'start');
    expect(starts.length).toBe(2);
    const recorded = virtualPeers(plan, momentumTrainer).map((peer, index) => ({
      ...peer,
      log: results[index]!.log.map((line) => JSON.parse(JSON.stringify(line))),
    }));
    const replayed = await replay(recorded);
    const come = replayed.map(({ round, params }) => ({ round, params }));
    expect(come).toEqual(results.map(({ round, params }) => ({ round, params })));
  });

  test('for good: the others finish without it', async () => {
    const plan = virtualPlan({ rounds: 40 });
    const faults = play(plan.overlay, [{ kind: 'crash', peer: 1, atMs: 150 }]);
    const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, faults });
    expect(results.map(({ round }, peer) => (peer === 1 ? 40 : round))).toEqual([40, 40, 40, 40, 40]);
  });
});

describe('a peer that becomes three times slower', () => {
  test.each(variants)('%s: is left out for a while, then waited for', async (variant) => {
    const plan = virtualPlan({
      options: { variant },
      rounds: 120,
      deadline: { factor: 1.5, floorMs: 10, ceilingMs: 500, downGraceMs: 20 },
    });
    const computeMs = (peer: number, round: number) => (peer === 2 && round >= 20 ? 60 : 20);
    const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, computeMs });
    const missed = excludedIn(results[1]!).filter(({ peer }) => peer === 2);
    expect(missed.length).toBeGreaterThan(0);
    // Its lags after catching up are short again now and then: an exclusion may recur, the rule is that it takes part.
    expect(missed.filter(({ round }) => round >= 90).length).toBeLessThanOrEqual(6);
  });
});

describe('a link that breaks', () => {
  test('and is back within the grace costs no exclusion', async () => {
    const plan = virtualPlan({
      rounds: 40,
      deadline: { factor: 1.5, floorMs: 300, ceilingMs: 900, downGraceMs: 200 },
    });
    const faults = play(plan.overlay, [cut([0, 1], 210, 230)]);
    const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, faults });
    expect(results.flatMap(excludedIn)).toEqual([]);
  });

  test('for longer costs exclusions on both sides for that time only', async () => {
    const plan = virtualPlan({ rounds: 60 });
    const faults = play(plan.overlay, [cut([0, 1], 210, 400)]);
    const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, faults });
    for (const [self, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const missed = excludedIn(results[self]!);
      expect(missed.length).toBeGreaterThan(0);
      expect(missed.length).toBeLessThan(30);
      for (const { peer } of missed) expect(peer).toBe(other);
    }
  });
});

describe('a whole swarm stopped and resumed', () => {
  test.each(variants)(
    '%s: ends bit-equal to one never interrupted, optimiser state included',
    async (variant) => {
      const plan = virtualPlan({ options: { variant }, rounds: 20 });
      const whole = await simulateRecorded(virtualPeers(plan, momentumTrainer), virtualLinks);
      for (const stopMs of [150, 203, 251]) {
        const stopped = await simulateRecorded(virtualPeers(plan, momentumTrainer), {
          ...virtualLinks,
          stopMs,
        });
        const held = stopped.map(({ checkpoints }) => [...checkpoints.keys()]);
        const common = Math.max(
          ...held[0]!.filter((round) => held.every((rounds) => rounds.includes(round))),
        );
        expect(common).toBeGreaterThan(0);
        const resumed = virtualPeers(plan, momentumTrainer).map((peer, index) => ({
          ...peer,
          resumeFrom: stopped[index]!.checkpoints.get(common)!,
        }));
        const results = await simulateRecorded(resumed, {
          ...virtualLinks,
          startMs: (peer) => 90 * ((peer * 3) % 5),
        });
        expect(results.flatMap(excludedIn)).toEqual([]);
        expect(results.map(({ params }) => params)).toEqual(whole.map(({ params }) => params));
      }
    },
  );
});

const overlays = [
  buildOverlay({ kind: 'ring' }, 5),
  buildOverlay({ kind: 'star', hub: 0 }, 5),
  buildOverlay({ kind: 'exponential' }, 6),
  buildOverlay({ kind: 'erdos-renyi', probability: 0.5, seed: 3 }, 6),
];

describe('under any faults', () => {
  const outages = fc.array(
    fc.record({
      peer: fc.nat(4),
      crashMs: fc.integer({ min: 20, max: 500 }),
      awayMs: fc.integer({ min: 5, max: 600 }),
    }),
    { maxLength: 3 },
  );
  const cuts = fc.array(
    fc.record({
      edge: fc.nat(),
      fromMs: fc.integer({ min: 10, max: 500 }),
      lastsMs: fc.integer({ min: 1, max: 500 }),
    }),
    { maxLength: 3 },
  );
  const silences = fc.array(
    fc.record({ peer: fc.nat(5), fromMs: fc.nat(600), lastsMs: fc.integer({ min: 1, max: 400 }) }),
    { maxLength: 3 },
  );

  test.each(
    overlays.flatMap((overlay) => [
      ...variants.map((variant) => ({
        overlay,
        rule: 'dpsgd',
        variant,
      })),
      ...(overlay.directed ? [] : [{ overlay, rule: 'pairwise', variant: '' }]),
    ]),
  )(
    '$rule $variant on $overlay.name: every live peer finishes all rounds with finite params',
    async ({ overlay, rule, variant }) => {
      await fc.assert(
        fc.asyncProperty(
          outages,
          cuts,
          silences,
          fc.integer({ min: 0, max: 40 }),
          fc.nat(),
          async (down, broken, silent, lossPercent, seed) => {
            const options = rule === 'dpsgd' ? { variant } : { replyTimeoutMs: 50 };
            const plan = virtualPlan({ rule, options, overlay, rounds: 25, gatherMs: 200 });
            const edges = overlay.arcs;
            const faults = play(
              overlay,
              [
                { kind: 'loss', fromMs: 0, probability: lossPercent / 100 },
                ...silent
                  .filter(({ peer }) => peer < overlay.nodes.length)
                  .map(({ peer, fromMs, lastsMs }) => silence(overlay, peer, fromMs, fromMs + lastsMs)),
                ...firstPerKey(down, ({ peer }) => peer).map(
                  ({ peer, crashMs, awayMs }): Fault => ({
                    kind: 'crash',
                    peer,
                    atMs: crashMs,
                    restartMs: crashMs + awayMs,
                  }),
                ),
                ...broken.map(({ edge, fromMs, lastsMs }) =>
                  cut(edges[edge % edges.length]!, fromMs, fromMs + lastsMs),
                ),
              ],
              seed,
            );
            const results = await simulateRecorded(virtualPeers(plan, plainTrainer), {
              ...virtualLinks,
              faults,
            });
            for (const { round, params } of results) {
              expect(round).toBe(25);
              expect(allFinite(params)).toBe(true);
            }
          },
        ),
        { numRuns: 15 },
      );
    },
  );
});

describe('once the faults are over', () => {
  const silences = fc.array(
    fc.record({
      from: fc.nat(5),
      to: fc.nat(5),
      fromMs: fc.nat(200),
      lastsMs: fc.integer({ min: 1, max: 200 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  const away = fc.option(
    fc.record({
      peer: fc.nat(4),
      crashMs: fc.integer({ min: 100, max: 200 }),
      awayMs: fc.integer({ min: 5, max: 200 }),
    }),
  );
  const runs = overlays.flatMap((overlay) => variants.map((variant) => ({ overlay, variant })));

  test.each(runs)(
    '$variant on $overlay.name: everybody mixes with everybody again',
    async ({ overlay, variant }) => {
      const plan = virtualPlan({ options: { variant }, overlay, rounds: 160, gatherMs: 200 });
      await fc.assert(
        fc.asyncProperty(silences, away, async (silent, outage) => {
          const faults = play(overlay, [
            ...silent
              .filter(({ from, to }) => Math.max(from, to) < overlay.nodes.length)
              .map(
                ({ from, to, fromMs, lastsMs }): Fault => ({
                  kind: 'partition',
                  from: [from],
                  to: [to],
                  symmetric: false,
                  silent: true,
                  fromMs,
                  toMs: fromMs + lastsMs,
                }),
              ),
            ...(outage === null
              ? []
              : [
                  {
                    kind: 'crash',
                    peer: outage.peer,
                    atMs: outage.crashMs,
                    restartMs: outage.crashMs + outage.awayMs,
                  } as const,
                ]),
          ]);
          const results = await simulateRecorded(virtualPeers(plan), { ...virtualLinks, faults });
          // Whoever is alone goes on at a few ms a round: 145 are well after the last fault.
          for (const result of results) {
            expect(result.round).toBe(160);
            expect(excludedIn(result).filter(({ round }) => round >= 145)).toEqual([]);
          }
        }),
        { numRuns: 10 },
      );
    },
  );
});

function firstPerKey<Item>(items: readonly Item[], keyOf: (item: Item) => unknown): Item[] {
  return [...new Map([...items].reverse().map((item) => [keyOf(item), item])).values()];
}
