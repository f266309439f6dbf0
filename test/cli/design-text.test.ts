/** What a false lower bound looks like in the output: not at all, but an error with both figures. */
import { expect, test } from 'vitest';
import { judgementDocument } from '../../src/cli/design-text.ts';
import type { Judgement } from '../../src/topology/index.ts';

const judgement: Judgement = { cycleTimeMs: 125.64, timing: 'gossip', arcCount: 5, maxDegree: 2 };
const gapAt = (boundMs: number, isStatic = true) => judgementDocument(judgement, boundMs, isStatic).gap;

test('a bound above a true cycle time is a bug that shows, unless only rounding is between them', () => {
  expect(gapAt(120)).toBeCloseTo(0.047, 12);
  expect(gapAt(125.64)).toBe(0);
  expect(gapAt(125.64 * (1 + 1e-12))).toBe(0);
  expect(() => gapAt(130.74)).toThrow(/bug in Grapevine: .* 125\.64 ms is below 130\.74 ms/);
  expect(() => gapAt(125.6401)).toThrow(/bug in Grapevine/);
});

test('schedules and random rounds may be faster than any static overlay', () => {
  expect(gapAt(130.74, false)).toBeNull();
});
