/** What an experiment asks for that is allowed and probably not meant; the formulas are in docs/MODELS.md, Objective. */
import { faultWarnings } from '../faults/resolve.ts';
import type { Experiment } from './experiment.ts';
import { ruleWarnings } from './rule-fit.ts';

/** One sentence each; empty for most experiments. */
export function experimentWarnings(experiment: Experiment): string[] {
  const { train, faults, stop } = experiment;
  const runMs = stop.seconds === undefined ? undefined : stop.seconds * 1_000;
  return [
    ...objectiveWarnings(train),
    ...(faults === undefined ? [] : faultWarnings(faults, runMs)),
    ...ruleWarnings(experiment),
  ];
}

function objectiveWarnings(train: Experiment['train']): string[] {
  if (train.objective !== 'samples') return [];
  const warnings: string[] = [];
  if (train.optimizer === 'adam') {
    warnings.push(
      'train.objective is samples, which changes almost nothing with adam: it divides the factor on the gradients out again; take sgd or momentum',
    );
  }
  if (train.localSteps === undefined) {
    warnings.push(
      'train.objective is samples, which favours large silos twice with localEpochs: they make more updates anyway; take localSteps, or objective uniform, which then counts samples roughly alike',
    );
  }
  return warnings;
}
