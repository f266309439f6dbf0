/** Whether a rule can work on models of a given size: told before the run where the experiment tells the size, else as soon as it is known. */
import { InputError } from '../base/errors.ts';
import type { ExchangeRule } from './rule.ts';

/** InputError `rule-model`: a rule's options want more params than the model has. */
export function requireParamsFit(
  rule: ExchangeRule,
  options: Readonly<Record<string, unknown>>,
  length: number,
): void {
  const problem = rule.fitsParams?.(options, length);
  if (problem === undefined) return;
  throw new InputError('rule-model', `exchange: ${problem}`);
}
