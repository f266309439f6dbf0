/** One peer's whole assignment as plain JSON: it crosses process boundaries, so that a child parses no experiment. */
import { present } from '../base/assert.ts';
import { findExchangeRule } from '../exchange/registry.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import type { RunPlan } from '../peer/plan.ts';
import type { RecordLevel } from '../record/recorder.ts';
import type { TrainerSpec } from '../train/spec.ts';
import type { RunGoal } from './node-options.ts';
import type { Shared } from './presence.ts';

/** A RunPlan with the rule by name and the rows of each matrix as lists of [sender, weight]. */
export type PlanJson = Omit<RunPlan, 'rule' | 'matrices'> & {
  readonly rule: string;
  readonly matrices: readonly (readonly (readonly (readonly [number, number])[])[])[];
};

export interface JobFaults {
  readonly schedule: FaultSchedule;
  /** How often the schedule has started this peer again before. */
  readonly lives: number;
  /** How long the run has been going; absent: it begins when the peer is told where the others are. */
  readonly beganAgoMs?: number;
}

export interface PeerJob {
  readonly self: number;
  readonly members: readonly { readonly name: string; readonly peerId: string }[];
  readonly experimentName: string;
  /** Members that may not connect, by index; none where absent. */
  readonly revoked?: readonly number[];
  /** Package versions for the record. */
  readonly versions: Readonly<Record<string, string>>;
  readonly experimentDigest: string;
  readonly plan: PlanJson;
  readonly trainer: TrainerSpec;
  /** What the record says about the silo's data; absent where the silo keeps it to itself. */
  readonly silo?: {
    readonly samples: number;
    readonly testSamples: number;
    readonly labelCounts: readonly number[];
  };
  /** Optimiser updates per round: a number, or passes over the silo's own samples. */
  readonly localWork: { readonly kind: 'steps' | 'epochs'; readonly count: number };
  /** The peer's own folder: key, logs, checkpoints, final params. */
  readonly folder: string;
  readonly keyPath: string;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  /** Neighbours that this peer dials; absent: those with the greater peer id. */
  readonly dials?: readonly number[];
  /** That each other member may send; absent: as many as the transport's default. */
  readonly controlMessagesPerSecond?: number;
  /** Where it goes on from a checkpoint and nobody is there: how long to wait on before it stops; absent: it goes on alone. */
  readonly aloneMs?: number;
  /** What the peer tells others about itself as it goes; absent: nothing, a launcher sees it all. */
  readonly shared?: Shared;
  /** Metrics that are aggregated and that this silo keeps to itself; absent: none. */
  readonly withheld?: readonly string[];
  readonly record: RecordLevel;
  readonly mode: 'swarm' | 'peer';
  readonly log: { readonly segmentBytesMax: number; readonly segmentsMax: number };
  readonly checkpointsKept: number;
  readonly goal: RunGoal;
  /** What goes wrong in this run: the peer plays its own part of it; absent where nothing does. */
  readonly faults?: JobFaults;
  /** Go on from exactly this round's checkpoint; or from the newest that can be read; or from the start. */
  readonly resume:
    | { readonly kind: 'round'; readonly round: number }
    | { readonly kind: 'newest' }
    | { readonly kind: 'fresh' };
}

export function planToJson({ rule, matrices, ...rest }: RunPlan): PlanJson {
  return { ...rest, rule: rule.name, matrices: matrices.map((matrix) => matrix.map((row) => [...row])) };
}

export function planFromJson({ rule, matrices, ...rest }: PlanJson): RunPlan {
  return {
    ...rest,
    rule: present(findExchangeRule(rule), `exchange rule ${rule}`),
    matrices: matrices.map((matrix) => matrix.map((row) => new Map(row))),
  };
}
