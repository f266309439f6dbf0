/** Graphs that change from round to round: who takes part in a round, and with which weights. */
import { present } from '../base/assert.ts';
import type { RuleContext, RulePhase } from './rule.ts';

/** The phase of a round; all neighbours where the graph does not change. */
export function phaseOf(context: RuleContext, round: number): RulePhase {
  const { phases } = context;
  return phases === undefined ? context : present(phases[round % phases.length], 'a phase');
}
