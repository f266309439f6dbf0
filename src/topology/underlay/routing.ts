/**
 * Routes over the links: for each silo the shortest ways to all others, by kilometres (links that only have a latency
 * count as that latency's kilometres of fibre), among equal ones the fewest hops. Dijkstra 1959, from every silo's node.
 */
import TinyQueue from 'tinyqueue';
import { linkLengths } from './lengths.ts';
import type { LengthKind, Underlay } from './underlay.ts';

/** Of light in fibre, with the paper's allowance for detours and equipment. */
export const msPerKm = 0.0085;
/** Added to every way that has a link without a latency of its own: what the ends take. */
export const endsMs = 4;

export interface RoutedPairs {
  /** [from · siloCount + to], ms, the ends included. */
  readonly latencyMs: Float64Array;
  /** Links on the way; 0 for silos at the same node. */
  readonly hops: Int32Array;
  /** The least capacity on the way; Infinity for silos at the same node. */
  readonly capacityBps: Float64Array;
  /** [directed link] bits per second: link k forwards is 2k, backwards 2k + 1. */
  readonly directedCapacityBps: Float64Array;
  /** Directed links on the way from one silo to another, in order. */
  linksOf(from: number, to: number): readonly number[];
}

interface Step {
  readonly head: number;
  readonly directedLink: number;
}

interface Tree {
  readonly cost: Float64Array;
  readonly hops: Int32Array;
  /** [node], the directed link that leads there; −1 at the root. */
  readonly by: Int32Array;
}

export function routedPairs(underlay: Underlay, kind: LengthKind, coreBps: number): RoutedPairs {
  const { links, silos } = underlay;
  const { km } = linkLengths(underlay, kind);
  const ms = Float64Array.from(links, ({ latencyMs }, link) => latencyMs ?? km[link]! * msPerKm);
  const steps = stepsOf(underlay);
  const cost = Float64Array.from(links, (_, link) =>
    Number.isNaN(km[link]!) ? ms[link]! / msPerKm : km[link]!,
  );
  const trees = new Map<number, Tree>();
  const treeOf = (silo: number): Tree => {
    const root = silos[silo]!.node;
    const tree = trees.get(root) ?? shortest(root, steps, cost);
    trees.set(root, tree);
    return tree;
  };
  const tailOf = (directedLink: number) => {
    const { from, to } = links[directedLink >> 1]!;
    return directedLink % 2 === 0 ? from : to;
  };
  const count = silos.length;
  const latencyMs = new Float64Array(count * count);
  const hops = new Int32Array(count * count);
  const capacityBps = new Float64Array(count * count).fill(Number.POSITIVE_INFINITY);
  for (let from = 0; from < count; from++) {
    const tree = treeOf(from);
    const reach = alongTree(tree, tailOf, underlay, ms, coreBps);
    for (let to = 0; to < count; to++) {
      const node = silos[to]!.node;
      latencyMs[from * count + to] = reach.latencyMs[node]!;
      hops[from * count + to] = tree.hops[node]!;
      capacityBps[from * count + to] = reach.capacityBps[node]!;
    }
  }
  return {
    latencyMs,
    hops,
    capacityBps,
    directedCapacityBps: Float64Array.from({ length: 2 * links.length }, (_, directed) =>
      capacityOf(underlay, directed >> 1, coreBps),
    ),
    linksOf(from, to) {
      const { by } = treeOf(from);
      const way: number[] = [];
      for (let node = silos[to]!.node; by[node]! >= 0; node = tailOf(by[node]!)) way.push(by[node]!);
      return way.reverse();
    },
  };
}

function stepsOf({ nodes, links, directed }: Underlay): Step[][] {
  const steps: Step[][] = nodes.map(() => []);
  links.forEach(({ from, to }, link) => {
    steps[from]!.push({ head: to, directedLink: 2 * link });
    if (!directed) steps[to]!.push({ head: from, directedLink: 2 * link + 1 });
  });
  return steps;
}

function shortest(root: number, steps: readonly (readonly Step[])[], linkCost: Float64Array): Tree {
  const cost = new Float64Array(steps.length).fill(Number.POSITIVE_INFINITY);
  const hops = new Int32Array(steps.length);
  const by = new Int32Array(steps.length).fill(-1);
  const done = new Uint8Array(steps.length);
  cost[root] = 0;
  const queue = new TinyQueue(
    [{ node: root, cost: 0, hops: 0 }],
    (one, other) => one.cost - other.cost || one.hops - other.hops,
  );
  for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
    if (done[top.node]) continue;
    done[top.node] = 1;
    for (const { head, directedLink } of steps[top.node]!) {
      const ahead = top.cost + linkCost[directedLink >> 1]!;
      const nearer = ahead < cost[head]! || (ahead === cost[head]! && top.hops + 1 < hops[head]!);
      if (done[head] || !nearer) continue;
      cost[head] = ahead;
      hops[head] = top.hops + 1;
      by[head] = directedLink;
      queue.push({ node: head, cost: ahead, hops: hops[head]! });
    }
  }
  return { cost, hops, by };
}

/** Latency and least capacity from the root to every node, summed along the tree. */
function alongTree(
  tree: Tree,
  tailOf: (directedLink: number) => number,
  underlay: Underlay,
  ms: Float64Array,
  coreBps: number,
) {
  const nodeCount = tree.by.length;
  const latencyMs = new Float64Array(nodeCount);
  const capacityBps = new Float64Array(nodeCount).fill(Number.POSITIVE_INFINITY);
  const measured = new Uint8Array(nodeCount).fill(1);
  const order = Array.from({ length: nodeCount }, (_, node) => node)
    .filter((node) => Number.isFinite(tree.cost[node]!))
    .sort((one, other) => tree.hops[one]! - tree.hops[other]!);
  for (const node of order) {
    const directedLink = tree.by[node]!;
    if (directedLink < 0) continue;
    const tail = tailOf(directedLink);
    const link = directedLink >> 1;
    latencyMs[node] = latencyMs[tail]! + ms[link]!;
    capacityBps[node] = Math.min(capacityBps[tail]!, capacityOf(underlay, link, coreBps));
    measured[node] = measured[tail] === 1 && underlay.links[link]!.latencyMs !== undefined ? 1 : 0;
  }
  const whole = latencyMs.map((sum, node) =>
    measured[node] === 1 && tree.by[node]! >= 0 ? sum : sum + endsMs,
  );
  return { latencyMs: whole, capacityBps };
}

function capacityOf({ links }: Underlay, link: number, coreBps: number): number {
  return links[link]!.capacityBps ?? coreBps;
}
