/**
 * Which silos cycles of mean ≤ λ are known to join: 2- and 3-cycles, and those given. Only around such groups can a
 * proof succeed that no cycle of mean ≤ λ crosses a cut.
 */

/** Groups, most isolated first: by the mean of their cheapest arc out and their cheapest arc in. */
export function separateGroups(
  count: number,
  delayMs: Float64Array,
  lambdaMs: number,
  cycles: readonly (readonly number[])[],
): number[][] {
  const parent = Int32Array.from({ length: count }, (_, node) => node);
  const rootOf = (node: number): number => {
    let root = node;
    while (parent[root] !== root) root = parent[root]!;
    parent[node] = root;
    return root;
  };
  const join = (one: number, other: number) => {
    parent[rootOf(one)] = rootOf(other);
  };
  const delay = (from: number, to: number) => delayMs[from * count + to]!;
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      if (delay(a, b) + delay(b, a) <= 2 * lambdaMs) join(a, b);
      else if (rootOf(a) !== rootOf(b) && closesTriangle(count, delay, a, b, lambdaMs)) join(a, b);
    }
  }
  for (const cycle of cycles) for (const node of cycle) join(node, cycle[0]!);
  const groups = new Map<number, number[]>();
  for (let node = 0; node < count; node++) {
    const root = rootOf(node);
    groups.set(root, [...(groups.get(root) ?? []), node]);
  }
  return [...groups.values()]
    .map((nodes) => ({ nodes, isolation: isolation(count, delay, nodes) }))
    .sort((a, b) => b.isolation - a.isolation || a.nodes[0]! - b.nodes[0]!)
    .map(({ nodes }) => nodes);
}

type Delay = (from: number, to: number) => number;

/** Whether a and b lie on a cycle of three with a mean of at most λ. */
function closesTriangle(count: number, delay: Delay, a: number, b: number, lambdaMs: number): boolean {
  for (let c = 0; c < count; c++) {
    if (c === a || c === b) continue;
    if (delay(a, b) + delay(b, c) + delay(c, a) <= 3 * lambdaMs) return true;
    if (delay(b, a) + delay(a, c) + delay(c, b) <= 3 * lambdaMs) return true;
  }
  return false;
}

function isolation(count: number, delay: Delay, nodes: readonly number[]): number {
  const inside = new Set(nodes);
  let out = Number.POSITIVE_INFINITY;
  let into = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    for (let other = 0; other < count; other++) {
      if (inside.has(other)) continue;
      out = Math.min(out, delay(node, other));
      into = Math.min(into, delay(other, node));
    }
  }
  return (out + into) / 2;
}
