import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, realClock } from '../../src/base/clock.ts';
import type { Fault, FaultSchedule } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { RunTime } from '../../src/faults/run-time.ts';
import { type FaultyOptions, faultyTransport } from '../../src/transport/faulty.ts';
import { memoryNetwork } from '../../src/transport/memory/index.ts';
import type { Frame, Transport } from '../../src/transport/transport.ts';
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/message.ts';
import { GREETING, type Peer, patterned, startAll } from './harness.ts';
import { makePeer, membersOf } from './libp2p-peers.ts';
import { LIMITS, neighboursOf } from './overlay.ts';
import { type Edges, transportConformance } from './transport.conformance.ts';

/** Time that passes when the test says so. */
class HandClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; action: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  calendar(): undefined {
    return undefined;
  }

  after(delayMs: number, action: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = due.atMs;
      due.action();
    }
    this.#nowMs = untilMs;
  }
}

const SEED = 5;
const NONE: FaultSchedule = { seed: SEED, faults: [] };

function wrap(
  inner: Transport,
  self: number,
  edges: Edges,
  clock: Clock,
  schedule: FaultSchedule,
  more: Partial<FaultyOptions> = {},
): Transport {
  const neighbours = neighboursOf(self, edges);
  const time = new RunTime(clock);
  return faultyTransport(inner, { self, neighbours, schedule, lives: 0, time, ...more }, { clock });
}

let network = memoryNetwork({ limits: LIMITS });
const inMemory = (count: number, edges: Edges, clock: Clock, schedule: FaultSchedule): Transport[] => {
  network = memoryNetwork({ limits: LIMITS });
  return Array.from({ length: count }, (_, self) =>
    wrap(network.transport(self, neighboursOf(self, edges)), self, edges, clock, schedule),
  );
};

transportConformance('memory with no faults in its schedule', {
  ordered: true,
  relays: false,
  make: async (count, edges) => inMemory(count, edges, realClock, NONE),
  cut: (_transports, a, b) => network.cut(a, b),
  heal: (_transports, a, b) => network.heal(a, b),
});

const EDGE: Edges = [[0, 1]];
let running: Transport[] = [];
afterEach(async () => {
  await Promise.all(running.map((transport) => transport.stop()));
  running = [];
});

async function pair(clock: Clock, ...faults: Fault[]): Promise<[Peer, Peer]> {
  running = inMemory(2, EDGE, clock, { seed: SEED, faults });
  return (await startAll(running, EDGE)) as [Peer, Peer];
}

/** A frame without a body that names itself. */
const numbered = (number: number): Frame => ({ head: Uint8Array.of(0xa0, number), body: [] });
const numbersOf = (peer: Peer): number[] =>
  peer.witness.told.flatMap((told) => (told.kind === 'frame' ? [told.head[1] ?? -1] : []));

describe('faults over memory', () => {
  test('the messages that are lost, doubled and turned are those that the player names', async () => {
    const faults: Fault[] = [
      { kind: 'loss', probability: 0.3, fromMs: 0 },
      { kind: 'duplicate', probability: 0.3, fromMs: 0 },
      { kind: 'corrupt', probability: 0.3, fromMs: 0 },
    ];
    const [a, b] = await pair(realClock, ...faults);
    const sent = Array.from({ length: 60 }, (_, number) =>
      a.witness.send(a.transport, [1], numbered(number)).then((outcomes) => outcomes.get(1)),
    );
    expect(new Set(await Promise.all(sent))).toEqual(new Set(['ok']));
    const player = createFaultPlayer({ seed: SEED, faults });
    const wanted = Array.from({ length: 60 }, (_, number) => ({
      number,
      fate: player.fate(0, 1, 0),
    })).flatMap(({ number, fate }) =>
      fate.kind === 'lost' ? [] : fate.copies.map(({ corrupted }) => [corrupted ? 0x20 : 0xa0, number]),
    );
    const told = await b.witness.until('frame', () => true, wanted.length);
    expect(told.map(({ head }) => [...head])).toEqual(wanted);
    expect(wanted.length).not.toBe(60);
    expect(a.transport.counters().framesSent).toBe(
      wanted.length + Array.from({ length: 60 }).length - new Set(wanted.map(([, number]) => number)).size,
    );
  });

  test('a turned bit makes a message that decoding refuses', async () => {
    const [a, b] = await pair(realClock, { kind: 'corrupt', probability: 1, fromMs: 0 });
    const bounds = { layoutSize: 4, messages: {}, params: 'f32', roundsMax: 9 } as const;
    const frame = encodeEnvelope({ incarnation: 1, sequence: 0, message: { type: 'pull', round: 3 } }, []);
    expect(decodeEnvelope(frame, bounds).ok).toBe(true);
    await a.witness.send(a.transport, [1], frame);
    const [told] = await b.witness.until('frame');
    expect(decodeEnvelope({ head: told!.head, body: [told!.body] }, bounds)).toMatchObject({
      ok: false,
      reason: 'head-invalid',
    });
  });

  test('a delay keeps the order, also of what is sent when it is over; what is reordered leaves it', async () => {
    const clock = new HandClock();
    const [a, b] = await pair(clock, { kind: 'delay', extraMs: 50, jitterMs: 30, fromMs: 0, toMs: 10 });
    for (const number of [0, 1, 2, 3]) void a.witness.send(a.transport, [1], numbered(number));
    clock.pass(40);
    void a.witness.send(a.transport, [1], numbered(4));
    expect(numbersOf(b)).toEqual([]);
    clock.pass(60);
    await b.witness.until('frame', () => true, 5);
    expect(numbersOf(b)).toEqual([0, 1, 2, 3, 4]);

    const [c, d] = await pair(clock, { kind: 'reorder', probability: 0.5, byMs: 100, fromMs: 0 });
    for (let number = 0; number < 20; number++) void c.witness.send(c.transport, [1], numbered(number));
    clock.pass(100);
    await d.witness.until('frame', () => true, 20);
    const numbers = numbersOf(d);
    expect(numbers).not.toEqual([...numbers].sort((x, y) => x - y));
    expect([...numbers].sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, number) => number));
  });

  test('low capacity takes one message after the other, as long as their bits need', async () => {
    const clock = new HandClock();
    // 1,000 Mbit/s · 0.001 = 1 Mbit/s: 125 bytes a millisecond.
    const [a, b] = await pair(clock, { kind: 'bandwidth', factor: 0.001, fromMs: 0, from: [0] });
    const frame = patterned(1_250 - 24 - 32 - 3);
    for (let number = 0; number < 3; number++) void a.witness.send(a.transport, [1], frame);
    clock.pass(9);
    await b.witness.send(b.transport, [0], numbered(1));
    expect(b.witness.count('frame')).toBe(0);
    clock.pass(1);
    await b.witness.until('frame', () => true, 1);
    clock.pass(20);
    await b.witness.until('frame', () => true, 3);
  });

  test('a silent partition swallows one way and lets the other pass, until it heals', async () => {
    const clock = new HandClock();
    const cut = { kind: 'partition', from: [0], to: [1], symmetric: false, silent: true } as const;
    const [a, b] = await pair(clock, { ...cut, fromMs: 10, toMs: 20 });
    clock.pass(10);
    expect((await a.witness.send(a.transport, [1], numbered(1))).get(1)).toBe('ok');
    await b.witness.send(b.transport, [0], numbered(2));
    await a.witness.until('frame');
    clock.pass(10);
    await a.witness.send(a.transport, [1], numbered(3));
    await b.witness.until('frame');
    expect(numbersOf(b)).toEqual([3]);
    expect(a.witness.count('linkDown') + b.witness.count('linkDown')).toBe(0);
  });

  test('a partition that is told takes the link down at both ends and brings it up with a fresh greeting', async () => {
    const clock = new HandClock();
    const cut = { kind: 'partition', from: [0], to: [1], symmetric: false, silent: false } as const;
    const [a, b] = await pair(
      clock,
      { ...cut, fromMs: 10, toMs: 20 },
      { kind: 'delay', extraMs: 5, fromMs: 9 },
    );
    clock.pass(9);
    const held = a.witness.send(a.transport, [1], numbered(1));
    clock.pass(1);
    expect((await held).get(1)).toBe('link-down');
    await Promise.all([a.witness.until('linkDown'), b.witness.until('linkDown')]);
    b.transport.setRound(23);
    expect((await b.witness.send(b.transport, [0], numbered(2))).get(0)).toBe('link-down');
    clock.pass(10);
    const [ups] = await Promise.all([
      a.witness.until('linkUp', () => true, 2),
      b.witness.until('linkUp', () => true, 2),
    ]);
    expect(ups[1]?.greeting).toEqual({ ...GREETING, round: 23 });
    const sent = a.witness.send(a.transport, [1], numbered(3));
    clock.pass(5);
    expect((await sent).get(1)).toBe('ok');
    await b.witness.until('frame');
    expect(numbersOf(b)).toEqual([3]);
  });

  test('a process that comes to a run later finds its links as the schedule has them then', async () => {
    const clock = new HandClock();
    const faults: Fault[] = [
      { kind: 'partition', from: [0], to: [1], symmetric: true, silent: false, fromMs: 10, toMs: 90 },
    ];
    network = memoryNetwork({ limits: LIMITS });
    running = [0, 1].map((self) =>
      wrap(
        network.transport(self, [1 - self]),
        self,
        EDGE,
        clock,
        { seed: SEED, faults },
        {
          time: new RunTime(clock, 50),
          lives: 1,
        },
      ),
    );
    const started = startAll(running, EDGE);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(40);
    const [a] = (await started) as [Peer, Peer];
    expect((await a.witness.send(a.transport, [1], numbered(1))).get(1)).toBe('ok');
  });
});

test('over libp2p on loopback the same messages are lost, and a partition goes and heals', async () => {
  const faults: Fault[] = [
    { kind: 'loss', probability: 0.4, fromMs: 0, from: [0], to: [1] },
    { kind: 'partition', from: [1], to: [2], symmetric: true, silent: false, fromMs: 0, toMs: 300 },
  ];
  const edges: Edges = [
    [0, 1],
    [1, 2],
  ];
  const members = await membersOf(3);
  running = members.map((_, self) =>
    wrap(makePeer(self, members, edges), self, edges, realClock, { seed: SEED, faults }),
  );
  const [a, b, c] = (await startAll(running, edges)) as [Peer, Peer, Peer];
  const player = createFaultPlayer({ seed: SEED, faults });
  const kept = Array.from({ length: 40 }, (_, number) => number).filter(
    () => player.fate(0, 1, 1).kind === 'delivered',
  );
  for (let number = 0; number < 40; number++) await a.witness.send(a.transport, [1], numbered(number));
  await b.witness.until('frame', () => true, kept.length);
  expect(numbersOf(b)).toEqual(kept);
  expect((await c.witness.send(c.transport, [1], numbered(77))).get(1)).toBe('ok');
  await b.witness.until('frame', ({ peer }) => peer === 2);
});
