/** What a peer keeps while it finds out with all others what the experiment asks for. */
import { present } from '../base/assert.ts';
import type { Aggregation } from '../exchange/aggregation.ts';
import type { FinishReason } from './machine.ts';

/** Where nothing is heard, the pause between two tellings doubles from here on. */
export const QUIET_MIN_MS = 50;

/** In order; `end`: peers only tell that they are through. */
export type StageKind = 'params' | 'metrics' | 'end';

/** Where a peer is in what all find out together (aggregate.ts). */
export interface Service {
  readonly stages: readonly StageKind[];
  stage: number;
  aggregation: Aggregation;
  /** Why the peer's rounds ended; undefined while they go on. */
  reason: FinishReason | undefined;
  /** In-neighbours heard since the last telling. */
  readonly heard: Set<number>;
  toldMs: number;
  quietMs: number;
  /** There is something that others may not know. */
  news: boolean;
  /** When the timer TELL is due; undefined: it is not set. */
  dueMs: number | undefined;
  progressMs: number;
  leastError: number;
  finished: boolean;
}

export function kindOf({ stages, stage }: Service): StageKind {
  return present(stages[stage], 'stage');
}
