import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scheduleProblems } from '../../src/faults/check.ts';
import { drawSchedule } from '../../src/faults/draw.ts';
import { scheduleSchema } from '../../src/faults/schema.ts';

const ring = (count: number) =>
  Array.from({ length: count }, (_, peer) => [
    [peer, (peer + 1) % count] as const,
    [(peer + 1) % count, peer] as const,
  ]).flat();
const names = (count: number) => Array.from({ length: count }, (_, peer) => `silo-${peer}`);

test('whatever is drawn is free of problems, fits the time, reads back, and is the same for the same seed', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 3, max: 30 }),
      fc.constantFrom('mild', 'harsh'),
      fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
      fc.constantFrom(40, 2_400, 60_000),
      (seed, count, intensity, faults, untilMs) => {
        const options = { seed, intensity, untilMs, ...(faults === undefined ? {} : { faults }) } as const;
        const schedule = drawSchedule(options, count, ring(count));
        const scene = { names: names(count), arcs: ring(count), runMs: untilMs + 1 };
        expect(scheduleProblems(schedule, scene, [])).toEqual([]);
        expect(scheduleSchema.parse(JSON.parse(JSON.stringify(schedule)))).toEqual(schedule);
        expect(drawSchedule(options, count, ring(count))).toEqual(schedule);
        if (faults !== undefined) expect(schedule.faults.length).toBeLessThanOrEqual(faults);
        for (const { kind } of schedule.faults) kinds.add(kind);
      },
    ),
    { numRuns: 300, seed: 4 },
  );
  expect(kinds.size).toBe(14);
});

test('named counts are drawn and nothing else', () => {
  const { faults } = drawSchedule({ seed: 3, untilMs: 10_000, crashes: 2, partitions: 1 }, 12, ring(12));
  expect(faults.map(({ kind }) => kind)).toEqual(['crash', 'crash', 'partition']);
});
