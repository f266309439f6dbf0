/**
 * A lower bound on the length of any tour (Held, Karp 1970): the shortest 1-tree under costs c(i, j) + π(i) + π(j), less
 * 2 Σ π. The multipliers π climb along the degrees' distance from 2, with Held and Karp's step size. Every iterate is
 * a valid bound; the best one is returned. O(n²) an iteration, costs symmetric.
 */
import { type PairCost, spanningTree } from '../trees.ts';

export interface OneTreeOptions {
  readonly iterations: number;
  /** Length of a known tour: sets the step size. */
  readonly tourLength: number;
  expired?(): boolean;
}

export function oneTreeBound(nodeCount: number, cost: PairCost, options: OneTreeOptions): number {
  const penalty = new Float64Array(nodeCount);
  let best = Number.NEGATIVE_INFINITY;
  let step = 2;
  let stalled = 0;
  for (let iteration = 0; iteration < options.iterations && !options.expired?.(); iteration++) {
    const { length, degree } = oneTree(
      nodeCount,
      (one, other) => cost(one, other) + penalty[one]! + penalty[other]!,
    );
    const bound = length - 2 * penalty.reduce((sum, value) => sum + value, 0);
    stalled = bound > best ? 0 : stalled + 1;
    best = Math.max(best, bound);
    if (stalled >= 5) {
      step /= 2;
      stalled = 0;
    }
    const squares = degree.reduce((sum, value) => sum + (value - 2) ** 2, 0);
    if (squares === 0) return best;
    const size = (step * Math.max(options.tourLength - bound, 0)) / squares;
    degree.forEach((value, node) => {
      penalty[node] = penalty[node]! + size * (value - 2);
    });
  }
  return best;
}

/** The spanning tree of all nodes but the last, and that node's two cheapest edges. */
function oneTree(nodeCount: number, cost: PairCost): { length: number; degree: Int32Array } {
  const special = nodeCount - 1;
  const degree = new Int32Array(nodeCount);
  let length = 0;
  for (const [one, other] of spanningTree(special, cost)) {
    degree[one] = degree[one]! + 1;
    degree[other] = degree[other]! + 1;
    length += cost(one, other);
  }
  let ends: [cost: number, node: number][] = [];
  for (let node = 0; node < special; node++) {
    ends = [...ends, [cost(special, node), node] as [number, number]].sort((a, b) => a[0] - b[0]).slice(0, 2);
  }
  for (const [endCost, node] of ends) {
    length += endCost;
    degree[node] = degree[node]! + 1;
  }
  degree[special] = 2;
  return { length, degree };
}
