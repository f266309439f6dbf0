import { describe, expect, it } from 'vitest';
import { fuzz, shrinkFailure } from '../../../src/simulate/fuzz/index.ts';
import { plantedBugs } from './planted-bugs.ts';

const SCHEDULES = 1_000;
const FAULTS_MAX = 5;

describe('a bug planted for the fuzzer', () => {
  it.each(plantedBugs)(
    'is found within 1,000 schedules and shrunk to 5 faults at most: $name',
    async ({ bug, variants }) => {
      for await (const { scenario, outcome } of fuzz({ seed: 1, schedules: SCHEDULES, bug, variants })) {
        if (outcome.kind === 'held') continue;
        const { scenario: small, failure } = await shrinkFailure(scenario, outcome, bug);
        expect(small.schedule.faults.length).toBeLessThanOrEqual(FAULTS_MAX);
        expect(failure.kind).toBe(outcome.kind);
        return;
      }
      expect.unreachable('it was not found');
    },
  );
});
