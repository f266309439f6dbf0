/** What a peer of push-sum holds. */
import type { Vector } from '../params/layout.ts';
import type { Arcs } from './arcs.ts';
import type { Mass, Taken } from './mass.ts';
import type { Pace } from './pace.ts';
import type { SumTelling } from './push-sum-telling.ts';
import type { RuleContext } from './rule.ts';

export interface PushSumOptions {
  readonly variant: 'robust' | 'plain';
  readonly periodMs?: number;
  readonly stepFactorMax: number;
}

export interface PushSumState {
  readonly context: RuleContext;
  readonly options: PushSumOptions;
  readonly pace: Pace;
  readonly incarnation: number;
  /** The incarnation in which this peer last started anew. */
  readonly life: number;
  /** Whether this incarnation is that one. */
  readonly fresh: boolean;
  round: number;
  /** Undefined until its size is known. */
  mass: Mass | undefined;
  /** Whether the peer's own params are in the mass. */
  entered: boolean;
  readonly telling: SumTelling;
  /** De-biased params at the start of `paramsRound`. */
  params: Vector;
  paramsRound: number;
  /** Where the next ones go: what training gave, which nobody else holds. */
  next: Vector | undefined;
  training: boolean;
  readonly arcs: Arcs;
  readonly taken: Map<number, Taken>;
  /** Said since the end, or since something came after it. */
  farewells: number;
  /** In all. */
  farewellsSaid: number;
  ended: boolean;
  /** Those not heard since this peer went back to a checkpoint. */
  readonly unheard: Set<number> | undefined;
  /** It goes, and hands over what it has and what still comes. */
  leaving: boolean;
  /** Neighbours that leave, and how often they are still to be told what they were given. */
  seenOff: Map<number, number> | undefined;
}
