/**
 * best: the least cycle time over all strong overlays, arcs directed where that helps. Up to five silos by looking at
 * all of them; else the best of: simulated annealing on node potentials at degree-1 delays (optimise/potential-search.ts), from
 * none and from those of fast cycles that the lower bound has met, then again and again from the best so far; the short ring; and
 * simulated annealing on the arcs of the better of both at the delays that they really have (optimise/arc-search.ts), where
 * degrees or shared links cost anything. Same seed, same overlay, unless the time is up.
 */
import { z } from 'zod';
import { branchingSilosMax } from '../bounds/branching.ts';
import type { MeanCycle } from '../bounds/crossing-bound.ts';
import { BoundSearch, type OverlayBound } from '../bounds/overlay-bound.ts';
import { isConnected } from '../connectivity.ts';
import { maximumCycleMean } from '../cycle-time/howard.ts';
import { type ConnectivityGraph, delayDigraph, delayMatrix } from '../delays.ts';
import { type JudgedArcs, minimalStrong, searchArcs } from '../optimise/arc-search.ts';
import { cyclePotentials } from '../optimise/cycle-potentials.ts';
import { bestOfAll, exhaustiveSilosMax } from '../optimise/exhaustive.ts';
import {
  type FoundOverlay,
  type PotentialSearchOptions,
  searchPotentials,
} from '../optimise/potential-search.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { shortRing } from '../tours/ring-tour.ts';
import type { Design, Designer, DesignProblem, DesignRun } from './designer.ts';
import { tourArcs } from './ring.ts';

export const bestOptions = z.strictObject({
  /** Further searches on potentials, each from the best so far; by default as many as there is room for in 10⁹ / n² steps, 1 to 8. */
  runs: z.int().min(0).max(1_000).optional(),
  /** Steps of each; by default the least of 1,000 n, 1.5·10⁸ / n² and 40,000. */
  steps: z.int().min(1).optional(),
  /** Steps of the linear programs that prove the bound, at most: 1,000 take a second with 80 silos. 0: no proof. */
  boundSteps: z.int().min(0).default(100_000),
});
type Options = z.infer<typeof bestOptions>;

/** Of the time; the rest is for the bound, or for what others make of the overlay, which is the same then. */
const searchShare = 0.75;
const stepsMax = 40_000;
const stepsPerSilo = 1_000;
const stepArcPairs = 1.5e8;
const runArcPairs = 1e9;
const runsMax = 8;
const firstSteps = 500;
/** Steps for the bound before the search, times n²: the cycles that it meets are good to begin with. */
const cycleStepPairs = 1.2e8;
const startCycles = 2;
const arcSearchSteps = 60_000;
/** Arcs are taken away within a fraction of a second. */
const quickSilosMax = 300;
/** Denser overlays are slower, and arcs are not taken away from them that soon. */
const othersArcsPerSilo = 10;
const sameTimeMs = 1e-9;
const sameShare = 1e-7;

export const best: Designer<Options> = {
  name: 'best',
  summary: 'the least cycle time over all strong overlays, found by search; {runs, steps, boundSteps}',
  options: bestOptions,
  silosMax: 2_000,
  patience: 20,
  design({ graph, designed }, chosen, run): Design {
    const { prove, ...found } = bestArcs(graph, chosen, run);
    const { arcs: fastestArcs, how } = fastest([found, ...ofOthers(graph, designed, found.cycleTimeMs)]);
    const arcs = fastestArcs === found.arcs ? found.arcs : pruned(graph, fastestArcs, run).arcs;
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

/** In a comparison: overlays that others made of arcs, one of which may be faster where the time was short. */
function ofOthers(
  graph: ConnectivityGraph,
  designed: DesignProblem['designed'],
  atMostMs: number,
): ExplainedArcs[] {
  if (designed === undefined || graph.siloCount > quickSilosMax) return [];
  return [...designed].flatMap(([how, { overlay, timing }]) => {
    const isArcs = overlay.schedule === undefined && overlay.placement === undefined;
    if (overlay.arcs.length > othersArcsPerSilo * graph.siloCount) return [];
    if (timing.kind !== 'gossip' || !isArcs || !isConnected(overlay)) return [];
    const other = { ...judged(graph, overlay.arcs), how };
    return other.cycleTimeMs < atMostMs - sameTimeMs ? [other] : [];
  });
}

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
  const searching: DesignRun = { ...run, expired: () => run.expired(searchShare) };
  // A little of both first, so that there is a bound too where the time is short.
  const search = new BoundSearch(graph);
  search.raise(Number.POSITIVE_INFINITY, searching, 0);
  const relaxed = relaxedSearch(graph, searching);
  const first = relaxed('potentials', firstSteps);
  const cycleSteps = Math.round(cycleStepPairs / graph.siloCount ** 2);
  // Few silos have no use for cycles to begin with, and a bound of theirs wants the least cycle time known.
  const isOfUse = graph.siloCount > branchingSilosMax;
  search.raise(first.cycleTimeMs, searching, isOfUse ? Math.min(cycleSteps, chosen.boundSteps) : 0);
  const starts = { first, cycles: search.cycles.slice(0, startCycles), enoughMs: search.bound.lowerBoundMs };
  const found = searched(graph, starts, relaxed, chosen, searching);
  const prove = () => {
    if (run.wantsBound === false) return undefined;
    search.raise(found.cycleTimeMs, { expired: () => run.expired() }, chosen.boundSteps);
    return search.bound;
  };
  return { ...found, prove };
}

function searched(
  graph: ConnectivityGraph,
  starts: Starts,
  relaxed: RelaxedSearch,
  chosen: Options,
  run: DesignRun,
): ExplainedArcs {
  const { first } = starts;
  if (graph.siloCount <= exhaustiveSilosMax)
    return {
      ...bestOfAll(graph),
      how: `all minimal strong overlays compared${graph.routes === undefined ? '' : '; others may be faster where the core is shared'}`,
    };
  // Where degrees cost something the ring is what to beat: it comes before the long search, so that a short time leaves it.
  const early = degreesCost(graph, first, run) ? ringArcs(graph, run) : undefined;
  const candidates = searchedOn(graph, starts, relaxed, chosen, run);
  const overlays = candidates.map(({ arcs }) => pruned(graph, arcs, run));
  const ofPotentials = { ...fastest(overlays), how: 'search on potentials' };
  // Where degrees cost nothing, the search has seen true cycle times.
  if (ofPotentials.cycleTimeMs <= fastest(candidates).cycleTimeMs + sameTimeMs) return ofPotentials;
  const ring = early ?? ringArcs(graph, run);
  const start = fastest([ofPotentials, ring]);
  run.progress(`best: ${start.cycleTimeMs.toFixed(3)} ms by ${start.how}`);
  if (run.expired()) return start;
  const finished = searchArcs(graph, start.arcs, {
    stepsMax: arcSearchSteps,
    random: run.random('best', 'arcs'),
    expired: run.expired,
  });
  if (finished.cycleTimeMs >= start.cycleTimeMs) return start;
  return {
    ...pruned(graph, finished.arcs, run),
    how: `${start.how}, then search on its arcs`,
  };
}

function fastest<Found extends { readonly cycleTimeMs: number }>(found: readonly Found[]): Found {
  return found.reduce((least, one) => (one.cycleTimeMs < least.cycleTimeMs ? one : least));
}

/** Without the arcs that it can do without, even if the time is up, where that takes no time to speak of. */
function pruned(graph: ConnectivityGraph, arcs: readonly Arc[], run: DesignRun): JudgedArcs {
  const isQuick = graph.siloCount <= quickSilosMax;
  return judged(graph, minimalStrong(graph, arcs, isQuick ? { expired: () => false } : run));
}

/** True where the overlay is slower than at degree-1 delays. */
function degreesCost(graph: ConnectivityGraph, found: FoundOverlay, run: DesignRun): boolean {
  return pruned(graph, found.arcs, run).cycleTimeMs > found.cycleTimeMs + sameTimeMs;
}

function ringArcs(graph: ConnectivityGraph, run: DesignRun): ExplainedArcs {
  const tour = shortRing(graph, { random: run.random('best', 'ring'), expired: run.expired });
  return { ...judged(graph, tourArcs(tour)), how: 'a short ring' };
}

/** A search at degree-1 delays, which no overlay's delays fall below: one stream of chance for each path. */
type RelaxedSearch = (
  path: string | number,
  steps: number,
  from?: Pick<PotentialSearchOptions, 'start' | 'goOnFrom'>,
) => FoundOverlay;

function relaxedSearch(graph: ConnectivityGraph, run: DesignRun): RelaxedSearch {
  const delayMs = delayMatrix(graph);
  return (path, stepsMax, from = {}) =>
    searchPotentials(graph.siloCount, delayMs, {
      ...from,
      stepsMax,
      random: run.random('best', path),
      expired: run.expired,
    });
}

interface Starts {
  readonly first: FoundOverlay;
  /** Where the bound is not met, these are often part of a better overlay. */
  readonly cycles: readonly MeanCycle[];
  /** Nothing is faster. */
  readonly enoughMs: number;
}

/** From the potentials of given cycles, from none, and then again and again from the best so far, while there is time. */
function searchedOn(
  graph: ConnectivityGraph,
  { first, cycles, enoughMs }: Starts,
  relaxed: RelaxedSearch,
  { runs, steps }: Options,
  run: DesignRun,
): FoundOverlay[] {
  const { siloCount } = graph;
  const delayMs = cycles.length === 0 ? new Float64Array() : delayMatrix(graph);
  const stepCount = steps ?? usualSteps(siloCount);
  const runCount = runs ?? usualRuns(siloCount, stepCount);
  const found = [first];
  const isOver = () => run.expired() || fastest(found).cycleTimeMs <= enoughMs * (1 + sameShare);
  for (const [index, { nodes, meanMs }] of cycles.entries()) {
    const start = cyclePotentials(siloCount, delayMs, nodes, meanMs);
    if (!isOver()) found.push(relaxed(`cycle ${index}`, stepCount, { start }));
  }
  if (!isOver()) found.push(relaxed('none', stepCount));
  for (let index = 0; index < runCount && !isOver(); index++) {
    found.push(relaxed(index, stepCount, { goOnFrom: fastest(found) }));
    run.progress(
      `best: ${fastest(found).cycleTimeMs.toFixed(3)} ms after ${index + 1} of ${runCount} further searches`,
    );
  }
  return found;
}

function usualRuns(siloCount: number, stepCount: number): number {
  return Math.max(1, Math.min(runsMax, Math.round(runArcPairs / siloCount ** 2 / stepCount)));
}

function usualSteps(siloCount: number): number {
  const affordable = Math.round(stepArcPairs / siloCount ** 2);
  return Math.max(1, Math.min(stepsMax, stepsPerSilo * siloCount, affordable));
}

function judged(graph: ConnectivityGraph, arcs: readonly Arc[]): JudgedArcs {
  return { arcs, cycleTimeMs: maximumCycleMean(delayDigraph(graph, arcs))!.mean };
}
