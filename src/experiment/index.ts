/** Experiments and silos: files read, checked with all problems at once, completed and frozen. */
export type { DesignCache } from './designed-overlay.ts';
export { type Experiment, optimizerOf } from './experiment.ts';
export { type NetworkLinks, networkGraph } from './network-links.ts';
export { loadExperiment, type ParseOptions, parseExperiment, UnfitRuleError } from './parse.ts';
export { experimentDigest, resolveExperiment } from './resolve.ts';
export { advisedRule, describeNeeds, type RuleFit, ruleFits } from './rule-fit.ts';
export type { Baseline, Carrier, LearningRateSchedule, ModelSpec, TrainSettings } from './schema.ts';
export { loadSilo, parseSilo, type Silo } from './silo.ts';
export { experimentWarnings } from './warnings.ts';
export type { LinksBlock, SimulateBlock } from './world.ts';
export { describeWorld, faultCounts, simulationSettings } from './world-text.ts';
