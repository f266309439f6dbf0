/** How long training takes on virtual time. */
import { describe, expect, test } from 'vitest';
import { type ComputeModel, computeTimes } from '../../src/simulate/compute-times.ts';

const models: readonly ComputeModel[] = [
  { kind: 'constant', ms: 4 },
  { kind: 'exponential', meanMs: 3, shiftMs: 1 },
  { kind: 'uniform', fromMs: 2, toMs: 6 },
  { kind: 'pareto', leastMs: 2, shape: 2 },
];

describe.each(models)('$kind times', (model) => {
  test('have the mean that their formula says, and nothing below its least', () => {
    const times = computeTimes({ model }, 5);
    const drawn = Array.from({ length: 20_000 }, (_, round) => times(round % 10, round));
    const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
    // All four have mean 4; the Pareto's variance is infinite at shape 2.
    expect(Math.abs(mean - 4)).toBeLessThan(model.kind === 'pareto' ? 0.3 : 0.1);
    const least = { constant: 4, exponential: 1, uniform: 2, pareto: 2, trace: 0 }[model.kind];
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(least);
  });

  test('are a function of seed, peer and round, whatever was asked before', () => {
    const forward = computeTimes({ model }, 5);
    const backward = computeTimes({ model }, 5);
    const asked = Array.from({ length: 50 }, (_, index) => [index % 5, index] as const);
    const one = asked.map(([peer, round]) => forward(peer, round));
    const other = [...asked].reverse().map(([peer, round]) => backward(peer, round));
    expect(other.reverse()).toEqual(one);
    if (model.kind !== 'constant')
      expect(asked.map(([peer, round]) => computeTimes({ model }, 6)(peer, round))).not.toEqual(one);
  });
});

test('a trace is read by round and peer, and begins again at its end', () => {
  const model = {
    kind: 'trace',
    times: [
      [1, 2],
      [3, 4],
    ],
  } as const;
  const times = computeTimes({ model }, 0);
  expect([0, 1, 2, 3].map((round) => [times(0, round), times(1, round)])).toEqual([
    [1, 2],
    [3, 4],
    [1, 2],
    [3, 4],
  ]);
});

test('a silo’s slowness and its number of updates multiply its times', () => {
  const model = { kind: 'constant', ms: 2 } as const;
  const times = computeTimes({ model, slowness: [1, 3], stepsPerRound: [5, 7] }, 0);
  expect([times(0, 0), times(1, 9)]).toEqual([10, 42]);
  const drawn = computeTimes({ model, slowness: { sigma: 0.5 } }, 3);
  expect(drawn(0, 0)).toBe(drawn(0, 8));
  const logs = Array.from({ length: 4000 }, (_, peer) => Math.log(drawn(peer, 0) / 2));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length);
  expect(Math.abs(mean)).toBeLessThan(0.04);
  expect(Math.abs(deviation - 0.5)).toBeLessThan(0.03);
});
