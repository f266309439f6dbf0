/** A digraph with lengths on its arcs, in arrays by arc; self-arcs and parallel arcs allowed. */
export interface WeightedDigraph {
  readonly nodeCount: number;
  /** [arc], nodes from 0. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** [arc], finite; ms in delay digraphs. */
  readonly length: Float64Array;
  /** [arc], rounds that an arc spans, ≥ 1; 1 everywhere where missing. */
  readonly rounds?: Float64Array;
}

/**
 * Strongly connected components (Tarjan 1972, with a stack of its own): [node] → component, numbered in reverse
 * topological order.
 */
export function strongComponents({ nodeCount, from, to }: WeightedDigraph): Int32Array {
  const { start, arcs } = outArcs({ nodeCount, from });
  const component = new Int32Array(nodeCount).fill(-1);
  const order = new Int32Array(nodeCount).fill(-1);
  const low = new Int32Array(nodeCount);
  const next = start.slice(0, nodeCount);
  const open: number[] = [];
  let visited = 0;
  let componentCount = 0;
  const enter = (node: number, path: number[]) => {
    order[node] = visited;
    low[node] = visited++;
    open.push(node);
    path.push(node);
  };
  const close = (node: number) => {
    if (low[node] !== order[node]) return;
    for (let member = -1; member !== node; ) {
      member = open.pop()!;
      component[member] = componentCount;
    }
    componentCount++;
  };
  for (let root = 0; root < nodeCount; root++) {
    if (order[root] !== -1) continue;
    const path: number[] = [];
    enter(root, path);
    while (path.length > 0) {
      const node = path.at(-1)!;
      if (next[node]! < start[node + 1]!) {
        const head = to[arcs[next[node]!]!]!;
        next[node] = next[node]! + 1;
        if (order[head] === -1) enter(head, path);
        else if (component[head] === -1) low[node] = Math.min(low[node]!, order[head]!);
        continue;
      }
      path.pop();
      close(node);
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
    }
  }
  return component;
}

/** The arcs that leave node v: arcs[start[v]] to arcs[start[v + 1] − 1]. */
export function outArcs({ nodeCount, from }: Pick<WeightedDigraph, 'nodeCount' | 'from'>): {
  readonly start: Int32Array;
  readonly arcs: Int32Array;
} {
  const start = new Int32Array(nodeCount + 1);
  for (const node of from) start[node + 1] = start[node + 1]! + 1;
  for (let node = 0; node < nodeCount; node++) start[node + 1] = start[node + 1]! + start[node]!;
  const place = start.slice(0, nodeCount);
  const arcs = new Int32Array(from.length);
  from.forEach((node, arc) => {
    arcs[place[node]!] = arc;
    place[node] = place[node]! + 1;
  });
  return { start, arcs };
}
