/**
 * The overlay: who sends its model to whom. Arc [i, j] says that i sends to j; an undirected edge is both arcs.
 * Arcs are kept sorted and unique, so that equal overlays are equal values.
 */
import { assert } from '../base/assert.ts';

/** What an overlay may have at most. */
export const nodesMax = 200_000;
export const arcsMax = 4_000_000;

export type Arc = readonly [from: number, to: number];

/** [i, j, w]: W[i][j] = w, the weight that i gives to what it receives from j (arc [j, i], or i = j). */
export type WeightEntry = readonly [receiver: number, sender: number, weight: number];

/** [i, j, r]: what i sends to j is used r rounds later, r ≥ 1. */
export type StaleArc = readonly [from: number, to: number, rounds: number];

/**
 * How rounds come by their arcs.
 * - groups: each group of arcs is on with its own chance (0 to 1), whatever the others are;
 * - circle: silos in random order on a circle, each sends along `fanout` random distances;
 * - phases: one phase of the overlay's schedule, each as likely as any other.
 */
export type RoundDraw =
  | { readonly kind: 'groups'; readonly groups: readonly ArcGroup[] }
  | { readonly kind: 'circle'; readonly fanout: number }
  | { readonly kind: 'phases' };

export interface ArcGroup {
  readonly chance: number;
  readonly arcs: readonly Arc[];
}

/**
 * How a round over the overlay is timed.
 * - gossip: a silo starts its next round when its neighbours' models are in: the maximum cycle mean, over the whole
 *   period where there is a schedule;
 * - star: the hub gathers from all, then sends to all (`Tc + max d(v, hub) − Tc + max d(hub, v) − Tc`);
 * - pipelined: arcs deliver what was sent so many rounds ago, one round where nothing is said of them;
 * - random: each round draws its arcs anew; with `barrier` all wait for the slowest of them (as MATCHA counts). The
 *   schedule holds some drawn rounds, which is what a run repeats and what mixing is judged by.
 */
export type Timing =
  | { readonly kind: 'gossip' }
  | { readonly kind: 'star'; readonly hub: number }
  | { readonly kind: 'pipelined'; readonly staleness: readonly StaleArc[] }
  | { readonly kind: 'random'; readonly barrier: boolean; readonly draw: RoundDraw };

export interface Overlay {
  readonly name: string;
  /** Where it comes from: a builder with its options, a designer, a paper. */
  readonly source?: string;
  /** False: every edge is there as both arcs. */
  readonly directed: boolean;
  /** A name for each node; index = peer index. */
  readonly nodes: readonly string[];
  /** Ascending by (from, to), unique, without loops; the union of all phases where there is a schedule. */
  readonly arcs: readonly Arc[];
  readonly weights?: readonly WeightEntry[];
  /** Arcs in use in each phase; round r uses phase r mod length. */
  readonly schedule?: readonly (readonly Arc[])[];
  /** Where a phase mixes with weights of its own: one list for each phase of the schedule. */
  readonly scheduleWeights?: readonly (readonly WeightEntry[])[];
  /** placement[k]: the site of an underlay that node k stands for. */
  readonly placement?: readonly number[];
  /** What an overlay file says of its rounds; missing: gossip, or a star where all edges meet in one silo. */
  readonly timing?: Timing;
}

/** An overlay before it is in normal form. */
export type OverlayParts = Omit<Overlay, 'arcs'> & {
  /** In any order, with repetitions; an undirected edge may be given in one direction only. */
  readonly arcs: readonly Arc[];
};

/** An overlay in normal form: arcs sorted and unique, undirected edges both ways, schedule within arcs. */
export function overlayOf(parts: OverlayParts): Overlay {
  const nodeCount = parts.nodes.length;
  const normal = (arcs: readonly Arc[]) => normalArcs(arcs, nodeCount, parts.directed);
  const schedule = parts.schedule?.map(normal);
  const arcs = normal(schedule === undefined ? parts.arcs : [...parts.arcs, ...schedule.flat()]);
  const timing = parts.timing === undefined ? {} : { timing: normalTiming(parts.timing, normal) };
  return { ...parts, arcs, ...(schedule === undefined ? {} : { schedule }), ...timing };
}

/** The timing of an overlay whose node k is called `renamed(k)`. */
export function renamedTiming(timing: Timing, renamed: (node: number) => number): Timing {
  const moved = (arcs: readonly Arc[]) => arcs.map(([from, to]): Arc => [renamed(from), renamed(to)]);
  switch (timing.kind) {
    case 'star':
      return { ...timing, hub: renamed(timing.hub) };
    case 'pipelined': {
      const staleness = timing.staleness.map(
        ([from, to, rounds]): StaleArc => [renamed(from), renamed(to), rounds],
      );
      return { ...timing, staleness };
    }
    case 'random':
      return normalTiming(timing, moved);
    case 'gossip':
      return timing;
  }
}

/** Names for nodes that have none: silo-0, silo-1, … */
export function siloNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `silo-${index}`);
}

/** For each node the peers it sends to, ascending. */
export function outNeighbours(overlay: Overlay): number[][] {
  const lists: number[][] = overlay.nodes.map(() => []);
  for (const [from, to] of overlay.arcs) lists[from]!.push(to);
  return lists;
}

/** For each node the peers it receives from, ascending. */
export function inNeighbours(overlay: Overlay): number[][] {
  const lists: number[][] = overlay.nodes.map(() => []);
  for (const [from, to] of overlay.arcs) lists[to]!.push(from);
  return lists;
}

/** True where every arc has its reverse, whatever `directed` says. */
export function isSymmetric(overlay: Overlay): boolean {
  const count = overlay.nodes.length;
  const keys = new Set(overlay.arcs.map(([from, to]) => from * count + to));
  return overlay.arcs.every(([from, to]) => keys.has(to * count + from));
}

/** Largest number of arcs leaving or entering one node. */
export function maxDegree(overlay: Overlay): number {
  const lists = [...outNeighbours(overlay), ...inNeighbours(overlay)];
  return lists.reduce((most, list) => Math.max(most, list.length), 0);
}

/** Groups of arcs as `normal` has them. */
function normalTiming(timing: Timing, normal: (arcs: readonly Arc[]) => Arc[]): Timing {
  if (timing.kind !== 'random' || timing.draw.kind !== 'groups') return timing;
  const groups = timing.draw.groups.map(({ chance, arcs }) => ({ chance, arcs: normal(arcs) }));
  return { ...timing, draw: { ...timing.draw, groups } };
}

function normalArcs(arcs: readonly Arc[], nodeCount: number, directed: boolean): Arc[] {
  // Sorted as flat numbers: there may be millions.
  const keys = new Float64Array(directed ? arcs.length : 2 * arcs.length);
  let count = 0;
  for (const [from, to] of arcs) {
    assert(
      isNode(from, nodeCount) && isNode(to, nodeCount),
      `arc [${from}, ${to}] leaves 0..${nodeCount - 1}`,
    );
    if (from === to) continue;
    keys[count++] = from * nodeCount + to;
    if (!directed) keys[count++] = to * nodeCount + from;
  }
  const sorted = keys.subarray(0, count).sort();
  const unique: Arc[] = [];
  for (let place = 0; place < count; place++) {
    const key = sorted[place]!;
    if (key !== sorted[place - 1]) unique.push([Math.floor(key / nodeCount), key % nodeCount]);
  }
  return unique;
}

function isNode(index: number, nodeCount: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < nodeCount;
}
