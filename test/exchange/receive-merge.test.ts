/** Receive-merge: what is mixed, with which weights, and what is not. */
import { describe, expect, test } from 'vitest';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const rule = findExchangeRule('receive-merge')!;
ruleConformance('receive-merge', rule, {});
ruleConformance('receive-merge with a period', rule, { periodMs: 30 });

const mixingRow = new Map([
  [0, 0.5],
  [1, 0.25],
  [2, 0.25],
]);
const one = (trains = true) =>
  new DrivenRule({ rule: 'receive-merge', self: 0, outNeighbours: [1, 2], mixingRow, trains });
const model = (value: number, round: number): RuleMessage => ({
  kind: 'model',
  round,
  vectors: [Float64Array.of(value)],
  numbers: [],
});

describe('a cycle', () => {
  test('sends what training made, and mixes it with what came in, by renormalised weights', () => {
    const peer = one();
    peer.hears(1, model(7, 0));
    peer.begin(0, Float64Array.of(0));
    const [sent] = sends(peer.trained(1));
    expect(sent).toMatchObject({ to: [1, 2], message: { vectors: [Float64Array.of(1)], round: 0 } });
    expect(peer.completed![0]).toBeCloseTo((0.5 * 1 + 0.25 * 7) / 0.75, 15);
  });

  test('takes the newest of each neighbour, each once, and goes on alone where nothing came', () => {
    const peer = one();
    peer.begin(0, Float64Array.of(0));
    peer.hears(1, model(7, 3));
    peer.hears(1, model(9, 4));
    peer.hears(2, model(3, 1));
    peer.trained(1);
    expect(peer.completed![0]).toBe(0.5 * 1 + 0.25 * 9 + 0.25 * 3);
    peer.next();
    peer.trained(2);
    expect(peer.completed).toEqual(Float64Array.of(2));
  });

  test('the order of arrival changes no bit', () => {
    const ends = [
      [1, 2],
      [2, 1],
    ].map((order) => {
      const peer = one();
      peer.begin(0, Float64Array.of(0.1));
      for (const from of order) peer.hears(from, model(from / 3, 0));
      peer.trained(0.7);
      return peer.completed;
    });
    expect(ends[0]).toEqual(ends[1]);
  });

  test('older models and copies are refused, those of a new life are not', () => {
    const peer = one();
    peer.hears(1, model(7, 3));
    expect(refusals(peer.hears(1, model(7, 3)))).toEqual(['duplicate']);
    expect(refusals(peer.hears(1, model(7, 2)))).toEqual(['stale']);
    expect(peer.hears(1, model(5, 0), 2)).toEqual([]);
  });
});
