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
import { CutProof } from './cut-proof.ts';
import { separateGroups } from './separate-groups.ts';
import { memorySizeMin } from './walk-memory.ts';

export interface OverlayBound {
  readonly lowerBoundMs: number;
  /** How it was proved, for people. */
  readonly proof: string;
}

export interface BoundRun {
  expired(): boolean;
}

/** Arcs that walks look at: some 25 s of them, when all is well. */
const arcsMax = 1.2e9;
/** Walks are looked at up to so many silos: the labels and their arcs grow as n². */
const walkSilosMax = 300;
/** How many groups of silos are tried with the shortest memory; half as many with each longer one. */
const groupsMax = 4;
const groupSizeMax = 8;
const memorySizeMax = 14;
/** Labels times arcs: a pass visits them some ten times. */
const labelArcsMax = 1e8;
const stepsMax = 40;
/** Steps of λ, as shares of the known cycle time: what a group must raise the bound by at first, and in the end. */
const probeShare = 5e-4;
const lastShare = 1e-4;
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
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #cuts: CutSearch | undefined;
  #best: OverlayBound;

  /** Two silos or more. */
  constructor(graph: ConnectivityGraph) {
    const { siloCount, routes, ...unshared } = graph;
    this.#count = siloCount;
    if (siloCount <= exhaustiveSilosMax) {
      const { cycleTimeMs } = bestOfAll({ ...unshared, siloCount });
      this.#best = { lowerBoundMs: cycleTimeMs, proof: 'all minimal strong overlays compared' };
      this.#delayMs = new Float64Array();
      return;
    }
    this.#delayMs = delayMatrix(graph);
    this.#best = floor(graph, this.#delayMs);
    if (siloCount <= walkSilosMax) this.#cuts = new CutSearch(siloCount, this.#delayMs);
  }

  get bound(): OverlayBound {
    return rounded(this.#best);
  }

  /**
   * Raises it towards `upperMs`, a known overlay's cycle time; ends where nothing more is to be had, or `run` has
   * expired, or walks have looked at `arcCount` arcs more.
   */
  raise(upperMs: number, run: BoundRun, arcCount = arcsMax): void {
    if (this.#cuts === undefined) return;
    this.#best = this.#cuts.raise(this.#best, upperMs, run, arcCount);
    if (this.#count <= branchingSilosMax) {
      this.#best = branched(this.#count, this.#delayMs, this.#best, upperMs, run);
    }
  }
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

/** One group of silos after the other, the most isolated first, with longer and longer memories. */
class CutSearch {
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #proofs = new Map<string, CutProof>();
  readonly #tried = new Set<string>();
  /** By group: the least λ at which a cycle is known to leave it. */
  readonly #crossedMs = new Map<string, number>();
  #size = memorySizeMin;
  /** The one that raised the bound last. */
  #leader: CutProof | undefined;
  /** With this memory. */
  #hasRaised = false;

  constructor(count: number, delayMs: Float64Array) {
    this.#count = count;
    this.#delayMs = delayMs;
  }

  raise(start: OverlayBound, upperMs: number, run: BoundRun, arcCount: number): OverlayBound {
    const arcsBefore = this.#visitedArcs();
    const expired = () => this.#visitedArcs() - arcsBefore >= arcCount || run.expired();
    let best = start;
    while (best.lowerBoundMs < upperMs && !expired()) {
      const proof = this.#next(best.lowerBoundMs + probeShare * upperMs);
      if (proof !== undefined) {
        const raised = this.#raisedBy(proof, best, upperMs, expired);
        if (raised !== best) {
          this.#leader = proof;
          this.#hasRaised = true;
        }
        best = raised;
        if (!expired()) this.#tried.add(proof.nodes.join());
      } else if (!this.#lengthen()) break;
    }
    return best;
  }

  #visitedArcs(): number {
    let total = 0;
    for (const { visitedArcs } of this.#proofs.values()) total += visitedArcs;
    return total;
  }

  /**
   * The group that raised the bound last, then the most isolated ones at λ, each once with this memory; undefined: one has raised the
   * bound, or enough of them have not.
   */
  #next(lambdaMs: number): CutProof | undefined {
    const tryable = groupsMax / 2 ** (this.#size - memorySizeMin);
    if (this.#tried.size > 0 && (this.#hasRaised || this.#tried.size >= tryable)) return undefined;
    const groups = separateGroups(this.#count, this.#delayMs, lambdaMs);
    if (groups.length === 1) return undefined;
    if (this.#leader !== undefined) groups.unshift([...this.#leader.nodes]);
    const nodes = groups.find((group) => {
      const key = group.join();
      const isCrossed = (this.#crossedMs.get(key) ?? Number.POSITIVE_INFINITY) <= lambdaMs;
      return group.length <= groupSizeMax && !this.#tried.has(key) && !isCrossed;
    });
    if (nodes === undefined) return undefined;
    const key = nodes.join();
    const proof = this.#proofs.get(key) ?? new CutProof(this.#count, this.#delayMs, nodes, this.#leader);
    this.#proofs.set(key, proof);
    while (proof.memorySize < this.#size) proof.grow();
    return proof;
  }

  /** False: it is long enough, or nothing is left to be tried with it. */
  #lengthen(): boolean {
    const isAllTried = this.#tried.size === 0;
    if (isAllTried || this.#size >= Math.min(memorySizeMax, this.#count)) return false;
    if (this.#count ** 2 * 2 ** (this.#size + 1) > labelArcsMax) return false;
    this.#size++;
    this.#hasRaised = false;
    this.#tried.clear();
    return true;
  }

  /** Steps that double until a proof fails, and halve where one does. */
  #raisedBy(proof: CutProof, start: OverlayBound, upperMs: number, expired: () => boolean): OverlayBound {
    const { nodes } = proof;
    const names = nodes.length === 1 ? `silo ${nodes[0]}` : `silos ${nodes.join(', ')}`;
    let best = start;
    let hasFailed = false;
    let leastShare = probeShare;
    for (let stepMs = probeShare * upperMs; stepMs > 0.99 * leastShare * upperMs && !expired(); ) {
      if (best.lowerBoundMs >= upperMs) break;
      const lambdaMs = Math.min(upperMs, best.lowerBoundMs + stepMs);
      const outcome = proof.try(lambdaMs, stepsMax, expired);
      if (outcome === 'crossed') {
        // There is no more to it than that cycle's mean, which is worth coming close to.
        this.#crossedMs.set(nodes.join(), lambdaMs);
        leastShare = lastShare;
      }
      if (outcome === 'proved') {
        best = { lowerBoundMs: lambdaMs, proof: `no cycle of a lower mean leaves ${names}` };
        if (!hasFailed) stepMs *= 2;
      } else {
        hasFailed = true;
        stepMs /= 2;
      }
    }
    return best;
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
