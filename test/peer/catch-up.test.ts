/** Peers that go away and come back, on virtual time: nobody waits for ever, and whoever returns takes part again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allFinite, squaredDistance } from '../../src/params/kernels.ts';
import { replay, type SimulatedFaults, type SimulatedResult, simulate } from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { momentumTrainer, plainTrainer, virtualLinks, virtualPeers, virtualPlan } from './virtual.ts';

const variants = ['parallel', 'mix-then-adapt', 'adapt-then-mix'];

const excludedIn = ({ notes }: SimulatedResult) =>
  notes.flatMap(({ round, excluded }) => excluded.map(({ peer, reason }) => ({ round, peer, reason })));

describe('a peer whose messages are lost for a while', () => {
  const faults: SimulatedFaults = {
    delivers: (from, to, nowMs) => (from !== 2 && to !== 2) || nowMs < 200 || nowMs > 1000,
  };

  test('is left out, fetches state, takes part again and ends with the others', async () => {
    const plan = virtualPlan({ rounds: 120 });
    const results = await simulate(virtualPeers(plan), { ...virtualLinks, faults });
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
    const results = await simulate(virtualPeers(plan), {
      ...virtualLinks,
      faults: { delivers: (from, to, nowMs) => (from !== 2 && to !== 2) || nowMs < 200 },
    });
    const { notes } = results[1]!;
    const long = notes.filter(({ beganMs, endedMs }) => endedMs - beganMs > 29);
    expect(long.length).toBeLessThanOrEqual(2);
  });
});

describe('a peer that dies', () => {
  const outage = { peer: 1, crashMs: 150, restartMs: 420 };

  test.each([0, 5])(
    'restarts from its checkpoint, catches up and ends close to the others (seed %i)',
    async (shift) => {
      const plan = virtualPlan({ rounds: 100 });
      const peers = virtualPeers(plan, momentumTrainer);
      const moved = { ...outage, crashMs: outage.crashMs + shift };
      const results = await simulate(peers, { ...virtualLinks, faults: { outages: [moved] } });
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
    const results = await simulate(virtualPeers(plan, momentumTrainer), {
      ...virtualLinks,
      faults: { outages: [outage], cuts: [{ between: [3, 4], fromMs: 100, toMs: 300 }] },
    });
    const starts = results[1]!.log.filter(({ event }) => event.kind === 'start');
    expect(starts.length).toBe(2);
    const recorded = virtualPeers(plan, momentumTrainer).map((peer, index) => ({
      ...peer,
      log: results[index]!.log.map((line) => JSON.parse(JSON.stringify(line))),
    }));
    const replayed = await replay(recorded);
    expect(replayed).toEqual(results.map(({ round, params }) => ({ round, params })));
  });

  test('for good: the others finish without it', async () => {
    const plan = virtualPlan({ rounds: 40 });
    const faults = { outages: [{ peer: 1, crashMs: 150 }] };
    const results = await simulate(virtualPeers(plan), { ...virtualLinks, faults });
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
    const trainMs = (peer: number, round: number) => (peer === 2 && round >= 20 ? 60 : 20);
    const results = await simulate(virtualPeers(plan), { ...virtualLinks, trainMs });
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
    const faults = { cuts: [{ between: [0, 1] as const, fromMs: 210, toMs: 230 }] };
    const results = await simulate(virtualPeers(plan), { ...virtualLinks, faults });
    expect(results.flatMap(excludedIn)).toEqual([]);
  });

  test('for longer costs exclusions on both sides for that time only', async () => {
    const plan = virtualPlan({ rounds: 60 });
    const faults = { cuts: [{ between: [0, 1] as const, fromMs: 210, toMs: 400 }] };
    const results = await simulate(virtualPeers(plan), { ...virtualLinks, faults });
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
      const whole = await simulate(virtualPeers(plan, momentumTrainer), virtualLinks);
      for (const stopMs of [150, 203, 251]) {
        const stopped = await simulate(virtualPeers(plan, momentumTrainer), {
          ...virtualLinks,
          faults: { stopMs },
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
        const results = await simulate(resumed, {
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
          async (down, broken, silent, lossPercent, salt) => {
            const options = rule === 'dpsgd' ? { variant } : { replyTimeoutMs: 50 };
            const plan = virtualPlan({ rule, options, overlay, rounds: 25, gatherMs: 200 });
            const edges = overlay.arcs.filter(([a, b]) => a !== b);
            const faults: SimulatedFaults = {
              delivers: (from, to, nowMs) =>
                !silent.some(
                  ({ peer, fromMs, lastsMs }) =>
                    (peer === from || peer === to) && nowMs >= fromMs && nowMs < fromMs + lastsMs,
                ) &&
                (Math.imul(salt + from * 31 + to * 17 + Math.floor(nowMs * 8), 0x9e3779b1) >>> 16) % 100 >=
                  lossPercent,
              outages: firstPerKey(down, ({ peer }) => peer).map(({ peer, crashMs, awayMs }) => ({
                peer,
                crashMs,
                restartMs: crashMs + awayMs,
              })),
              cuts: firstPerKey(
                broken.map(({ edge, fromMs, lastsMs }) => ({
                  between: edges[edge % edges.length]!,
                  fromMs,
                  toMs: fromMs + lastsMs,
                })),
                ({ between }) => [...between].sort().join(),
              ),
            };
            const results = await simulate(virtualPeers(plan, plainTrainer), { ...virtualLinks, faults });
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
      const plan = virtualPlan({ options: { variant }, overlay, rounds: 80, gatherMs: 200 });
      await fc.assert(
        fc.asyncProperty(silences, away, async (silent, outage) => {
          const faults: SimulatedFaults = {
            delivers: (from, to, nowMs) =>
              !silent.some(
                (one) =>
                  one.from === from &&
                  one.to === to &&
                  nowMs >= one.fromMs &&
                  nowMs < one.fromMs + one.lastsMs,
              ),
            outages: outage === null ? [] : [{ ...outage, restartMs: outage.crashMs + outage.awayMs }],
          };
          const results = await simulate(virtualPeers(plan), { ...virtualLinks, faults });
          for (const result of results) {
            expect(result.round).toBe(80);
            expect(excludedIn(result).filter(({ round }) => round >= 65)).toEqual([]);
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
