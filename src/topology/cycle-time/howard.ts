/**
 * Maximum cycle mean λ = max over cycles of (Σ length / Σ rounds) by policy iteration: Howard's algorithm for cycle
 * means (Cochet-Terrasson et al. 1998), in the form of Dasdan 2004, inside each strongly connected component. Each
 * node keeps one arc (its policy); the best cycle of the policy graph gives λ, potentials follow along the policy, and
 * arcs that would raise a potential replace it. In the end u(i) ≥ w(i, j) − λ·rounds + u(j) − ε on every arc, which
 * proves that no cycle exceeds λ + ε; λ itself is summed anew along the cycle found. Sparse: O(arcs) an iteration.
 */
import { assert } from '../../base/assert.ts';
import { type Expired, neverExpired, requireTime } from '../deadline.ts';
import { outArcs, strongComponents, type WeightedDigraph } from './digraph.ts';

export interface CycleMean {
  readonly mean: number;
  /** Nodes in the order of the cycle, each once; one node for a self-arc. */
  readonly cycle: readonly number[];
  /** arcs[k] leads from cycle[k] to the next. */
  readonly arcs: readonly number[];
}

/** Improvements below this share of the largest length are rounding. */
const relativeTolerance = 1e-13;
const iterationsMax = 100_000;

/**
 * The cycle of largest mean; undefined where the digraph has no cycle. Lengths may be negative. Throws OperatingError
 * `time-limit` where `expired` says so first; an iteration takes a time in proportion to the arcs.
 */
export function maximumCycleMean(
  digraph: WeightedDigraph,
  expired: Expired = neverExpired,
): CycleMean | undefined {
  const component = strongComponents(digraph);
  const inside = digraph.from.map((node, arc) => (component[node] === component[digraph.to[arc]!] ? 1 : 0));
  const policy = new Policy(digraph, inside);
  // Components never exchange values: iterating them together costs no more than one after the other, and the best
  // cycle of each is found on its own.
  return policy.solve(component, expired);
}

/** The state of one run over all components at once; values compare only within a component. */
class Policy {
  readonly #digraph: WeightedDigraph;
  readonly #usable: Int32Array;
  /** [node], the arc it follows; −1 where none stays in the component. */
  readonly #arcOf: Int32Array;
  readonly #value: Float64Array;
  readonly #tolerance: number;

  constructor(digraph: WeightedDigraph, inside: Int32Array) {
    const { nodeCount, from, length } = digraph;
    this.#digraph = digraph;
    this.#usable = Int32Array.from(inside.keys()).filter((arc) => inside[arc] === 1);
    this.#arcOf = new Int32Array(nodeCount).fill(-1);
    this.#value = new Float64Array(nodeCount);
    let largest = 0;
    for (const arc of this.#usable) {
      assert(Number.isFinite(length[arc]!), `length ${length[arc]} of arc ${arc} is not finite`);
      largest = Math.max(largest, Math.abs(length[arc]!));
      const node = from[arc]!;
      const held = this.#arcOf[node]!;
      if (held === -1 || length[arc]! > length[held]!) this.#arcOf[node] = arc;
    }
    this.#tolerance = largest * relativeTolerance * Math.max(1, Math.sqrt(nodeCount));
  }

  solve(component: Int32Array, expired: Expired): CycleMean | undefined {
    if (this.#usable.length === 0) return undefined;
    const mean = new Float64Array(this.#digraph.nodeCount);
    for (let iteration = 0; iteration < iterationsMax; iteration++) {
      requireTime(expired, 'the cycle time');
      const best = this.#bestCycles(component);
      for (const node of mean.keys()) mean[node] = best.get(component[node]!)?.mean ?? 0;
      this.#evaluate(best, mean);
      if (!this.#improve(mean)) return largestOf([...best.values()]);
    }
    throw new Error('unreachable: policy iteration ended without a fixed point');
  }

  /** The best cycle of the policy graph in each component. */
  #bestCycles(component: Int32Array): Map<number, CycleMean> {
    const { to } = this.#digraph;
    const mark = new Int32Array(this.#digraph.nodeCount);
    const best = new Map<number, CycleMean>();
    for (let start = 0; start < mark.length; start++) {
      let node = start;
      while (this.#arcOf[node]! >= 0 && mark[node] === 0) {
        mark[node] = start + 1;
        node = to[this.#arcOf[node]!]!;
      }
      if (this.#arcOf[node]! < 0 || mark[node] !== start + 1) continue;
      const found = this.#cycleFrom(node);
      const held = best.get(component[node]!);
      if (held === undefined || found.mean > held.mean) best.set(component[node]!, found);
    }
    return best;
  }

  #cycleFrom(start: number): CycleMean {
    const { to, length, rounds } = this.#digraph;
    const cycle: number[] = [];
    const arcs: number[] = [];
    let lengthSum = 0;
    let roundSum = 0;
    for (let node = start; cycle.length === 0 || node !== start; ) {
      const arc = this.#arcOf[node]!;
      cycle.push(node);
      arcs.push(arc);
      lengthSum += length[arc]!;
      roundSum += rounds?.[arc] ?? 1;
      node = to[arc]!;
    }
    return { mean: lengthSum / roundSum, cycle, arcs };
  }

  /** Values along the policy, backwards from a node of each best cycle; nodes that do not lead there keep theirs. */
  #evaluate(best: ReadonlyMap<number, CycleMean>, mean: Float64Array): void {
    const { nodeCount, to } = this.#digraph;
    const followed = this.#arcOf.filter((arc) => arc >= 0);
    const { start, arcs } = outArcs({ nodeCount, from: followed.map((arc) => to[arc]!) });
    for (const { cycle } of best.values()) {
      const root = cycle[0]!;
      const queue = [root];
      for (const head of queue) {
        for (let place = start[head]!; place < start[head + 1]!; place++) {
          const arc = followed[arcs[place]!]!;
          const node = this.#digraph.from[arc]!;
          if (node === root) continue;
          this.#value[node] = this.#reduced(arc, mean) + this.#value[head]!;
          queue.push(node);
        }
      }
    }
  }

  #improve(mean: Float64Array): boolean {
    const { from, to } = this.#digraph;
    let improved = false;
    for (const arc of this.#usable) {
      const node = from[arc]!;
      const value = this.#reduced(arc, mean) + this.#value[to[arc]!]!;
      const gain = value - this.#value[node]!;
      if (gain <= this.#tolerance) continue;
      this.#value[node] = value;
      this.#arcOf[node] = arc;
      improved = true;
    }
    return improved;
  }

  #reduced(arc: number, mean: Float64Array): number {
    const { from, length, rounds } = this.#digraph;
    return length[arc]! - mean[from[arc]!]! * (rounds?.[arc] ?? 1);
  }
}

function largestOf(cycles: readonly CycleMean[]): CycleMean | undefined {
  return cycles.reduce<CycleMean | undefined>(
    (best, cycle) => (best === undefined || cycle.mean > best.mean ? cycle : best),
    undefined,
  );
}
