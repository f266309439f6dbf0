/** The engine: what faults do to peers and messages, that every message is accounted for, and that a run repeats itself. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import type { RunPlan } from '../../src/peer/plan.ts';
import type {
  LinkTable,
  MessageFate,
  SimulationOptions,
  SimulationResult,
  Traffic,
} from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { momentumTrainer, plainTrainer, virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { delays, simulateRecorded, simulateWhole } from './recording.ts';
import { simulateWatched } from './watched.ts';

const patient = { factor: 1.5, floorMs: 5_000, ceilingMs: 60_000, downGraceMs: 1_000 };
const calm = (rounds = 10): RunPlan => virtualPlan({ rounds, deadline: patient });
const play = ({ overlay }: RunPlan, faults: readonly Fault[], seed = 3) =>
  createFaultPlayer({ seed, faults }, overlay.arcs);
const always = { fromMs: 0 } as const;

async function run(plan: RunPlan, faults: readonly Fault[], options: SimulationOptions = {}) {
  return simulateWhole(virtualPeers(plan), { ...virtualLinks, faults: play(plan, faults), ...options });
}

function accountedFor({ sent, duplicated, delivered, lost, refused, underWay }: Traffic): number {
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, one) => sum + one, 0);
  return sent + duplicated - delivered - total(lost) - total(refused) - underWay;
}

describe('faults on messages', () => {
  test('a corrupted message is refused by the receiver and never stepped through', async () => {
    const plan = virtualPlan({ rounds: 15 });
    const { recorded, result } = await run(plan, [
      { kind: 'corrupt', ...always, probability: 1, from: [0], to: [1] },
    ]);
    expect(result.traffic.refused.corrupt).toBeGreaterThan(0);
    expect(result.trafficOf(0).refused.corrupt).toBe(result.traffic.refused.corrupt);
    const heard = recorded[1]!.log.filter(({ event }) => event.kind === 'received' && event.from === 0);
    expect(heard).toEqual([]);
    for (const { round } of recorded) expect(round).toBe(15);
  });

  test('a duplicated message arrives twice and is taken once', async () => {
    const plan = calm();
    const { recorded, result } = await run(plan, [{ kind: 'duplicate', ...always, probability: 1 }]);
    expect(result.traffic.duplicated).toBe(result.traffic.sent);
    const clean = await simulateWhole(virtualPeers(plan), virtualLinks);
    expect(recorded.map(({ params }) => params)).toEqual(clean.recorded.map(({ params }) => params));
    for (const { refusals } of recorded) expect(refusals.duplicate).toBeGreaterThan(0);
  });

  test('delay and reordering change when things happen, not what a synchronous rule computes', async () => {
    const plan = calm();
    const clean = await simulateWhole(virtualPeers(plan), virtualLinks);
    const slow = await run(plan, [
      { kind: 'delay', ...always, extraMs: 50, jitterMs: 20 },
      { kind: 'reorder', ...always, probability: 0.5, byMs: 200 },
    ]);
    expect(slow.recorded.map(({ params }) => params)).toEqual(clean.recorded.map(({ params }) => params));
    expect(slow.result.endMs).toBeGreaterThan(clean.result.endMs + 500);
  });

  test('less bandwidth makes a round as much slower as its messages are', async () => {
    const plan = calm();
    const links = { ...delays(() => 1), arcMbps: () => 0.08, isPlain: false };
    const options = { links, startMs: () => 0, computeMs: () => 1 };
    const full = await simulateWatched(virtualPeers(plan), options);
    const tenth = await simulateWatched(virtualPeers(plan), {
      ...options,
      faults: play(plan, [{ kind: 'bandwidth', ...always, factor: 0.1 }]),
    });
    const bytes = full.traffic.sentBytes / full.traffic.sent;
    // 10 bytes a millisecond; ten rounds, each one message long.
    expect(full.endMs).toBeCloseTo(10 * (bytes / 10 + 2) + 1, -1);
    expect(tenth.endMs).toBeCloseTo(10 * (bytes + 2) + 1, -1);
  });

  test('a full queue is told to its sender, which sends once more', async () => {
    const plan = virtualPlan({ overlay: buildOverlay({ kind: 'complete' }, 5), rounds: 5 });
    const links: LinkTable = { ...delays(() => 1), upMbps: () => 0.08, queueBytesMax: 100, isPlain: false };
    const { recorded, result } = await simulateWhole(virtualPeers(plan), { ...virtualLinks, links });
    expect(result.traffic.refused['queue-full']).toBeGreaterThan(0);
    const told = recorded.flatMap(({ log }) => log.filter(({ event }) => event.kind === 'sendFailed'));
    expect(told.length).toBe(result.traffic.refused['queue-full'] + result.traffic.refused['link-down']);
    for (const { round } of recorded) expect(round).toBe(5);
  });
});

describe('faults on peers', () => {
  const eventsOf = (log: readonly { nowMs: number; event: { kind: string } }[], kind: string) =>
    log.filter(({ event }) => event.kind === kind);

  test('a peer that stands still does nothing meanwhile, then everything in order, and trains on', async () => {
    const plan = calm(30);
    const pause: Fault = { kind: 'pause', peer: 2, fromMs: 150, toMs: 900 };
    const { recorded, result } = await run(plan, [pause]);
    const { log } = recorded[2]!;
    expect(log.filter(({ nowMs }) => nowMs > 150 && nowMs < 900)).toEqual([]);
    expect(log.some(({ nowMs }) => nowMs === 900)).toBe(true);
    const clean = await simulateWhole(virtualPeers(plan), virtualLinks);
    expect(recorded.map(({ params }) => params)).toEqual(clean.recorded.map(({ params }) => params));
    expect(result.endMs).toBeGreaterThan(clean.result.endMs + 700);
  });

  test('a pause in the middle of training puts its end off by as long', async () => {
    const plan = calm(3);
    const options = { links: delays(() => 1), computeMs: () => 100, startMs: () => 0 };
    const trainedMs = async (faults: readonly Fault[]) => {
      const { recorded } = await run(plan, faults, options);
      return eventsOf(recorded[1]!.log, 'trained')[0]!.nowMs;
    };
    const cleanMs = await trainedMs([]);
    expect(await trainedMs([{ kind: 'pause', peer: 1, fromMs: 30, toMs: 70 }])).toBeCloseTo(cleanMs + 40, 9);
    // Over the end of the training, and twice.
    expect(await trainedMs([{ kind: 'pause', peer: 1, fromMs: 30, toMs: 500 }])).toBeCloseTo(
      cleanMs + 470,
      9,
    );
    const twice: Fault[] = [
      { kind: 'pause', peer: 1, fromMs: 30, toMs: 70 },
      { kind: 'pause', peer: 1, fromMs: 120, toMs: 130 },
    ];
    expect(await trainedMs(twice)).toBeCloseTo(cleanMs + 50, 9);
  });

  test('more than fits waits for nobody: a process that stands still holds a bounded queue per sender', async () => {
    const plan = virtualPlan({ rule: 'pairwise', rounds: 400, options: { replyTimeoutMs: 5 } });
    const { result } = await run(plan, [{ kind: 'pause', peer: 1, fromMs: 100 }]);
    expect(result.traffic.refused['queue-full']).toBeGreaterThan(0);
    expect(result.traffic.underWay).toBeLessThanOrEqual(2 * 64);
  });

  test('training takes longer while a peer is slow', async () => {
    const plan = calm(4);
    const options = { links: delays(() => 0), computeMs: () => 10, startMs: () => 0 };
    const slow = await run(plan, [{ kind: 'slow', peer: 3, ...always, factor: 3 }], options);
    expect(slow.recorded[3]!.notes.map(({ trainMs }) => trainMs)).toEqual([30, 30, 30, 30]);
    expect(slow.recorded[0]!.notes.map(({ trainMs }) => trainMs)).toEqual([10, 10, 10, 10]);
  });

  test('a skewed clock shows in what its peer notes, and its timers follow it', async () => {
    const plan = virtualPlan({ rounds: 3, gatherMs: 100 });
    const late: Fault = { kind: 'join', peer: 0, atMs: 5000 };
    const skew: Fault = { kind: 'clock', peer: 1, ...always, offsetMs: 1000, rate: 2 };
    const { recorded } = await run(plan, [late, skew], { links: delays(() => 1), startMs: () => 0 });
    const gathered = recorded.map(({ log }) => eventsOf(log, 'timer')[0]?.nowMs);
    // Peers 1 and 4 wait 100 ms of their own for the neighbour that is not there.
    expect(gathered[1]).toBeCloseTo(1000 + 100, 6);
    expect(gathered[4]).toBeCloseTo(100, 6);
    expect(recorded[1]!.notes[0]!.beganMs).toBeGreaterThanOrEqual(1100);
  });

  test('who joins late takes part from then on; who leaves in good order is left out', async () => {
    const plan = virtualPlan({ rounds: 40 });
    const { recorded, result } = await run(plan, [
      { kind: 'join', peer: 4, atMs: 300 },
      { kind: 'leave', peer: 1, atMs: 250 },
    ]);
    expect(recorded[4]!.log[0]!.nowMs).toBe(300);
    expect(recorded[4]!.round).toBe(40);
    expect(recorded[1]!.round).toBeLessThan(40);
    expect(result.peers[1]!.finished).toBe(true);
    expect(recorded[1]!.checkpoints.has(recorded[1]!.round)).toBe(true);
    expect(recorded[1]!.log.at(-1)!.event.kind).toBe('stop');
    for (const peer of [0, 2, 3]) expect(recorded[peer]!.round).toBe(40);
  });

  test('a crash takes what is under way, and a peer that comes back counts a new life', async () => {
    const plan = virtualPlan({ rounds: 60 });
    const { recorded, result } = await run(plan, [{ kind: 'crash', peer: 1, atMs: 150, restartMs: 420 }]);
    const starts = recorded[1]!.log.flatMap(({ event }) =>
      event.kind === 'start' ? [event.incarnation] : [],
    );
    expect(starts).toEqual([1, 2]);
    expect(result.traffic.lost['peer-down']).toBeGreaterThan(0);
    for (const { round } of recorded) expect(round).toBe(60);
  });
});

describe('the end', () => {
  test('comes when all have finished, though deadlines are still set and a crash is planned for later', async () => {
    const plan = calm();
    const { result } = await run(plan, [{ kind: 'crash', peer: 1, atMs: 1e6, restartMs: 2e6 }]);
    expect(result.ended).toBe('done');
    expect(result.endMs).toBeLessThan(1000);
  });

  test('comes when nobody can go on, even under an availability without end', async () => {
    const plan = calm(5);
    const endless: Fault = {
      kind: 'availability',
      ...always,
      peers: [0, 1],
      share: 0.5,
      memory: 0.5,
      correlation: 0,
      slotMs: 50,
      off: 'pause',
    };
    const forEver: Fault = { kind: 'pause', peer: 3, fromMs: 40 };
    const { result } = await run(plan, [endless, forEver]);
    expect(result.ended).toBe('done');
    expect(result.peers[3]!.finished).toBe(false);
  });

  test('may be an instant, a number of events, or somebody’s wish', async () => {
    const plan = calm(50);
    const until = await simulateWatched(virtualPeers(plan), { ...virtualLinks, untilMs: 200 });
    expect([until.ended, until.endMs <= 200]).toEqual(['time', true]);
    const few = await simulateWatched(virtualPeers(plan), { ...virtualLinks, eventsMax: 100 });
    expect([few.ended, few.eventCount]).toEqual(['events', 100]);
    const wish = new AbortController();
    const cut = await simulateWatched(virtualPeers(plan), {
      ...virtualLinks,
      interruption: wish.signal,
      observer: { onRecord: (peer, { round }) => (peer === 2 && round === 4 ? wish.abort() : undefined) },
    });
    expect(cut.ended).toBe('interrupted');
    expect(cut.peers.every(({ finished, round }) => finished && round >= 3 && round < 10)).toBe(true);
  });

  test('of time up: all stop after the same round; a reached goal stops everybody too', async () => {
    const plan = calm(1000);
    const timed = await simulateWatched(virtualPeers(plan), {
      ...virtualLinks,
      startMs: () => 0,
      secondsMax: 0.5,
    });
    expect(new Set(timed.peers.map(({ round }) => round)).size).toBe(1);
    expect(timed.peers[0]!.round).toBeLessThan(100);
    const reached = await simulateWatched(virtualPeers(plan), {
      ...virtualLinks,
      observer: { onEvaluate: async (_peer, round) => round >= 10 },
    });
    expect(new Set(reached.peers.map(({ round }) => round)).size).toBe(1);
    expect(reached.peers[0]!.round).toBeLessThan(30);
  });

  test('a training that comes to NaN now and then is left out of its round, recorded, and nobody stops', async () => {
    const stumbling = (peer: number) => {
      const trainer = plainTrainer(peer);
      return {
        ...trainer,
        train: async (...given: Parameters<typeof trainer.train>) => {
          const result = await trainer.train(...given);
          if (peer === 1 && given[2].firstStep % 8 === 4) result.params[0] = Number.NaN;
          return result;
        },
      };
    };
    const recorded = await simulateRecorded(virtualPeers(calm(), stumbling), virtualLinks);
    expect(recorded[1]!.notices.diverged).toBeGreaterThan(0);
    for (const { params, round } of recorded) {
      expect(round).toBe(calm().rounds);
      expect(params.every(Number.isFinite)).toBe(true);
    }
  });

  test('of a training that diverges round after round is an error that names peer and round', async () => {
    const diverging = (peer: number) => ({
      ...plainTrainer(peer),
      train: async () => ({
        params: Float32Array.of(Number.NaN, 0, 0, 0, 0),
        loss: 0,
        gradientSquaredNorm: 0,
        sampleCount: 1,
      }),
    });
    await expect(simulateWatched(virtualPeers(calm(), diverging), virtualLinks)).rejects.toMatchObject({
      code: 'training-diverged',
    });
  });

  test('an observer that fails ends it with its error', async () => {
    const observer = {
      onBreath: () => undefined,
      onRecord: () => {
        throw new Error('the disk is full');
      },
    };
    await expect(simulateWatched(virtualPeers(calm()), { ...virtualLinks, observer })).rejects.toThrow(
      'disk is full',
    );
  });
});

const anyFault: fc.Arbitrary<Fault> = (() => {
  const peer = fc.nat(4);
  const span = fc
    .tuple(fc.nat(400), fc.integer({ min: 1, max: 300 }))
    .map(([fromMs, forMs]) => ({ fromMs, toMs: fromMs + forMs }));
  const probability = fc.double({ min: 0, max: 0.5, noNaN: true });
  return fc.oneof(
    fc
      .tuple(fc.constantFrom('loss' as const, 'duplicate' as const, 'corrupt' as const), span, probability)
      .map(([kind, when, chance]) => ({ kind, ...when, probability: chance })),
    fc
      .tuple(span, probability)
      .map(([when, chance]) => ({ kind: 'reorder', ...when, probability: chance, byMs: 40 })),
    span.map((when) => ({ kind: 'delay', ...when, extraMs: 20, jitterMs: 10 })),
    fc.tuple(span, peer, peer, fc.boolean(), fc.boolean()).map(([when, from, to, symmetric, silent]) => ({
      kind: 'partition',
      ...when,
      from: [from],
      to: [to === from ? (to + 1) % 5 : to],
      symmetric,
      silent,
    })),
    fc
      .tuple(span, peer)
      .map(([{ fromMs, toMs }, one]) => ({ kind: 'crash', peer: one, atMs: fromMs, restartMs: toMs })),
    fc.tuple(span, peer).map(([when, one]) => ({ kind: 'pause', ...when, peer: one })),
  ) as fc.Arbitrary<Fault>;
})();
const limited: LinkTable = {
  ...delays(() => 2),
  jitterMs: () => 3,
  upMbps: () => 0.5,
  downMbps: () => 0.5,
  queueBytesMax: 2000,
  isPlain: false,
};

describe('under any faults', () => {
  const schedules = fc.array(anyFault, { maxLength: 6 });
  const cases = fc.tuple(schedules, fc.constantFrom(virtualLinks.links, limited), fc.nat());

  test('every message is delivered, lost or refused, with a reason, once per copy, by sender and in all', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([faults, links, seed]) => {
        const plan = virtualPlan({ rounds: 15, gatherMs: 200 });
        const told: Record<MessageFate['kind'], number> = { delivered: 0, lost: 0, refused: 0 };
        let sent = 0;
        const result = await simulateWatched(virtualPeers(plan), {
          ...virtualLinks,
          links,
          faults: play(plan, faults, seed),
          untilMs: 20_000,
          observer: {
            onSend: (_from, { to }) => {
              sent += to.length;
            },
            onFate: (_passage, { kind }) => {
              told[kind] += 1;
            },
          },
        });
        const { traffic } = result;
        expect(traffic.sent).toBe(sent);
        expect(traffic.delivered).toBe(told.delivered);
        expect(accountedFor(traffic)).toBe(0);
        expect(sent + traffic.duplicated - told.delivered - told.lost - told.refused).toBe(traffic.underWay);
        const bySender = plan.overlay.nodes.map((_, peer) => result.trafficOf(peer));
        for (const one of bySender) expect(accountedFor(one)).toBe(0);
        const totalOf = (column: 'sent' | 'delivered' | 'sentBytes') =>
          bySender.reduce((sum, one) => sum + one[column], 0);
        expect([totalOf('sent'), totalOf('delivered'), totalOf('sentBytes')]).toEqual([
          traffic.sent,
          traffic.delivered,
          traffic.sentBytes,
        ]);
      }),
      { numRuns: 25 },
    );
  });

  test('equal inputs give equal events, params and accounts, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([faults, links, seed]) => {
        const plan = virtualPlan({ rounds: 10, gatherMs: 200 });
        const once = async () => {
          const { recorded, result } = await simulateWhole(virtualPeers(plan, momentumTrainer), {
            ...virtualLinks,
            links,
            faults: play(plan, faults, seed),
            untilMs: 20_000,
          });
          return { logs: recorded.map(({ log, params }) => ({ log, params })), result: comparable(result) };
        };
        expect(await once()).toEqual(await once());
      }),
      { numRuns: 10 },
    );
  });
});

function comparable({ trafficOf: _, ...rest }: SimulationResult) {
  return rest;
}

test('a peer’s result does not depend on how long its training really takes', async () => {
  const plan = calm();
  const slowly = (peer: number) => {
    const inner = plainTrainer(peer);
    return {
      ...inner,
      train: async (...given: Parameters<typeof inner.train>) => {
        for (let turn = 0; turn < (7 * peer) % 5; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        return inner.train(...given);
      },
    };
  };
  const one = await simulateRecorded(virtualPeers(plan), virtualLinks);
  const other = await simulateRecorded(virtualPeers(plan, slowly), virtualLinks);
  expect(other.map(({ log }) => log)).toEqual(one.map(({ log }) => log));
});
