/**
 * A cycle time that no strong overlay whatsoever falls below. Every silo of an overlay has an arc out and in, so every delay
 * is at least the one at degree 1 with core links of its own; with those delays d, λ is refuted where
 *
 * - a set of silos is crossed by no simple cycle of mean ≤ λ: a strong overlay has a cycle across every cut, a simple one,
 *   and its mean is at most the overlay's λ (crossing-bound.ts); or
 * - a search over which arcs are in, with bounds on potential differences, comes up empty (branching.ts): small networks.
 *
 * Up to five silos the bound is the optimum itself, except where core links are shared: a silo's other arcs may be held back there and
 * leave an arc more than an equal share of its access. All comparisons leave room for rounding.
 */
import { arcDelayMs, type ConnectivityGraph, delayMatrix, roundComputeMs } from '../delays.ts';
import { bestOfAll, exhaustiveSilosMax } from '../optimise/exhaustive.ts';
import { branchingSilosMax, refutedByBranching } from './branching.ts';
import { CrossingBound, type MeanCycle } from './crossing-bound.ts';
import type { VisitCut } from './crossing-proof.ts';
import { separateGroups } from './separate-groups.ts';

export interface OverlayBound {
  readonly lowerBoundMs: number;
  /** How it was proved, for people. */
  readonly proof: string;
}

export interface BoundRun {
  expired(): boolean;
}

/** Linear programs are solved up to so many silos: a step takes some n² operations, and there are more of them. */
const programSilosMax = 300;
/** Of the simplex method; no network here has come near it. */
const stepsMaxAlways = 1_000_000;
/** Bisection ends there. */
const lastShare = 1e-4;
const sameShare = 1e-7;
const roundingShare = 1e-10;

/**
 * The bound, and its proof. `upperMs`: the cycle time of a known overlay, which ends the search where it is met. Two
 * silos or more.
 */
export function overlayLowerBound(graph: ConnectivityGraph, upperMs: number, run: BoundRun): OverlayBound {
  const search = new BoundSearch(graph);
  search.raise(upperMs, run);
  return search.bound;
}

/** The bound as it grows: to be raised for a while, and then again from there on. */
export class BoundSearch {
  readonly #graph: ConnectivityGraph;
  /** Empty where nothing is made of it. */
  readonly #delayMs: Float64Array;
  readonly #groups: GroupSearch | undefined;
  #best: OverlayBound;
  #isFastestArcKnown = false;

  /** Two silos or more. */
  constructor(graph: ConnectivityGraph) {
    const { siloCount } = graph;
    this.#graph = graph;
    if (siloCount <= exhaustiveSilosMax && graph.routes === undefined) {
      const { cycleTimeMs } = bestOfAll(graph);
      this.#best = { lowerBoundMs: cycleTimeMs, proof: 'all minimal strong overlays compared' };
      this.#delayMs = new Float64Array();
      this.#isFastestArcKnown = true;
      return;
    }
    this.#best = ownSteps(graph);
    this.#delayMs = siloCount <= programSilosMax ? delayMatrix(graph) : new Float64Array();
    if (siloCount <= programSilosMax) this.#groups = new GroupSearch(siloCount, this.#delayMs);
  }

  get bound(): OverlayBound {
    return rounded(this.#best);
  }

  /** Fast simple cycles out of remote groups of silos, met on the way: the most remote group's first. */
  get cycles(): readonly MeanCycle[] {
    return this.#groups?.cycles ?? [];
  }

  /**
   * Raises it towards `upperMs`, a known overlay's cycle time; ends where nothing more is to be had, or `run` has
   * expired, or linear programs have taken `stepsMax` steps more. With 0 steps it is the fastest arc.
   */
  raise(upperMs: number, run: BoundRun, stepsMax = stepsMaxAlways): void {
    if (!this.#isFastestArcKnown) this.#lookForFastestArc(run);
    if (this.#groups === undefined || stepsMax === 0) return;
    this.#best = this.#groups.raise(this.#best, upperMs, run, stepsMax);
    const { siloCount } = this.#graph;
    if (siloCount <= branchingSilosMax) {
      this.#best = branched(siloCount, this.#delayMs, this.#best, upperMs, run);
    }
  }

  /** No mean falls below the least delay, once all have been looked at. */
  #lookForFastestArc({ expired }: BoundRun): void {
    const { siloCount } = this.#graph;
    let leastMs = Number.POSITIVE_INFINITY;
    for (let from = 0; from < siloCount; from++) {
      if (expired()) return;
      for (let to = 0; to < siloCount; to++) {
        if (from !== to) leastMs = Math.min(leastMs, arcDelayMs(this.#graph, from, to));
      }
    }
    this.#isFastestArcKnown = true;
    if (leastMs > this.#best.lowerBoundMs) this.#best = { lowerBoundMs: leastMs, proof: 'the fastest arc' };
  }
}

function rounded({ lowerBoundMs, proof }: OverlayBound): OverlayBound {
  return { lowerBoundMs: lowerBoundMs * (1 - roundingShare), proof };
}

/** No mean falls below a silo's own steps. */
function ownSteps(graph: ConnectivityGraph): OverlayBound {
  let slowestMs = 0;
  for (let silo = 0; silo < graph.siloCount; silo++) {
    slowestMs = Math.max(slowestMs, roundComputeMs(graph, silo));
  }
  return { lowerBoundMs: slowestMs, proof: 'the slowest silo’s own steps' };
}

/**
 * One group of silos after the other, the most isolated first. Groups that a cycle is known to join with a mean of the
 * bound or less are one from then on; when all are one, no cut has more to give.
 */
class GroupSearch {
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #tried = new Set<string>();
  readonly cycles: MeanCycle[] = [];
  #current: CrossingBound | undefined;
  /** Cuts that the last group ended with. */
  #cuts: readonly VisitCut[] = [];

  constructor(count: number, delayMs: Float64Array) {
    this.#count = count;
    this.#delayMs = delayMs;
  }

  raise(start: OverlayBound, upperMs: number, run: BoundRun, stepsMax: number): OverlayBound {
    let stepsLeft = stepsMax;
    let best = start;
    while (best.lowerBoundMs < upperMs && stepsLeft > 0 && !run.expired()) {
      const crossing = this.#current ?? this.#next(best.lowerBoundMs);
      if (crossing === undefined) break;
      const before = crossing.steps;
      const expired = () => crossing.steps - before >= stepsLeft || run.expired();
      crossing.raise({ expired }, best.lowerBoundMs);
      stepsLeft -= crossing.steps - before;
      if (crossing.lowerBoundMs > best.lowerBoundMs) {
        const { nodes } = crossing;
        const names = nodes.length === 1 ? `silo ${nodes[0]}` : `silos ${nodes.join(', ')}`;
        const lowerBoundMs = Math.min(upperMs, crossing.lowerBoundMs);
        best = { lowerBoundMs, proof: `no cycle of a lower mean leaves ${names}` };
      }
      this.#current = crossing.isDone ? this.#closed(crossing) : crossing;
    }
    return best;
  }

  #closed({ nodes, cycle, cuts }: CrossingBound): undefined {
    this.#tried.add(nodes.join());
    if (cycle !== undefined) this.cycles.push(cycle);
    this.#cuts = cuts;
  }

  #next(lambdaMs: number): CrossingBound | undefined {
    const atMostMs = lambdaMs * (1 + sameShare);
    const joining = this.cycles.filter(({ meanMs }) => meanMs <= atMostMs).map(({ nodes }) => nodes);
    const groups = separateGroups(this.#count, this.#delayMs, atMostMs, joining);
    const nodes = groups.find((group) => group.length <= this.#count / 2 && !this.#tried.has(group.join()));
    return nodes && new CrossingBound(this.#count, this.#delayMs, nodes, this.#cuts);
  }
}

/** As `raised`, by branching: bisection between what is proved and what is known to be reached. */
function branched(
  count: number,
  delayMs: Float64Array,
  start: OverlayBound,
  upperMs: number,
  run: BoundRun,
): OverlayBound {
  const proof = 'a search over all sets of arcs came up empty';
  const justBelowMs = upperMs * (1 - 1e-6);
  let best = start;
  let above = upperMs;
  for (let lambdaMs = justBelowMs; lambdaMs > best.lowerBoundMs && !run.expired(); ) {
    if (refutedByBranching(count, delayMs, lambdaMs, run)) best = { lowerBoundMs: lambdaMs, proof };
    else above = lambdaMs;
    if (above - best.lowerBoundMs < lastShare * upperMs) break;
    lambdaMs = (above + best.lowerBoundMs) / 2;
  }
  return best;
}
