/** Many peers on virtual time, and recorded peers run again. */
export { type ComputeModel, type ComputeTimes, computeTimes, type Slowness } from './compute-times.ts';
export { simulate } from './engine.ts';
export { invariantObserver } from './invariants/index.ts';
export type { LinkTable } from './network.ts';
export type { MessageFate, Passage, SimulationObserver, SimulationView } from './observer.ts';
export { fastestMeanMs } from './order-statistics.ts';
export { openRecordedRun, type RecordedLog, type RecordedRun } from './recorded-run.ts';
export {
  type RecordedLine,
  type RecordedPeer,
  type ReplayedPeer,
  type ReplayOptions,
  replay,
} from './replay.ts';
export type { LossReason, RefusalReason, SimulatedResult, SimulationResult, Traffic } from './result.ts';
export { type RunProgress, runSimulation, type SimulatedRun, type SimulatedRunResult } from './run.ts';
export type { SimulatedPeer, SimulationOptions } from './simulation.ts';
export type { SimulatedCheckpoint } from './snapshots.ts';
