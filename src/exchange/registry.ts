/** The exchange rules, by name: a new one is one new file and one line here. */
import { choco } from './choco.ts';
import { dpsgd } from './dpsgd.ts';
import { gossipLearning } from './gossip-learning.ts';
import { pairwise } from './pairwise.ts';
import { pushSum } from './push-sum.ts';
import type { ExchangeRule } from './rule.ts';

// State is a rule's own business: outside its file nobody looks into it.
const rules: readonly ExchangeRule<never>[] = [
  dpsgd,
  pairwise,
  gossipLearning,
  choco,
  pushSum,
] as unknown as readonly ExchangeRule<never>[];

export const exchangeRuleNames: readonly string[] = rules.map(({ name }) => name);

/** The rule called `name`, or undefined; the name comes from an experiment file. */
export function findExchangeRule(name: string): ExchangeRule | undefined {
  return rules.find((rule) => rule.name === name) as ExchangeRule | undefined;
}
