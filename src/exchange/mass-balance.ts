/** What a push-sum peer holds and what has gone over its arcs, for whoever checks that none gets lost. */
import type { Taken } from './mass.ts';
import type { PushSumState } from './push-sum-state.ts';

export interface MassBalance {
  readonly y: Float64Array;
  readonly z: number;
  /** Per out-arc, all that was given over it: σ. */
  readonly given: readonly ArcMass[];
  /** Per in-arc, all that was taken: ρ. */
  readonly taken: readonly ArcMass[];
}

export interface ArcMass {
  readonly peer: number;
  readonly y: Float64Array;
  readonly z: number;
}

/** Over all peers of a robust run, Σ y + Σ given − Σ taken is constant, and likewise for z. Undefined before the first round. */
export function massOf(ruleState: unknown): MassBalance | undefined {
  const { mass, entered, arcs, taken } = ruleState as PushSumState;
  if (mass === undefined || !entered) return undefined;
  const { y, z } = mass;
  return {
    y: y.slice(),
    z,
    given: arcs.all.map(({ peer, sum }) => total(peer, y.length, sum)),
    taken: [...taken].map(([peer, sums]) => total(peer, y.length, sums)),
  };
}

type Sums = Pick<Taken, 'part' | 'partZ' | 'carry' | 'carryZ'>;

function total(peer: number, size: number, sums: Sums | undefined): ArcMass {
  const y = Float64Array.from(
    { length: size },
    (_, at) => (sums?.carry?.[at] ?? 0) + (sums?.part?.[at] ?? 0),
  );
  return { peer, y, z: (sums?.carryZ ?? 0) + (sums?.partZ ?? 0) };
}
