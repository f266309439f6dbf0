/**
 * Christofides' tour (1976): the minimum spanning tree, a minimum perfect matching of its odd nodes, an Euler tour of
 * both, each node at its first visit. At most 1.5 times the shortest tour where costs obey the triangle inequality.
 */
import { type Expired, neverExpired } from '../deadline.ts';
import { type Edge, type PairCost, spanningTree } from '../trees.ts';
import { minimumPerfectMatching } from './perfect-matching.ts';

/** A permutation of the nodes; `cost` is symmetric and ≥ 0. OperatingError `time-limit` where `expired` says so first. */
export function christofidesTour(
  nodeCount: number,
  cost: PairCost,
  expired: Expired = neverExpired,
): Int32Array {
  if (nodeCount < 4) return Int32Array.from({ length: nodeCount }, (_, node) => node);
  const tree = spanningTree(nodeCount, cost);
  const degree = new Int32Array(nodeCount);
  for (const node of tree.flat()) degree[node] = degree[node]! + 1;
  const odd = Array.from(degree.keys()).filter((node) => degree[node]! % 2 === 1);
  const matching = minimumPerfectMatching(odd.length, (one, other) => cost(odd[one]!, odd[other]!), expired);
  const edges = [...tree, ...matching.map(([one, other]): Edge => [odd[one]!, odd[other]!])];
  return Int32Array.from(new Set(eulerTour(nodeCount, edges)));
}

/** Nodes in the order of a closed walk over every edge once (Hierholzer 1873). */
function eulerTour(nodeCount: number, edges: readonly Edge[]): number[] {
  const incident: number[][] = Array.from({ length: nodeCount }, () => []);
  edges.forEach(([one, other], edge) => {
    incident[one]!.push(edge);
    incident[other]!.push(edge);
  });
  const used = new Uint8Array(edges.length);
  const stack = [0];
  const walk: number[] = [];
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    const edge = incident[node]!.pop();
    if (edge === undefined) walk.push(stack.pop()!);
    else if (used[edge] === 0) {
      used[edge] = 1;
      const [one, other] = edges[edge]!;
      stack.push(one === node ? other : one);
    }
  }
  return walk;
}
