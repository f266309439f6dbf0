/** The greatest age that is believed: no honest peer's is ever above it, and it is far below what a liar may say. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ageMax, createAgeBound, noteCycle, setAgeBound } from '../../src/exchange/age-bound.ts';
import type { PeerAction } from '../../src/peer/index.ts';
import { simulate } from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { DrivenRule, refusals } from './rule-driver.ts';

const UNBOUNDED = 2 ** 31 - 1;

describe('the bound', () => {
  test('in the first cycle it is what a thousand rounds of every other come to', () => {
    const bound = createAgeBound(4, UNBOUNDED);
    setAgeBound(bound, 0, 0, 50);
    expect(ageMax(bound, 50)).toBe(4 * 1002);
    expect(ageMax(bound, 1e9)).toBe(4 * 1002);
  });

  test('then it grows by a thousand rounds of every silo in the shortest of the own cycles', () => {
    const bound = createAgeBound(4, UNBOUNDED);
    setAgeBound(bound, 0, 0, 50);
    noteCycle(bound, 100);
    noteCycle(bound, 20);
    noteCycle(bound, 30);
    expect(ageMax(bound, 250)).toBe(4 * (2 + 1000 * (200 / 20)));
  });

  test("it counts from where the peer began: its round, or its model's age where that is more", () => {
    const bound = createAgeBound(4, UNBOUNDED);
    setAgeBound(bound, 7, 100, 0);
    expect(ageMax(bound, 0)).toBe(4 * 1102);
    setAgeBound(bound, 900, 100, 0);
    expect(ageMax(bound, 0)).toBe(900 + 4 * 1002);
  });

  test('it is never above what all rounds of the run come to', () => {
    const bound = createAgeBound(4, 12);
    setAgeBound(bound, 0, 0, 0);
    noteCycle(bound, 1);
    expect(ageMax(bound, 1e6)).toBe(48);
  });

  test('is never below the rounds that all silos together have done, whatever their speeds, up to a thousand times', () => {
    const speeds = fc.array(fc.double({ min: 1, max: 1000, noNaN: true }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(speeds, fc.double({ min: 0.01, max: 100, noNaN: true }), (factors, cycleMs) => {
        const cycles = factors.map((factor) => cycleMs * factor);
        const slowest = Math.max(...cycles);
        const bound = createAgeBound(cycles.length, UNBOUNDED);
        setAgeBound(bound, 0, 0, 0);
        for (let cycle = 0; cycle < 5; cycle++) {
          for (const share of [0, 0.5, 0.999]) {
            const now = (cycle + share) * slowest;
            const trained = cycles.reduce((sum, own) => sum + Math.floor(now / own), 0);
            expect(ageMax(bound, now)).toBeGreaterThanOrEqual(trained);
          }
          noteCycle(bound, slowest);
        }
      }),
    );
  });
});

describe('gossip learning in a run that ends by time', () => {
  const peer = (): DrivenRule => {
    const driven = new DrivenRule({
      rule: 'gossip-learning',
      self: 0,
      outNeighbours: [1],
      rounds: UNBOUNDED,
    });
    driven.begin(0, Float64Array.of(1));
    return driven;
  };
  const told = (driven: DrivenRule, age: number) =>
    driven.hears(1, { kind: 'model', round: 1, vectors: [Float64Array.of(9)], numbers: [0, age, 0] });

  test('an age from the future changes nothing and is refused, saying what was possible', () => {
    const driven = peer();
    expect(told(driven, 1e6)).toEqual([
      { kind: 'refuse', from: 1, reason: 'impossible', detail: 'age 1000000, at most 8016 possible' },
    ]);
    driven.trained(2);
    expect(driven.completed).toEqual(Float64Array.of(2));
  });

  test('one that stood still believes the others again when a thousandth of that time is over', () => {
    const driven = peer();
    driven.now = 100;
    driven.trained(2);
    driven.next();
    expect(refusals(told(driven, 2e6))).toEqual(['impossible']);
    driven.now += 100 * 250;
    expect(refusals(told(driven, 2e6))).toEqual([]);
  });

  test('one that takes the state of the others believes their ages at once', () => {
    const driven = peer();
    driven.begin(300_000, Float64Array.of(3));
    expect(refusals(told(driven, 8 * 300_000))).toEqual([]);
  });
});

test.each([
  ['push', 1, 1],
  ['push-pull', 1, 1],
  ['push', 3, 3],
])(
  'fast and slow peers up to 400 times apart never refuse an age (mode %s, %i parts)',
  async (mode, parts, sends) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
        async (logs) => {
          const cycles = logs.map((log) => 2 * 400 ** log);
          const options = { mode, parts, sends };
          const overlay = buildOverlay({ kind: 'complete' }, cycles.length);
          const plan = virtualPlan({
            rule: 'gossip-learning',
            options,
            overlay,
            rounds: UNBOUNDED,
            evaluateEveryRounds: 1e9,
          });
          const refused: (PeerAction & { kind: 'refuse' })[] = [];
          await simulate(virtualPeers(plan), {
            ...virtualLinks,
            computeMs: (peer) => cycles[peer]!,
            untilMs: 1_500,
            observer: { onRefuse: (_, refusal) => refused.push(refusal) },
          });
          expect(refused.filter(({ reason }) => reason === 'impossible')).toEqual([]);
        },
      ),
      { numRuns: 6 },
    );
  },
);
