import { describe, expect, it } from 'vitest';
import type { RoundRecord } from '../../src/record/index.ts';
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
  it('has a point per round in which every peer was judged: its time is the last peer’s, its bytes are everybody’s so far', () => {
    const records = [
      round(0, 1, undefined, 10),
      round(1, 1, undefined, 20),
      round(0, 2, 0.5, 30),
      round(1, 2, 0.7, 45),
      round(0, 3, 0.9, 60),
    ];
    expect(roundPoints(records, 2)).toEqual([
      { round: 2, seconds: 0.045, bytes: 400, mean: 0.6, worst: 0.5 },
    ]);
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
    const run = (values: readonly (readonly [number, number])[]) =>
      values.map(([seconds, mean], index) => ({ round: index + 1, seconds, bytes: 0, mean, worst: 0 }));
    const points = curveOf(
      [
        run([
          [1, 0.1],
          [3, 0.3],
        ]),
        run([
          [2, 0.2],
          [4, 0.6],
        ]),
      ],
      { x: 'seconds', y: 'mean' },
    );
    expect(points?.map(({ x, mean }) => [x, Number(mean.toFixed(6))])).toEqual([
      [2, 0.15],
      [3, 0.25],
    ]);
    expect(points?.map(({ low, high }) => low >= 0 && high <= 1)).toEqual([true, true]);
    expect(curveOf([[]], { x: 'round', y: 'worst' })).toBeUndefined();
  });
});
