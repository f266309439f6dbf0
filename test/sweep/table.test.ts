import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoundRecord } from '../../src/record/index.ts';
import { courseOf } from '../../src/sweep/course.ts';
import { curveOf, interval } from '../../src/sweep/curves.ts';
import { formatCsv, roundPoints } from '../../src/sweep/table.ts';

function round(peer: number, number: number, accuracy: number | undefined, nowMs: number): RoundRecord {
  return {
    type: 'round',
    peer,
    round: number,
    loss: 1,
    excluded: [],
    bytesSent: 100,
    messagesSent: 1,
    nowMs,
    ...(accuracy === undefined ? {} : { globalTest: accuracy }),
  };
}

describe('the table of a sweep', () => {
  it('has a point per round in which every peer was judged', () => {
    const records = [
      round(0, 1, undefined, 10),
      round(1, 1, undefined, 20),
      round(0, 2, 0.5, 30),
      round(1, 2, 0.7, 45),
      round(0, 3, 0.9, 60),
    ];
    expect(roundPoints(records, 2)).toEqual([{ round: 2, mean: 0.6, worst: 0.5 }]);
  });

  it('has over time what all had reached by then, not the round that a slow silo does last', () => {
    const records = [
      round(0, 1, 0.25, 10),
      round(1, 1, 0.5, 50),
      round(0, 2, 0.5, 20),
      round(0, 3, undefined, 30),
      round(0, 4, 0.75, 40),
      round(0, 5, 1, 50),
    ];
    const { points, meanReached, worstReached } = courseOf(records, 0.75);
    // At 50 ms: the fast silo's fifth round beside the slow one's first, and what all six rounds sent.
    expect(points).toEqual([{ seconds: 0.05, bytes: 600, mean: 0.75, worst: 0.5 }]);
    expect(meanReached?.seconds).toBe(0.05);
    expect(worstReached).toBeUndefined();
    expect(courseOf([]).points).toEqual([]);
  });

  it('goes on in time where a process was started again, and keeps what a silo that is gone reached last', () => {
    const records = [round(0, 1, 0.1, 10), round(0, 2, 0.2, 20), round(0, 3, 0.3, 5), round(1, 1, 0.5, 10)];
    expect(courseOf(records).points.map(({ seconds, worst }) => [seconds, worst])).toEqual([
      [0.01, 0.1],
      [0.02, 0.2],
      [0.025, 0.3],
    ]);
  });

  it('over a long run, has no more points than can be shown, the first and the last among them', () => {
    const records = Array.from({ length: 9_000 }, (_, index) => round(0, index + 1, index / 9_000, index));
    const { points, worstReached } = courseOf(records, 0.5001);
    expect(points).toHaveLength(2_000);
    expect([points[0]?.seconds, points.at(-1)?.seconds]).toEqual([0, 8.999]);
    expect(worstReached?.seconds).toBe(4.501);
  });

  it('finds the least of many silos, whatever order they are judged in', () => {
    const accuracies = fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 0, max: 8 })), { minLength: 1 });
    fc.assert(
      fc.property(accuracies, (judged) => {
        const last = new Map<number, number>();
        const expected: number[] = [];
        const silos = new Set(judged.map(([peer]) => peer)).size;
        for (const [peer, eighths] of judged) {
          last.set(peer, eighths / 8);
          if (last.size === silos) expected.push(Math.min(...last.values()));
        }
        const records = judged.map(([peer, eighths], index) => round(peer, index, eighths / 8, index));
        expect(courseOf(records).points.map(({ worst }) => worst)).toEqual(expected);
      }),
    );
  });

  it('quotes what CSV would take apart and leaves empty what a row has not', () => {
    const text = formatCsv([
      { cell: 'a,b', value: 1 },
      { cell: 'say "c"', reason: 'two\nlines', value: null },
    ]);
    expect(text).toBe('cell,value,reason\r\n"a,b",1,\r\n"say ""c""",,"two\nlines"\r\n');
  });
});

describe('confidence', () => {
  it('is Student’s: 1, 2, 3 have mean 2 ± 4.303 / √3', () => {
    const { mean, low, high } = interval([1, 2, 3]);
    expect(mean).toBe(2);
    expect(high - 2).toBeCloseTo(4.303 / Math.sqrt(3), 12);
    expect(2 - low).toBeCloseTo(4.303 / Math.sqrt(3), 12);
    expect(interval([5])).toEqual({ mean: 5, low: 5, high: 5 });
  });

  it('compares runs where all of them are under way, each where it was last', () => {
    const run = (values: readonly (readonly [number, number])[]) => values.map(([x, y]) => ({ x, y }));
    const points = curveOf([
      run([
        [1, 0.1],
        [3, 0.3],
      ]),
      run([
        [2, 0.2],
        [4, 0.6],
      ]),
    ]);
    expect(points?.map(({ x, mean }) => [x, Number(mean.toFixed(6))])).toEqual([
      [2, 0.15],
      [3, 0.25],
    ]);
    expect(points?.map(({ low, high }) => low >= 0 && high <= 1)).toEqual([true, true]);
    expect(curveOf([[]])).toBeUndefined();
  });
});
