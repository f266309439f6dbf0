/** What a swarm's launcher and its child processes say to each other, as plain JSON over the process's channel. */
import type { PeerJob } from '../node/job.ts';
import type { PeerReport } from '../node/run-peer.ts';
import type { RoundRecord } from '../record/records.ts';
import type { TrainerSpec } from '../train/spec.ts';
import type { Evaluation } from '../train/trainer.ts';

export interface BaselineResult {
  readonly own?: Evaluation;
  readonly global?: Evaluation;
}

/** The pooled baseline: train for as many rounds as the swarm did, then evaluate. */
export interface PooledJob {
  readonly trainer: TrainerSpec;
  /** Passes over the pooled samples in each round; or updates. */
  readonly perRound: { readonly kind: 'steps' | 'epochs'; readonly count: number };
}

export type ToChild =
  | { readonly kind: 'run'; readonly job: PeerJob }
  | { readonly kind: 'pooled'; readonly job: PooledJob; readonly rounds: number }
  | { readonly kind: 'addresses'; readonly addresses: readonly (readonly [number, readonly string[]])[] }
  | { readonly kind: 'stop'; readonly reason: string }
  /** What the fault schedule has done to this peer, for its record. */
  | { readonly kind: 'fault'; readonly fault: string }
  | { readonly kind: 'alone' }
  | { readonly kind: 'exit' };

export type FromChild =
  /** The process is up and takes orders. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly addresses: readonly string[]; readonly backendNote: string }
  | { readonly kind: 'round'; readonly record: RoundRecord; readonly sketch: readonly number[] }
  | { readonly kind: 'waiting'; readonly peers: readonly number[] }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'finished'; readonly report: PeerReport }
  | { readonly kind: 'baseline'; readonly result: BaselineResult }
  | {
      readonly kind: 'failed';
      readonly category: 'input' | 'operation' | 'bug';
      readonly code: string;
      readonly message: string;
    };
