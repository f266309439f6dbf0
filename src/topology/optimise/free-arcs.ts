/**
 * Arcs that cost nothing: added to a strong overlay of cycle time λ without raising it. With potentials u such that
 * d(i, j) + u(i) − u(j) ≤ λ on all arcs no cycle exceeds λ, so an arc is free where that holds for it and still holds
 * for all others at the degrees, and on the shared core links, that come with it.
 */
import { arcDelayMs, arcDelaysMs, type ConnectivityGraph } from '../delays.ts';
import type { Arc } from '../overlay.ts';

const relativeTolerance = 1e-10;

/** All arcs of `base` and every free one, taken in the order of least delay first; `expired` ends it early. */
export function withFreeArcs(
  graph: ConnectivityGraph,
  base: readonly Arc[],
  cycleTimeMs: number,
  { expired }: { expired(): boolean },
): Arc[] {
  const potentials = middlePotentials(graph, base, cycleTimeMs);
  const limitMs = cycleTimeMs * (1 + relativeTolerance);
  const grown = new GrowingOverlay(graph, base, potentials, limitMs);
  for (const arc of candidates(graph, base, potentials, limitMs)) {
    if (expired()) break;
    grown.add(arc);
  }
  return grown.arcs;
}

/** Arcs free as long as nothing else is added, the fastest first. */
function candidates(
  graph: ConnectivityGraph,
  base: readonly Arc[],
  potentials: Float64Array,
  limitMs: number,
): Arc[] {
  const { siloCount } = graph;
  const held = new Set(base.map(([from, to]) => from * siloCount + to));
  const found: { arc: Arc; delayMs: number }[] = [];
  for (let from = 0; from < siloCount; from++) {
    for (let to = 0; to < siloCount; to++) {
      if (from === to || held.has(from * siloCount + to)) continue;
      const delayMs = arcDelayMs(graph, from, to);
      if (delayMs + potentials[from]! - potentials[to]! <= limitMs) found.push({ arc: [from, to], delayMs });
    }
  }
  return found.sort((a, b) => a.delayMs - b.delayMs).map(({ arc }) => arc);
}

class GrowingOverlay {
  readonly arcs: Arc[];
  readonly #graph: ConnectivityGraph;
  readonly #potentials: Float64Array;
  readonly #limitMs: number;
  readonly #heads: number[][];
  readonly #tails: number[][];

  constructor(graph: ConnectivityGraph, base: readonly Arc[], potentials: Float64Array, limitMs: number) {
    this.arcs = [...base];
    this.#graph = graph;
    this.#potentials = potentials;
    this.#limitMs = limitMs;
    this.#heads = Array.from({ length: graph.siloCount }, () => []);
    this.#tails = Array.from({ length: graph.siloCount }, () => []);
    for (const arc of base) this.#link(arc);
  }

  add(arc: Arc): void {
    this.#link(arc);
    this.arcs.push(arc);
    if (this.#graph.routes === undefined ? this.#holdsAround(arc) : this.#holdsEverywhere()) return;
    this.arcs.pop();
    this.#heads[arc[0]]!.pop();
    this.#tails[arc[1]]!.pop();
  }

  #link([from, to]: Arc): void {
    this.#heads[from]!.push(to);
    this.#tails[to]!.push(from);
  }

  /** Only arcs that share an end with the new one can have got slower. */
  #holdsAround([from, to]: Arc): boolean {
    return (
      this.#heads[from]!.every((head) => this.#holds(from, head)) &&
      this.#tails[to]!.every((tail) => this.#holds(tail, to))
    );
  }

  #holds(from: number, to: number): boolean {
    const delayMs = arcDelayMs(this.#graph, from, to, this.#heads[from]!.length, this.#tails[to]!.length);
    return delayMs + this.#potentials[from]! - this.#potentials[to]! <= this.#limitMs;
  }

  #holdsEverywhere(): boolean {
    const delaysMs = arcDelaysMs(this.#graph, this.arcs);
    return this.arcs.every(
      ([from, to], index) =>
        delaysMs[index]! + this.#potentials[from]! - this.#potentials[to]! <= this.#limitMs,
    );
  }
}

/**
 * Potentials of the overlay at λ: the mean of the least ones and the largest ones that agree with node 0's, so that slack is
 * shared between what enters and what leaves a silo. [siloCount]
 */
function middlePotentials(graph: ConnectivityGraph, arcs: readonly Arc[], cycleTimeMs: number): Float64Array {
  const delaysMs = arcDelaysMs(graph, arcs);
  const reversed = arcs.map(([from, to]): Arc => [to, from]);
  const least = longestWays(graph.siloCount, arcs, delaysMs, cycleTimeMs);
  const largest = longestWays(graph.siloCount, reversed, delaysMs, cycleTimeMs);
  return least.map((value, silo) => (value - largest[silo]!) / 2);
}

/** From node 0: max over ways of Σ (d − λ); no cycle is positive, so n rounds settle it. */
function longestWays(
  count: number,
  arcs: readonly Arc[],
  delaysMs: Float64Array,
  cycleTimeMs: number,
): Float64Array {
  const longest = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  longest[0] = 0;
  for (let round = 0; round < count; round++) {
    let changed = false;
    arcs.forEach(([from, to], index) => {
      const reached = longest[from]! + delaysMs[index]! - cycleTimeMs;
      if (reached <= longest[to]!) return;
      longest[to] = reached;
      changed = true;
    });
    if (!changed) break;
  }
  return longest;
}
