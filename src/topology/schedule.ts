/** Overlays that change from round to round: which arcs a round uses, and how it mixes over them. */
import type { Expired } from './deadline.ts';
import { type MixingMatrix, type MixingSpec, mixingMatrix } from './mixing.ts';
import { type Arc, type Overlay, overlayOf, siloNames } from './overlay.ts';
import { exponentialOffsets } from './regular-graphs.ts';

/**
 * One-peer exponential graph: in round t node i averages with what it receives from i + 2^(t mod ⌈log₂ n⌉). After
 * log₂ n rounds of halves the mean is exact when n is a power of two (Ying et al. 2021).
 */
export function onePeerExponential(nodeCount: number): Overlay {
  const schedule = exponentialOffsets(nodeCount).map((offset) =>
    siloNames(nodeCount).map((_, node): Arc => [(node + offset) % nodeCount, node]),
  );
  return overlayOf({
    name: 'one-peer-exponential',
    source: 'built-in one-peer-exponential (Ying et al. 2021)',
    directed: true,
    nodes: siloNames(nodeCount),
    arcs: [],
    schedule,
  });
}

/** The arcs of one round, with that phase's weights, as an overlay of their own; the overlay itself where it has no schedule. */
export function overlayOfRound(overlay: Overlay, round: number): Overlay {
  const { schedule, scheduleWeights, ...rest } = overlay;
  if (schedule === undefined || schedule.length === 0) return overlay;
  const phase = round % schedule.length;
  const weights = scheduleWeights?.[phase];
  return { ...rest, arcs: schedule[phase]!, ...(weights === undefined ? {} : { weights }) };
}

/** Phases of the schedule; 1 where there is none. */
export function phaseCount({ schedule }: Overlay): number {
  return Math.max(1, schedule?.length ?? 1);
}

/** The mixing matrix of every phase, in order; one where there is no schedule. See mixingMatrix for the errors. */
export function mixingMatrices(overlay: Overlay, spec: MixingSpec): readonly MixingMatrix[] {
  return Array.from({ length: phaseCount(overlay) }, (_, phase) => mixingMatrixOfRound(overlay, phase, spec));
}

/** The mixing matrix of one round; see mixingMatrix for the errors. */
export function mixingMatrixOfRound(
  overlay: Overlay,
  round: number,
  spec: MixingSpec,
  expired?: Expired,
): MixingMatrix {
  return mixingMatrix(overlayOfRound(overlay, round), spec, expired);
}
