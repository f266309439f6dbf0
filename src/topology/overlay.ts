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
  const arcs = normal([...parts.arcs, ...(schedule ?? []).flat()]);
  return { ...parts, arcs, ...(schedule === undefined ? {} : { schedule }) };
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

function normalArcs(arcs: readonly Arc[], nodeCount: number, directed: boolean): Arc[] {
  const keys = new Set<number>();
  for (const [from, to] of arcs) {
    assert(
      isNode(from, nodeCount) && isNode(to, nodeCount),
      `arc [${from}, ${to}] leaves 0..${nodeCount - 1}`,
    );
    if (from === to) continue;
    keys.add(from * nodeCount + to);
    if (!directed) keys.add(to * nodeCount + from);
  }
  // Sorted as flat numbers: there may be millions.
  return Array.from(
    Float64Array.from(keys).sort(),
    (key) => [Math.floor(key / nodeCount), key % nodeCount] as const,
  );
}

function isNode(index: number, nodeCount: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < nodeCount;
}
