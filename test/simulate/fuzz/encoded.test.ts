/** Rules whose messages are rounded, under drawn faults: every invariant of the rule holds as in full precision. */
import { expect, test } from 'vitest';
import { drawScenario, type RuleVariant } from '../../../src/simulate/fuzz/scenario.ts';
import { runTrial } from '../../../src/simulate/fuzz/trial.ts';

const variants: readonly RuleVariant[] = [
  { rule: 'push-sum+fp16', options: {}, directed: true },
  { rule: 'push-sum+int8', options: {}, directed: true, stepsPerRound: 0 },
  { rule: 'gossip-learning+int8', options: { parts: 3, sends: 2 }, directed: true },
  { rule: 'choco+fp16', options: { snapshotEveryRounds: 6 }, directed: false },
];

test.each(variants)('$rule keeps its invariants: mass, replicas, ages, memory, progress', async (variant) => {
  for (let index = 0; index < 5; index++) {
    const scenario = drawScenario(1, index, [variant]);
    expect({ index, ...(await runTrial(scenario)) }).toMatchObject({ index, kind: 'held' });
  }
});
