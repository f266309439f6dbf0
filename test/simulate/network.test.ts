/** What messages meet between two peers: delays, capacities, queues. Times by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { present } from '../../src/base/assert.ts';
import { createNetwork, type LinkTable, type NetworkModel } from '../../src/simulate/network.ts';

const CLEAN = { extraDelayMs: 0, reordered: false };
const unlimited = Number.POSITIVE_INFINITY;

function network(table: Partial<LinkTable>, isFaulty = false, seed = 1): NetworkModel {
  const whole: LinkTable = {
    delayMs: () => 0,
    jitterMs: () => 0,
    arcMbps: () => unlimited,
    upMbps: () => unlimited,
    downMbps: () => unlimited,
    queueBytesMax: unlimited,
    ...table,
  };
  return present(createNetwork(whole, 8, seed, isFaulty), 'a network');
}

/** When the message is there; undefined where it was refused. */
function arrival(
  net: NetworkModel,
  from: number,
  to: number,
  bytes: number,
  nowMs: number,
  disturbance = CLEAN,
  factor = 1,
): number | undefined {
  const transit = net.send(from, to, bytes, nowMs, disturbance, factor);
  if (transit === undefined) return undefined;
  if (!net.isLimited(to)) return transit.lastMs;
  return net.receive(
    to,
    { frameBytes: bytes, lastMs: transit.lastMs, bandwidthFactor: factor },
    transit.firstMs,
  );
}

describe('an idle path', () => {
  test('takes bytes / (least capacity) + delay', () => {
    const net = network({ delayMs: () => 7, arcMbps: () => 8, upMbps: () => 80, downMbps: () => 16 });
    // 8 Mbit/s are 1,000 bytes a millisecond.
    expect(arrival(net, 0, 1, 5000, 100)).toBeCloseTo(100 + 5 + 7, 9);
  });

  test('without limits takes the delay of its own arc', () => {
    const net = network({ delayMs: (from, to) => 10 * from + to });
    expect(arrival(net, 2, 3, 1e9, 1)).toBe(24);
  });
});

describe('shared capacity', () => {
  test('an access link sends to one neighbour after another: the k-th copy is through after k times as long', () => {
    const net = network({ delayMs: () => 3, upMbps: () => 8 });
    expect([1, 2, 3].map((to) => arrival(net, 0, to, 2000, 0))).toEqual([5, 7, 9]);
    // Another sender is not held up, and later the link is free again.
    expect(arrival(net, 4, 1, 2000, 0)).toBe(5);
    expect(arrival(net, 0, 1, 2000, 50)).toBe(55);
  });

  test('an arc that is slow holds up its own messages only', () => {
    const net = network({ arcMbps: (_, to) => (to === 1 ? 0.8 : 8) });
    expect(arrival(net, 0, 1, 1000, 0)).toBe(10);
    expect(arrival(net, 0, 1, 1000, 0)).toBe(20);
    expect(arrival(net, 0, 2, 1000, 0)).toBe(1);
  });

  test('a receiver’s access link takes what comes in the order in which it comes', () => {
    const net = network({ delayMs: (from) => (from === 0 ? 10 : 2), downMbps: () => 8 });
    const first = present(net.send(0, 7, 3000, 0, CLEAN, 1), 'transit');
    const second = present(net.send(1, 7, 3000, 1, CLEAN, 1), 'transit');
    expect([first.firstMs, second.firstMs]).toEqual([10, 3]);
    // The engine brings them when their first bits are there.
    expect(
      net.receive(7, { frameBytes: 3000, lastMs: second.lastMs, bandwidthFactor: 1 }, second.firstMs),
    ).toBe(6);
    expect(
      net.receive(7, { frameBytes: 3000, lastMs: first.lastMs, bandwidthFactor: 1 }, first.firstMs),
    ).toBe(13);
  });

  test('less bandwidth takes longer, for every capacity on the way', () => {
    const net = network({ arcMbps: () => 8 });
    expect(arrival(net, 0, 1, 1000, 0, CLEAN, 0.1)).toBeCloseTo(10, 9);
  });
});

describe('order and queues', () => {
  test('an arc keeps its order under jitter and extra delay, but for a message that is reordered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.nat(50), fc.boolean()), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        (sends, seed) => {
          const net = network({ delayMs: () => 5, jitterMs: () => 30 }, true, seed);
          let nowMs = 0;
          let lastMs = 0;
          for (const [gapMs, extraDelayMs, reordered] of sends) {
            nowMs += gapMs;
            const thereMs = present(arrival(net, 0, 1, 10, nowMs, { extraDelayMs, reordered }), 'arrival');
            expect(thereMs).toBeGreaterThanOrEqual(nowMs + 5 + extraDelayMs);
            if (reordered) {
              expect(thereMs).toBeLessThanOrEqual(nowMs + 35 + extraDelayMs);
              continue;
            }
            expect(thereMs).toBeGreaterThanOrEqual(lastMs);
            lastMs = thereMs;
          }
        },
      ),
    );
  });

  test('jitter is a function of seed, arc and number of the message, not of the order of asking', () => {
    const times = (net: NetworkModel, order: readonly number[]) => {
      const found = new Map<number, number | undefined>();
      for (const to of order) found.set(to, arrival(net, 0, to, 1, 0));
      return [1, 2, 3].map((to) => found.get(to));
    };
    const jittery = { jitterMs: () => 100 };
    expect(times(network(jittery), [1, 2, 3])).toEqual(times(network(jittery), [3, 1, 2]));
    expect(times(network(jittery), [1, 2, 3])).not.toEqual(times(network(jittery, false, 2), [1, 2, 3]));
  });

  test('a full queue refuses, an idle link takes any size, and what is sent makes room again', () => {
    const net = network({ arcMbps: () => 8, queueBytesMax: 3000 });
    expect(arrival(net, 0, 1, 10_000, 0)).toBe(10);
    expect(arrival(net, 0, 1, 1000, 0)).toBeUndefined();
    expect(arrival(net, 0, 2, 1000, 0)).toBe(1);
    expect(arrival(net, 0, 1, 1000, 7.5)).toBeUndefined();
    expect(arrival(net, 0, 1, 1000, 8)).toBe(11);
  });
});
