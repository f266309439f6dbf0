import { describe, expect, test } from 'vitest';
import { availabilityDeeds, availabilitySlots, onProbability } from '../../src/faults/availability.ts';
import type { AvailabilityFault } from '../../src/faults/fault.ts';

/** From the project's set of known answers (closed form), case markov-availability. */
const KNOWN = { pi: 0.4, lam: 0.8, pOnOn: 0.88, pOnOff: 0.08, lag3: 0.512, meanOnRun: 25 / 3 };

const chain = (changes: Partial<AvailabilityFault> = {}): AvailabilityFault => ({
  kind: 'availability',
  peers: [0],
  share: KNOWN.pi,
  memory: KNOWN.lam,
  correlation: 0,
  slotMs: 100,
  off: 'pause',
  fromMs: 0,
  ...changes,
});

function drawn(fault: AvailabilityFault, slots: number, seed = 1): boolean[][] {
  const found: boolean[][] = [];
  for (const on of availabilitySlots(fault, seed, 0)) if (found.push([...on]) >= slots) break;
  return found;
}

describe('Markov availability', () => {
  test('its transition probabilities are those of the closed form', () => {
    const fault = chain();
    expect(onProbability(fault, true)).toBeCloseTo(KNOWN.pOnOn, 12);
    expect(onProbability(fault, false)).toBeCloseTo(KNOWN.pOnOff, 12);
    expect(1 / (1 - onProbability(fault, true))).toBeCloseTo(KNOWN.meanOnRun, 12);
    expect(fault.memory ** 3).toBeCloseTo(KNOWN.lag3, 12);
  });

  test('the draws have the share, the transitions, the autocorrelation and the mean run of the chain', () => {
    const peers = Array.from({ length: 50 }, (_, peer) => peer);
    const slots = drawn(chain({ peers }), 4_000);
    const runs = peers.map((peer) => slots.map((on) => (on[peer] === true ? 1 : 0)));
    const all = runs.flat();
    const mean = all.reduce<number>((sum, on) => sum + on, 0) / all.length;
    expect(mean).toBeCloseTo(KNOWN.pi, 1);
    const goesOn = (state: number) => {
      const next = runs.flatMap((run) => run.slice(1).filter((_, index) => run[index] === state));
      return next.reduce<number>((sum, on) => sum + on, 0) / next.length;
    };
    expect(Math.abs(goesOn(1) - KNOWN.pOnOn)).toBeLessThan(0.01);
    expect(Math.abs(goesOn(0) - KNOWN.pOnOff)).toBeLessThan(0.01);
    const lagged = runs.flatMap((run) => run.slice(3).map((on, index) => (on - mean) * (run[index]! - mean)));
    const covariance = lagged.reduce((sum, value) => sum + value, 0) / lagged.length;
    expect(Math.abs(covariance / (mean * (1 - mean)) - KNOWN.lag3)).toBeLessThan(0.03);
    const begun = runs.flatMap((run) =>
      run.slice(1).filter((on, index) => on === 1 && run[index] === 0),
    ).length;
    expect(Math.abs(all.filter((on) => on === 1).length / begun / KNOWN.meanOnRun - 1)).toBeLessThan(0.05);
  });

  test('correlation 1 takes all peers on and off together, 0 each by itself, between them in between', () => {
    const agreement = (correlation: number) => {
      const slots = drawn(chain({ peers: [3, 8], correlation, memory: 0 }), 5_000);
      return slots.filter(([a, b]) => a === b).length / slots.length;
    };
    const independent = KNOWN.pi ** 2 + (1 - KNOWN.pi) ** 2;
    expect(agreement(1)).toBe(1);
    expect(Math.abs(agreement(0) - independent)).toBeLessThan(0.03);
    expect(agreement(0.7)).toBeGreaterThan(independent + 0.1);
    expect(agreement(0.7)).toBeLessThan(1);
  });

  test("a peer's chain does not depend on who else is in the fault", () => {
    const alone = drawn(chain({ peers: [5] }), 300).map(([on]) => on);
    expect(drawn(chain({ peers: [2, 5, 9] }), 300).map(([, on]) => on)).toEqual(alone);
  });

  test('off slots become pauses or crashes; at the end everybody is on again', () => {
    const fault = chain({ peers: [0, 1, 2], toMs: 950 });
    const deeds = [...availabilityDeeds(fault, 1, 0)];
    const slots = drawn(fault, 10);
    for (const peer of fault.peers) {
      const own = deeds.filter((deed) => 'peer' in deed && deed.peer === peer);
      let off = false;
      for (const [slot, on] of slots.entries()) {
        for (const { kind } of own.filter(({ atMs }) => atMs === slot * 100)) off = kind === 'pause';
        expect(off).toBe(!on[peer]);
      }
      expect(own.length % 2).toBe(0);
    }
    expect(deeds.every(({ atMs }) => atMs <= 950)).toBe(true);
    expect(new Set([...availabilityDeeds({ ...fault, off: 'crash' }, 1, 0)].map(({ kind }) => kind))).toEqual(
      new Set(['crash', 'start']),
    );
  });
});
