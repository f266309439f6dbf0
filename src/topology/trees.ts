/** Spanning trees of complete graphs, from a cost function: Prim's algorithm, dense, O(n²) time and O(n) memory. */

export type PairCost = (one: number, other: number) => number;
export type Edge = readonly [one: number, other: number];

/**
 * The minimum spanning tree; with `degreeMax` the greedy of δ-PRIM (Andersen, Ras 2016; δ ≥ 2): the cheapest edge from a
 * tree node that may still take one, so no longer the minimum. n − 1 edges, [tree node, new node] in the order of joining.
 * `joined` is called after each edge, and may end the work by throwing.
 */
export function spanningTree(
  nodeCount: number,
  cost: PairCost,
  degreeMax = Number.POSITIVE_INFINITY,
  joined: () => void = () => undefined,
): Edge[] {
  const nearest = new Int32Array(nodeCount);
  const distance = new Float64Array(nodeCount).fill(Number.POSITIVE_INFINITY);
  const degree = new Int32Array(nodeCount);
  const outside = Int32Array.from({ length: nodeCount - 1 }, (_, index) => index + 1);
  const edges: Edge[] = [];
  let outsideCount = outside.length;
  let added = 0;
  while (outsideCount > 0) {
    let best = 0;
    for (let place = 0; place < outsideCount; place++) {
      const node = outside[place]!;
      const ahead = cost(added, node);
      if (ahead < distance[node]!) {
        distance[node] = ahead;
        nearest[node] = added;
      }
      if (distance[node]! < distance[outside[best]!]!) best = place;
    }
    added = outside[best]!;
    outside[best] = outside[--outsideCount]!;
    const parent = nearest[added]!;
    edges.push([parent, added]);
    joined();
    degree[parent] = degree[parent]! + 1;
    degree[added] = 1;
    if (degree[parent] === degreeMax) {
      leave(parent, outside.subarray(0, outsideCount), edges, degree, degreeMax, cost, nearest, distance);
    }
  }
  return edges;
}

/** A tree node is full: the nodes that were nearest to it look for the next nearest. */
function leave(
  full: number,
  outside: Int32Array,
  edges: readonly Edge[],
  degree: Int32Array,
  degreeMax: number,
  cost: PairCost,
  nearest: Int32Array,
  distance: Float64Array,
): void {
  const open = [0, ...edges.map(([, node]) => node)].filter((node) => degree[node]! < degreeMax);
  for (const node of outside) {
    if (nearest[node] !== full) continue;
    distance[node] = Number.POSITIVE_INFINITY;
    for (const candidate of open) {
      const ahead = cost(candidate, node);
      if (ahead < distance[node]!) {
        distance[node] = ahead;
        nearest[node] = candidate;
      }
    }
  }
}

/**
 * A path through all nodes whose steps span at most three edges of the tree: the cube of every tree has one (Sekanina
 * 1960). Take an edge u – v away; in each part go from its end to one of that end's neighbours; join the two by those.
 */
export function pathInCube(nodeCount: number, tree: readonly Edge[]): number[] {
  if (nodeCount === 1) return [0];
  const neighbours: Set<number>[] = Array.from({ length: nodeCount }, () => new Set());
  for (const [one, other] of tree) {
    neighbours[one]!.add(other);
    neighbours[other]!.add(one);
  }
  /** From `start` to `end`, neighbours in the tree, through everything that hangs on them. */
  const between = (start: number, end: number): number[] => {
    neighbours[start]!.delete(end);
    neighbours[end]!.delete(start);
    const [ahead] = neighbours[start]!;
    const [behind] = neighbours[end]!;
    const first = ahead === undefined ? [start] : between(start, ahead);
    const second = behind === undefined ? [end] : between(behind, end);
    return [...first, ...second];
  };
  return between(...tree[0]!);
}
