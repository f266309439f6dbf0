/**
 * placed-schedule: a finite-time exact-averaging schedule (Base-2, Base-3, Base-4: Takezawa et al. 2023) whose positions
 * are given to the silos so that its period is shortest (optimise/placement-search.ts). Every degree is searched shortly, the
 * best one longer.
 */
import { z } from 'zod';
import { assert } from '../../base/assert.ts';
import { baseGraph } from '../base-graph.ts';
import { scheduleCycle } from '../cycle-time/schedule-cycle.ts';
import type { ConnectivityGraph } from '../delays.ts';
import { searchPlacement } from '../optimise/placement-search.ts';
import type { WeightEntry } from '../overlay.ts';
import { arcsOfPhase, scheduleOverlay } from './base-k.ts';
import type { Design, Designer, DesignRun } from './designer.ts';

const options = z.strictObject({
  /** The largest degrees k to try. */
  degrees: z.array(z.int().min(1).max(100)).min(1).default([1, 2, 3]),
  /** Swaps tried in the longer search; a quarter of them for each degree in the shorter one. */
  steps: z.int().min(1).default(80_000),
  /** Longer searches, the best of which counts. */
  runs: z.int().min(1).max(100).default(2),
});
type Options = z.infer<typeof options>;

export const placedSchedule: Designer<Options> = {
  name: 'placed-schedule',
  summary:
    'exact averaging in the shortest period: silos placed in Base-(k+1) graphs; {degrees, steps, runs}',
  options,
  silosMax: 1_000,
  patience: 6,
  design({ graph }, chosen, run): Design {
    const best = bestPlacement(graph, chosen, run);
    const { degree, siloAt, periodMs } = best;
    const phases = placedPhases(best);
    const overlay = scheduleOverlay('placed-schedule', graph.names, phases);
    return {
      overlay: { ...overlay, placement: graph.names.map((_, silo) => silo) },
      timing: { kind: 'gossip' },
      notes: [
        `Base-${degree + 1}, ${phases.length} rounds, exact average every ${periodMs.toFixed(1)} ms`,
        `positions in order: ${Array.from(siloAt, (silo) => graph.names[silo]!).join(', ')}`,
      ],
    };
  },
};

/** Of the time: of long schedules the cycle time takes a while too. */
const searchShare = 0.7;

interface PlacedBase {
  readonly degree: number;
  readonly phases: readonly (readonly WeightEntry[])[];
  readonly siloAt: Int32Array;
  /** By the max-plus eigenvalue, shared core links included. */
  readonly periodMs: number;
}

function bestPlacement(
  graph: ConnectivityGraph,
  { degrees, steps, runs }: Options,
  run: DesignRun,
): PlacedBase {
  let best: PlacedBase | undefined;
  for (const degree of degrees) {
    if (best !== undefined && run.expired(searchShare)) break;
    const short = placedBase(graph, degree, Math.ceil(steps / 4), 'short', run);
    if (best === undefined || short.periodMs < best.periodMs) best = short;
  }
  assert(best !== undefined, 'no degree to try');
  for (let index = 0; index < runs && !run.expired(searchShare); index++) {
    const longer = placedBase(graph, best.degree, steps, `long ${index}`, run);
    if (longer.periodMs < best.periodMs) best = longer;
    run.progress(
      `placed-schedule: period ${best.periodMs.toFixed(1)} ms after ${index + 1} of ${runs} searches`,
    );
  }
  return best;
}

function placedBase(
  graph: ConnectivityGraph,
  degree: number,
  stepsMax: number,
  stage: string,
  run: DesignRun,
): PlacedBase {
  const phases = baseGraph(graph.siloCount, degree);
  const { siloAt } = searchPlacement(graph, phases.map(arcsOfPhase), {
    stepsMax,
    random: run.random('placed-schedule', degree, stage),
    expired: () => run.expired(searchShare),
  });
  const placed = { degree, phases, siloAt };
  const { meanMs } = scheduleCycle(graph, placedPhases(placed).map(arcsOfPhase));
  return { ...placed, periodMs: meanMs * phases.length };
}

function placedPhases({ phases, siloAt }: Pick<PlacedBase, 'phases' | 'siloAt'>): WeightEntry[][] {
  return phases.map((phase) =>
    phase.map(([receiver, sender, weight]) => [siloAt[receiver]!, siloAt[sender]!, weight] as const),
  );
}
