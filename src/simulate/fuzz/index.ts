/**
 * The fuzzer: draws scenarios from a seed, runs each with every invariant watching, and makes failing ones small. Nothing in it depends
 * on time or order, so scenario `index` of a seed can be run again by itself.
 */
import { drawScenario, type RuleVariant, type Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import { type PlantedBug, runTrial, type TrialFailure, type TrialOutcome } from './trial.ts';

export { type RuleVariant, ruleVariants, type Scenario } from './scenario.ts';
export { type PlantedBug, runTrial, type TrialFailure, type TrialOutcome } from './trial.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Scenarios `from` (0 where absent) to `from + schedules − 1` of the seed. */
  readonly schedules: number;
  readonly from?: number;
  readonly bug?: PlantedBug;
  readonly variants?: readonly RuleVariant[];
}

export interface FuzzTrial {
  /** Of the scenario under the seed. */
  readonly index: number;
  readonly scenario: Scenario;
  readonly outcome: TrialOutcome;
}

/** Every trial in turn; the caller stops when it has seen enough. */
export async function* fuzz({
  seed,
  schedules,
  from = 0,
  bug,
  variants,
}: FuzzOptions): AsyncGenerator<FuzzTrial> {
  for (let index = from; index < from + schedules; index++) {
    const scenario = drawScenario(seed, index, variants);
    yield { index, scenario, outcome: await runTrial(scenario, bug) };
  }
}

export interface ShrunkFailure {
  readonly scenario: Scenario;
  readonly failure: TrialFailure;
  readonly trials: number;
}

/** The smallest scenario found that fails in the same way: the same invariant, or a crash. */
export async function shrinkFailure(
  scenario: Scenario,
  failure: TrialFailure,
  bug?: PlantedBug,
): Promise<ShrunkFailure> {
  let smallest = failure;
  const shrunk = await shrink(scenario, async (candidate) => {
    const again = await runTrial(candidate, bug);
    if (again.kind === 'held' || !alike(again, failure)) return false;
    smallest = again;
    return true;
  });
  return { ...shrunk, failure: smallest };
}

function alike(a: TrialFailure, b: TrialFailure): boolean {
  if (a.kind === 'violated' && b.kind === 'violated') return a.invariant === b.invariant;
  return a.kind === b.kind;
}
