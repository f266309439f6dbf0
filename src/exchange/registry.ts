/** The exchange rules, by name: a new one is one new file and one line here. */
import { choco } from './choco.ts';
import { dpsgd } from './dpsgd.ts';
import { type Encoding, encodings, withEncoding } from './encoding.ts';
import { gossipLearning } from './gossip-learning.ts';
import { pairwise } from './pairwise.ts';
import { pushSum } from './push-sum.ts';
import { receiveMerge } from './receive-merge.ts';
import type { ExchangeRule } from './rule.ts';

// State is a rule's own business: outside its file nobody looks into it.
const rules: readonly ExchangeRule<never>[] = [
  dpsgd,
  pairwise,
  gossipLearning,
  choco,
  pushSum,
  receiveMerge,
] as unknown as readonly ExchangeRule<never>[];

export const exchangeRuleNames: readonly string[] = rules.map(({ name }) => name);

/**
 * The rule called `name`, or undefined; the name comes from an experiment file. A name may end in `+` and an encoding, as the name
 * of a rule made here does.
 */
export function findExchangeRule(name: string, encoding: Encoding = 'raw'): ExchangeRule | undefined {
  const encoded = encodings.find((one) => name.endsWith(`+${one}`));
  if (encoded !== undefined) return findExchangeRule(name.slice(0, -encoded.length - 1), encoded);
  const found = rules.find((rule) => rule.name === name) as ExchangeRule | undefined;
  return found === undefined ? undefined : withEncoding(found, encoding);
}
