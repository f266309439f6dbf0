import { describe, expect, it } from 'vitest';
import { exchangeRuleNames } from '../../../src/exchange/registry.ts';
import { fuzz, ruleVariants, shrinkFailure } from '../../../src/simulate/fuzz/index.ts';
import { plantedBugs } from './planted-bugs.ts';

describe('the fuzzer', () => {
  it('shrinks a failing scenario to one that fails in the same way, with fewer faults', async () => {
    const planted = plantedBugs.find(({ name }) => name.startsWith('no deadline'));
    const { bug, variants } = planted as NonNullable<typeof planted>;
    for await (const { scenario, outcome } of fuzz({ seed: 1, schedules: 100, bug, variants })) {
      if (outcome.kind === 'held') continue;
      const { scenario: small, failure } = await shrinkFailure(scenario, outcome, bug);
      expect(failure).toMatchObject({ kind: 'violated', invariant: 'progress' });
      expect(small.schedule.faults.length).toBeLessThanOrEqual(2);
      return;
    }
    expect.unreachable('it was not found');
  });

  it('draws equal scenarios from equal seeds, and runs them alike', async () => {
    const run = async () => {
      const seen: unknown[] = [];
      for await (const trial of fuzz({ seed: 5, schedules: 8 })) seen.push(trial);
      return seen;
    };
    expect(await run()).toEqual(await run());
  });

  it('knows every exchange rule', () => {
    expect([...new Set(ruleVariants.map(({ rule }) => rule.split('+')[0]))].sort()).toEqual(
      [...exchangeRuleNames].sort(),
    );
  });
});
