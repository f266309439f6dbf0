/** What a node is told and given, and what it comes to. */
import type { Clock } from '../base/clock.ts';
import type { Vector } from '../params/layout.ts';
import type { AggregateReport, FinishReason, PeerConfig } from '../peer/machine.ts';
import type { Recorder, RoundEvaluation } from '../record/recorder.ts';
import type { RoundRecord } from '../record/records.ts';
import type { Storage } from '../storage/storage.ts';
import type { Evaluation, Trainer } from '../train/trainer.ts';
import type { Transport } from '../transport/transport.ts';
import type { WireBounds } from '../wire/message.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { CheckpointPolicy } from './checkpoint-store.ts';
import type { Presence } from './presence.ts';

/** What ends a run before its last round, if anything; the peers agree on it among themselves. */
export interface RunGoal {
  /** On the global test set where there is one, else on the silo's own. */
  readonly targetAccuracy?: number;
  readonly seconds?: number;
}

export interface NodeOptions {
  readonly config: PeerConfig;
  readonly bounds: WireBounds;
  readonly experimentDigest: string;
  readonly layoutDigest: string;
  readonly incarnation: number;
  readonly checkpoints: CheckpointPolicy;
  readonly goal: RunGoal;
  /** Metrics that the silo keeps to itself. */
  readonly withheld?: readonly string[];
  /** Where to go on from; absent: initial params and round 0. */
  readonly resumeFrom?: Checkpoint;
}

export interface NodeDependencies {
  readonly transport: Transport;
  readonly trainer: Trainer;
  readonly storage: Storage;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Tells and hears who is where; absent where a launcher knows. */
  readonly presence?: Presence;
  /** Called when something another peer did was refused. */
  readonly onRefused?: (from: number | undefined, reason: string, detail: string) => void;
  /** Called when a neighbour cannot be dialled, once per reason; it is tried again without end. */
  readonly onUnreachable?: (peer: number, reason: string) => void;
  /** Called after each round with its record. */
  readonly onRound?: (record: RoundRecord, params: Vector) => void;
  /** Called when who is waited for changes. */
  readonly onWaiting?: (peers: readonly number[]) => void;
  /** Nobody is there to begin with: the peer waits for somebody, then stops (PeerConfig.aloneMs). */
  readonly onNobody?: () => void;
}

export interface NodeOutcome {
  readonly reason: FinishReason;
  readonly round: number;
  readonly params: Vector;
  readonly evaluation: RoundEvaluation<Evaluation> | undefined;
  /** What all peers found together, in order. */
  readonly aggregated: readonly AggregateReport[];
}
