import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { Presence, type Shared } from '../../src/node/presence.ts';
import { decodeStatus, encodeStatus } from '../../src/wire/status.ts';

/** Time that passes when it is told to. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ atMs: number; action: () => void }>();
  now = (): number => this.#nowMs;
  calendar = (): undefined => undefined;
  after(delayMs: number, action: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }
  pass(elapsedMs: number): void {
    this.#nowMs += elapsedMs;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      timer.action();
    }
  }
}

const ROUNDS = 10;
const limits = { lingerMs: 60_000, awayMs: 30_000 };

function setUp(shared: Shared = { accuracy: false }) {
  const clock = new HandClock();
  const said: unknown[] = [];
  const presence = new Presence(
    { neighbours: [1, 2], rounds: ROUNDS, shared },
    {
      clock,
      publish: (message) => {
        const decoded = decodeStatus(message);
        said.push(decoded.ok ? decoded.status : decoded.detail);
      },
    },
  );
  const settled: string[] = [];
  const settle = async (signal = new AbortController().signal) => {
    settled.push(await presence.settled(limits, signal));
  };
  /** Lets promises that are due resolve. */
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, said, presence, settled, settle, turn };
}

describe('what a peer says', () => {
  it('is at most one status a second, the newest, and its end at once', () => {
    const { clock, said, presence } = setUp();
    for (let round = 0; round <= 5; round++) presence.announce(round);
    clock.pass(999);
    expect(said).toEqual([{ round: 0, finished: false }]);
    clock.pass(1);
    presence.announce(ROUNDS);
    presence.finish();
    expect(said.slice(1)).toEqual([
      { round: 5, finished: false },
      { round: ROUNDS, finished: true },
    ]);
  });

  it('names size, histogram and accuracy only where the silo shares them', () => {
    const silent = setUp();
    silent.presence.evaluated(0.5);
    silent.presence.finish();
    expect(silent.said).toEqual([{ round: 0, finished: true }]);
    const open = setUp({ accuracy: true, samples: 7, labelCounts: [3, 4] });
    open.presence.evaluated(0.5);
    open.presence.finish();
    expect(open.said).toEqual([{ round: 0, finished: true, accuracy: 0.5, samples: 7, labelCounts: [3, 4] }]);
  });

  it('is nothing after its end', () => {
    const { clock, said, presence } = setUp();
    presence.announce(1);
    presence.announce(2);
    presence.close();
    clock.pass(5_000);
    expect(said).toHaveLength(1);
  });
});

describe('a peer that is done', () => {
  it('goes when all neighbours say that they are done, and not before', async () => {
    const { presence, settle, settled, turn } = setUp();
    presence.linkUp(1, 3);
    presence.linkUp(2, ROUNDS); // it was done when it greeted
    void settle();
    await turn();
    expect(settled).toEqual([]);
    presence.control(1, encodeStatus({ round: ROUNDS, finished: true }));
    await turn();
    expect(settled).toEqual(['finished']);
  });

  it('waits for a neighbour that went away, in case it comes back, but not for ever', async () => {
    const { clock, presence, settle, settled, turn } = setUp();
    presence.linkUp(1, 3);
    presence.linkUp(2, ROUNDS);
    clock.pass(1_000);
    presence.linkDown(1);
    void settle();
    clock.pass(29_999);
    await turn();
    expect(settled).toEqual([]);
    clock.pass(1);
    await turn();
    expect(settled).toEqual(['away']);
  });

  it('goes after the longest wait though a neighbour is still at it, or when it is told to', async () => {
    const { clock, presence, settle, settled, turn } = setUp();
    presence.linkUp(1, 3);
    presence.linkUp(2, 3);
    void settle();
    clock.pass(60_000);
    await turn();
    expect(settled).toEqual(['waited']);
    const told = new AbortController();
    void settle(told.signal);
    told.abort();
    await turn();
    expect(settled).toEqual(['waited', 'waited']);
  });
});

it('a message that makes no sense is a problem in words and changes nothing', () => {
  const { presence } = setUp();
  expect(presence.control(1, new Uint8Array([0xff, 0x00]))).toBe('not CBOR');
  expect(presence.others()[0]).toMatchObject({ peer: 1, round: undefined, status: undefined });
});
