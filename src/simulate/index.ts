/** Many peers on virtual time, and recorded peers run again. */
export { type SimulatedPeer, type SimulatedResult, type SimulationOptions, simulate } from './engine.ts';
export type { LinkCut, Outage, SimulatedFaults } from './faults.ts';
export { type RecordedPeer, type ReplayedPeer, replay } from './replay.ts';
export type { SimulatedCheckpoint } from './snapshots.ts';
