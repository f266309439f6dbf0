/**
 * The best strong overlay of at most five silos by looking at every one that matters. Taking an arc away raises no
 * delay (Eq. 3), so only minimal strong digraphs matter, and those have n to 2(n − 1) arcs. Where arcs share core links
 * max–min fair that is not quite so: a flow less can slow a third one; then this is the best of the minimal ones.
 */
import { assert } from '../../base/assert.ts';
import { maximumCycleMean } from '../cycle-time/howard.ts';
import { type ConnectivityGraph, delayDigraph } from '../delays.ts';
import type { Arc } from '../overlay.ts';
import type { JudgedArcs } from './arc-search.ts';

export const exhaustiveSilosMax = 5;

/** Two to five silos. */
export function bestOfAll(graph: ConnectivityGraph): JudgedArcs {
  const { siloCount } = graph;
  assert(siloCount >= 2 && siloCount <= exhaustiveSilosMax, `${siloCount} silos are not 2 to 5`);
  let best: JudgedArcs | undefined;
  for (const arcs of minimalStrongDigraphs(siloCount)) {
    const cycleTimeMs = maximumCycleMean(delayDigraph(graph, arcs))!.mean;
    if (best === undefined || cycleTimeMs < best.cycleTimeMs) best = { arcs, cycleTimeMs };
  }
  return best!;
}

/** Every strong digraph that no arc can leave, nodes told apart. */
export function* minimalStrongDigraphs(nodeCount: number): Generator<Arc[]> {
  const pairs: Arc[] = [];
  for (let from = 0; from < nodeCount; from++) {
    for (let to = 0; to < nodeCount; to++) if (from !== to) pairs.push([from, to]);
  }
  const arcsMax = 2 * (nodeCount - 1);
  const chosen: Arc[] = [];
  function* choose(first: number): Generator<Arc[]> {
    if (chosen.length >= nodeCount && isMinimalStrong(nodeCount, chosen)) yield [...chosen];
    if (chosen.length === arcsMax) return;
    for (let index = first; index < pairs.length; index++) {
      chosen.push(pairs[index]!);
      yield* choose(index + 1);
      chosen.pop();
    }
  }
  yield* choose(0);
}

function isMinimalStrong(nodeCount: number, arcs: readonly Arc[]): boolean {
  let tails = 0;
  let heads = 0;
  for (const [from, to] of arcs) {
    tails |= 1 << from;
    heads |= 1 << to;
  }
  const all = 2 ** nodeCount - 1;
  return (
    tails === all &&
    heads === all &&
    isStrongWithout(nodeCount, arcs, -1) &&
    arcs.every((_, left) => !isStrongWithout(nodeCount, arcs, left))
  );
}

function isStrongWithout(nodeCount: number, arcs: readonly Arc[], left: number): boolean {
  return reachesAll(nodeCount, arcs, left, 0, 1) && reachesAll(nodeCount, arcs, left, 1, 0);
}

function reachesAll(
  nodeCount: number,
  arcs: readonly Arc[],
  left: number,
  tail: 0 | 1,
  head: 0 | 1,
): boolean {
  const all = 2 ** nodeCount - 1;
  let reached = 1;
  for (let before = 0; before !== reached; ) {
    before = reached;
    for (let index = 0; index < arcs.length; index++) {
      const arc = arcs[index]!;
      if (index !== left && (reached >> arc[tail]) & 1) reached |= 1 << arc[head];
    }
  }
  return reached === all;
}
