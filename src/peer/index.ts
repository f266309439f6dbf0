/** The deterministic core: one peer, no I/O. */
export type * from './machine.ts';
export { peerConfig, type RunPlan } from './plan.ts';
export { createPeer, type PeerState } from './state.ts';
export { step } from './step.ts';
