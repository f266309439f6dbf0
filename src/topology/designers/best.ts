/**
 * best: the least cycle time over all strong overlays, arcs directed where that helps. Up to five silos by looking at
 * all of them; else the best of: simulated annealing on node potentials at degree-1 delays (optimise/potential-search.ts), the
 * short ring, and simulated annealing on the arcs of the better of both at the delays that they really have
 * (optimise/arc-search.ts), where degrees or shared links cost anything. Same seed, same overlay, unless the time is up.
 */
import { z } from 'zod';
import { BoundSearch, type OverlayBound } from '../bounds/overlay-bound.ts';
import { maximumCycleMean } from '../cycle-time/howard.ts';
import { type ConnectivityGraph, delayDigraph, delayMatrix } from '../delays.ts';
import { type JudgedArcs, minimalStrong, searchArcs } from '../optimise/arc-search.ts';
import { bestOfAll, exhaustiveSilosMax } from '../optimise/exhaustive.ts';
import { type FoundOverlay, searchPotentials } from '../optimise/potential-search.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { shortRing } from '../tours/ring-tour.ts';
import type { Design, Designer, DesignRun } from './designer.ts';
import { tourArcs } from './ring.ts';

export const bestOptions = z.strictObject({
  /** Runs of the search on potentials, each from a seed of its own. */
  runs: z.int().min(1).max(1_000).default(3),
  /** Steps of each; by default 3·10⁸ / n², at most 40,000. */
  steps: z.int().min(1).optional(),
  /** Steps of the linear programs that prove the bound, at most: 1,000 take a second with 80 silos. 0: no proof. */
  boundSteps: z.int().min(0).default(100_000),
});
type Options = z.infer<typeof bestOptions>;

const stepsMax = 40_000;
const stepArcPairs = 3e8;
const firstSteps = 500;
/** Of the bound, before the search. */
const firstBoundSteps = 1_000;
const arcSearchSteps = 60_000;
const sameTimeMs = 1e-9;

export const best: Designer<Options> = {
  name: 'best',
  summary: 'the least cycle time over all strong overlays, found by search; {runs, steps, boundSteps}',
  options: bestOptions,
  silosMax: 2_000,
  design({ graph }, chosen, run): Design {
    const { arcs, how, prove } = bestArcs(graph, chosen, run);
    const bound = prove();
    return {
      overlay: overlayOf({
        name: 'best',
        source: `designed: best (${how})`,
        directed: true,
        nodes: graph.names,
        arcs,
      }),
      timing: { kind: 'gossip' },
      notes: bound === undefined ? [how] : [how, `bound: ${bound.proof}`],
      ...(bound === undefined ? {} : { lowerBoundMs: bound.lowerBoundMs }),
    };
  },
};

interface ExplainedArcs extends JudgedArcs {
  readonly how: string;
}

export interface BestArcs extends ExplainedArcs {
  /** A bound for any overlay, with what is left of the time: the last thing to do. Undefined for one silo, and where none is wanted. */
  prove(): OverlayBound | undefined;
}

/** The overlay of the designer `best`, what found it, and what proves how good it is. */
export function bestArcs(graph: ConnectivityGraph, chosen: Options, run: DesignRun): BestArcs {
  if (graph.siloCount === 1) return { ...judged(graph, []), how: 'one silo', prove: () => undefined };
  if (run.wantsBound === false) {
    const first = searchRelaxed(graph, { runs: 1, steps: firstSteps }, run);
    return { ...searched(graph, first, chosen, run), prove: () => undefined };
  }
  // A little of both first, so that there is a bound too where the time is short.
  const search = new BoundSearch(graph);
  search.raise(Number.POSITIVE_INFINITY, run, 0);
  const first = searchRelaxed(graph, { runs: 1, steps: firstSteps }, run);
  search.raise(first.cycleTimeMs, run, Math.min(firstBoundSteps, chosen.boundSteps));
  const found = searched(graph, first, chosen, run);
  const prove = () => {
    search.raise(found.cycleTimeMs, run, chosen.boundSteps);
    return search.bound;
  };
  return { ...found, prove };
}

function searched(
  graph: ConnectivityGraph,
  first: FoundOverlay,
  chosen: Options,
  run: DesignRun,
): ExplainedArcs {
  if (graph.siloCount <= exhaustiveSilosMax)
    return { ...bestOfAll(graph), how: 'all minimal strong overlays compared' };
  // Where degrees cost something the ring is what to beat: it comes before the long search, so that a short time leaves it.
  const early = degreesCost(graph, first, run) ? ringArcs(graph, run) : undefined;
  const longer = run.expired() ? first : searchRelaxed(graph, chosen, run);
  const relaxed = longer.cycleTimeMs < first.cycleTimeMs ? longer : first;
  const pruned = judged(graph, minimalStrong(graph, relaxed.arcs, run));
  const ofPotentials = { ...pruned, how: 'search on potentials' };
  // Degrees cost nothing on this overlay, so the search has seen its true cycle time.
  if (pruned.cycleTimeMs <= relaxed.cycleTimeMs + sameTimeMs) return ofPotentials;
  const ring = early ?? ringArcs(graph, run);
  const start = pruned.cycleTimeMs < ring.cycleTimeMs ? ofPotentials : ring;
  run.progress(`best: ${start.cycleTimeMs.toFixed(3)} ms by ${start.how}`);
  if (run.expired()) return start;
  const finished = searchArcs(graph, start.arcs, {
    stepsMax: arcSearchSteps,
    random: run.random('best', 'arcs'),
    expired: run.expired,
  });
  if (finished.cycleTimeMs >= start.cycleTimeMs) return start;
  return {
    ...judged(graph, minimalStrong(graph, finished.arcs, run)),
    how: `${start.how}, then search on its arcs`,
  };
}

/** True where the overlay is slower than at degree-1 delays. */
function degreesCost(graph: ConnectivityGraph, { arcs, cycleTimeMs }: FoundOverlay, run: DesignRun): boolean {
  return judged(graph, minimalStrong(graph, arcs, run)).cycleTimeMs > cycleTimeMs + sameTimeMs;
}

function ringArcs(graph: ConnectivityGraph, run: DesignRun): ExplainedArcs {
  const tour = shortRing(graph, { random: run.random('best', 'ring'), expired: run.expired });
  return { ...judged(graph, tourArcs(tour)), how: 'a short ring' };
}

/** The best of several runs at degree-1 delays, which no overlay's delays fall below. */
function searchRelaxed(
  graph: ConnectivityGraph,
  { runs, steps }: Pick<Options, 'runs' | 'steps'>,
  run: DesignRun,
): FoundOverlay {
  const { siloCount } = graph;
  const delayMs = delayMatrix(graph);
  const stepCount = steps ?? Math.max(1, Math.min(stepsMax, Math.round(stepArcPairs / siloCount ** 2)));
  let least: FoundOverlay | undefined;
  for (let index = 0; index < runs && !(least !== undefined && run.expired()); index++) {
    const found = searchPotentials(siloCount, delayMs, {
      stepsMax: stepCount,
      random: run.random('best', 'potentials', index),
      expired: run.expired,
    });
    if (least === undefined || found.cycleTimeMs < least.cycleTimeMs) least = found;
    run.progress(`best: ${least.cycleTimeMs.toFixed(3)} ms after ${index + 1} of ${runs} searches`);
  }
  return least!;
}

function judged(graph: ConnectivityGraph, arcs: readonly Arc[]): JudgedArcs {
  return { arcs, cycleTimeMs: maximumCycleMean(delayDigraph(graph, arcs))!.mean };
}
