import { encode } from 'cborg';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeStatus, encodeStatus } from '../../src/wire/status.ts';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const status = fc.record(
  {
    round: count,
    finished: fc.boolean(),
    accuracy: fc.double({ min: 0, max: 1, noNaN: true }),
    samples: count,
    labelCounts: fc.array(count, { maxLength: 20 }),
  },
  { requiredKeys: ['round', 'finished'] },
);

it('a status is read back as it was said', () => {
  fc.assert(
    fc.property(status, (said) => {
      expect(decodeStatus(encodeStatus(said))).toEqual({ ok: true, status: said });
    }),
  );
});

it('arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof decodeStatus(bytes).ok === 'boolean'),
  );
});

it.each([
  ['of another version', { v: 2, t: 'status', r: 1, f: false }],
  ['without a round', { v: 1, t: 'status', f: false }],
  ['with a negative round', { v: 1, t: 'status', r: -1, f: false }],
  ['with an accuracy above 1', { v: 1, t: 'status', r: 1, f: false, a: 1.5 }],
  ['with an accuracy that is no number', { v: 1, t: 'status', r: 1, f: false, a: Number.NaN }],
  ['with a histogram of texts', { v: 1, t: 'status', r: 1, f: false, l: ['1'] }],
  ['that is a list', [1, 2]],
])('a status %s is refused', (_what, value) => {
  expect(decodeStatus(encode(value)).ok).toBe(false);
});

it('a histogram of too many classes is not told', () => {
  const labelCounts = new Array<number>(5_000).fill(1);
  expect(decodeStatus(encodeStatus({ round: 1, finished: false, labelCounts }))).toEqual({
    ok: true,
    status: { round: 1, finished: false },
  });
});
