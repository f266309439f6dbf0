import { describe, expect, it } from 'vitest';
import { exchangeRuleNames } from '../../../src/exchange/registry.ts';
import { fuzz, ruleVariants, shrinkFailure } from '../../../src/simulate/fuzz/index.ts';
import { plantedBugs } from './planted-bugs.ts';

const SCHEDULES = 1_000;
const FAULTS_MAX = 5;

describe('the fuzzer', () => {
  it.each(plantedBugs)(
    'finds within 1,000 schedules, and shrinks to 5 faults at most: $name',
    { timeout: 60_000 },
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

  it('draws equal scenarios from equal seeds, and runs them alike', async () => {
    const run = async () => {
      const seen: unknown[] = [];
      for await (const trial of fuzz({ seed: 5, schedules: 8 })) seen.push(trial);
      return seen;
    };
    expect(await run()).toEqual(await run());
  });

  it('knows every exchange rule', () => {
    expect([...new Set(ruleVariants.map(({ rule }) => rule))].sort()).toEqual([...exchangeRuleNames].sort());
  });
});
