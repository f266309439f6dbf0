/**
 * A cycle time that no strong overlay whatsoever falls below. Every silo of an overlay has an arc out and in, so every delay
 * is at least the one at degree 1 with core links of its own; with those delays d, λ is refuted where
 *
 * - a set of silos is crossed by no simple cycle of mean ≤ λ: a strong overlay has a cycle across every cut, a simple one,
 *   and its mean is at most the overlay's λ (closed-walks.ts); or
 * - a search over which arcs are in, with bounds on potential differences, comes up empty (branching.ts): small networks.
 *
 * Up to five silos the bound is the optimum itself. All comparisons leave room for rounding.
 */
import { type ConnectivityGraph, delayMatrix, roundComputeMs } from '../delays.ts';
import { bestOfAll, exhaustiveSilosMax } from '../optimise/exhaustive.ts';
import { branchingSilosMax, refutedByBranching } from './branching.ts';
import { ClosedWalks } from './closed-walks.ts';
import { separateGroups } from './separate-groups.ts';

export interface OverlayBound {
  readonly lowerBoundMs: number;
  /** How it was proved, for people. */
  readonly proof: string;
}

export interface BoundRun {
  expired(): boolean;
}

/** How wide the walks remember, how many groups are tried, how many price steps each. */
const stages = [
  { memorySize: 4, groupsMax: 8, iterationsMax: 40 },
  { memorySize: 5, groupsMax: 4, iterationsMax: 60 },
  { memorySize: 6, groupsMax: 3, iterationsMax: 60 },
  { memorySize: 7, groupsMax: 3, iterationsMax: 60 },
  { memorySize: 8, groupsMax: 2, iterationsMax: 60 },
  { memorySize: 10, groupsMax: 1, iterationsMax: 60 },
];
/** Labels times arcs: a price step visits them some ten times. */
const labelArcsMax = 2_000_000;
/** Arcs visited in one stage: some 5 s. */
const stageArcsMax = 1.5e9;
/** Walks are looked at up to so many silos: the labels and their arcs grow as n². */
const walkSilosMax = 300;
const groupSizeMax = 8;
/** Steps of λ, as shares of the known cycle time: what a group must raise the bound by at first, and in the end. */
const probeShare = 5e-4;
const lastStepShare = 1e-4;
const roundingShare = 1e-10;

/**
 * The bound, and its proof. `upperMs`: the cycle time of a known overlay, which ends the search where it is met. Two
 * silos or more. `first`: what a few seconds prove.
 */
export function overlayLowerBound(
  graph: ConnectivityGraph,
  upperMs: number,
  run: BoundRun,
  stagesUsed: 'first' | 'all' = 'all',
): OverlayBound {
  const { siloCount, routes, ...unshared } = graph;
  if (siloCount <= exhaustiveSilosMax) {
    const { cycleTimeMs } = bestOfAll({ ...unshared, siloCount });
    return { lowerBoundMs: cycleTimeMs, proof: 'all minimal strong overlays compared' };
  }
  const delayMs = delayMatrix(graph);
  let best = floor(graph, delayMs);
  if (siloCount > walkSilosMax) return rounded(best);
  if (siloCount <= branchingSilosMax) {
    best = raised(siloCount, delayMs, best, upperMs, stages[0]!, run);
    return rounded(branched(siloCount, delayMs, best, upperMs, run));
  }
  for (const stage of stagesUsed === 'first' ? stages.slice(0, 1) : stages) {
    if (siloCount ** 2 * 2 ** stage.memorySize > labelArcsMax) break;
    best = raised(siloCount, delayMs, best, upperMs, stage, run);
  }
  return rounded(best);
}

function rounded({ lowerBoundMs, proof }: OverlayBound): OverlayBound {
  return { lowerBoundMs: lowerBoundMs * (1 - roundingShare), proof };
}

/** Every silo lies on a cycle, so its cheapest arcs out and in … and no mean falls below the least delay. */
function floor(graph: ConnectivityGraph, delayMs: Float64Array): OverlayBound {
  const { siloCount } = graph;
  let slowestMs = 0;
  let leastMs = Number.POSITIVE_INFINITY;
  for (let from = 0; from < siloCount; from++) {
    slowestMs = Math.max(slowestMs, roundComputeMs(graph, from));
    for (let to = 0; to < siloCount; to++) {
      if (from !== to) leastMs = Math.min(leastMs, delayMs[from * siloCount + to]!);
    }
  }
  return leastMs > slowestMs
    ? { lowerBoundMs: leastMs, proof: 'the fastest arc' }
    : { lowerBoundMs: slowestMs, proof: 'the slowest silo’s own steps' };
}

type Stage = (typeof stages)[number];

/** One group of silos after the other, the most isolated first, until no more of them raises the bound. */
function raised(
  count: number,
  delayMs: Float64Array,
  start: OverlayBound,
  upperMs: number,
  stage: Stage,
  run: BoundRun,
): OverlayBound {
  const walks = new ClosedWalks(count, delayMs, stage.memorySize);
  const tried = new Set<string>();
  let best = start;
  const expired = () => walks.visitedArcs > stageArcsMax || run.expired();
  while (tried.size < stage.groupsMax && !expired()) {
    const groups = separateGroups(count, delayMs, best.lowerBoundMs + probeShare * upperMs);
    const cut = groups.find((nodes) => nodes.length <= groupSizeMax && !tried.has(nodes.join()));
    if (cut === undefined || groups.length === 1) break;
    tried.add(cut.join());
    best = raisedByCut(walks, count, cut, best, upperMs, stage, { expired });
  }
  return best;
}

/** Steps that double where a proof succeeds and, once one has, halve where none does. */
function raisedByCut(
  walks: ClosedWalks,
  count: number,
  cut: readonly number[],
  start: OverlayBound,
  upperMs: number,
  { iterationsMax }: Stage,
  { expired }: BoundRun,
): OverlayBound {
  const inside = new Uint8Array(count);
  for (const node of cut) inside[node] = 1;
  const names = cut.length === 1 ? `silo ${cut[0]}` : `silos ${cut.join(', ')}`;
  const proof = `no cycle of a lower mean leaves ${names}`;
  let best = start;
  for (let stepMs = probeShare * upperMs; stepMs > lastStepShare * upperMs && !expired(); ) {
    if (best.lowerBoundMs >= upperMs) break;
    const lambdaMs = Math.min(upperMs, best.lowerBoundMs + stepMs);
    const isUncrossed = cut.every((source) =>
      walks.excludes(source, inside, lambdaMs, { iterationsMax, expired }),
    );
    if (!isUncrossed && best === start) break;
    if (isUncrossed) best = { lowerBoundMs: lambdaMs, proof };
    stepMs *= isUncrossed ? 2 : 0.5;
  }
  return best;
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
    if (above - best.lowerBoundMs < lastStepShare * upperMs) break;
    lambdaMs = (above + best.lowerBoundMs) / 2;
  }
  return best;
}
