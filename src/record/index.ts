/** The schema of what a run leaves behind: the lines of its logs, and its summary; and who writes them. */
export type { Aggregated } from './aggregated.ts';
export { Recorder, type RecorderTotals, type RecordLevel, type RoundEvaluation } from './recorder.ts';
export * from './records.ts';
export { type PeerOutcome, type RunOutcome, summariseRun } from './summarise.ts';
export * from './summary.ts';
