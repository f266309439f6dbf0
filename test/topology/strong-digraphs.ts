/** The least cycle time over every strong digraph, by looking at all of them: independent of what src/topology does. */
import type { ConnectivityGraph } from '../../src/topology/index.ts';

export interface LeastOfAll {
  readonly strongCount: number;
  readonly leastMs: number;
}

/** Every set of arcs of n ≤ 5 silos as a number, one bit an arc; the cycle mean of the strong ones by Karp's formula. */
export function leastOverAllStrong(graph: ConnectivityGraph): LeastOfAll {
  const { siloCount } = graph;
  const pairs: [number, number][] = [];
  for (let from = 0; from < siloCount; from++) {
    for (let to = 0; to < siloCount; to++) if (from !== to) pairs.push([from, to]);
  }
  const delays = new Float64Array(siloCount ** 2);
  const [ahead, behind] = [new Int32Array(siloCount), new Int32Array(siloCount)];
  let [strongCount, leastMs] = [0, Number.POSITIVE_INFINITY];
  for (let chosen = 0; chosen < 2 ** pairs.length; chosen++) {
    ahead.fill(0);
    behind.fill(0);
    for (let bit = 0; bit < pairs.length; bit++) {
      if (((chosen >> bit) & 1) === 0) continue;
      const [from, to] = pairs[bit]!;
      ahead[from]! |= 1 << to;
      behind[to]! |= 1 << from;
    }
    if (!reachesAll(ahead) || !reachesAll(behind)) continue;
    strongCount++;
    fillDelays(graph, delays, ahead, behind);
    leastMs = Math.min(leastMs, karp(siloCount, delays));
  }
  return { strongCount, leastMs };
}

function reachesAll(next: Int32Array): boolean {
  let [reached, before] = [1, 0];
  while (reached !== before) {
    before = reached;
    for (let node = 0; node < next.length; node++) if ((reached >> node) & 1) reached |= next[node]!;
  }
  return reached === 2 ** next.length - 1;
}

/** Eq. 3 written out; −∞ where there is no arc. [siloCount · siloCount] */
function fillDelays(graph: ConnectivityGraph, delays: Float64Array, ahead: Int32Array, behind: Int32Array) {
  const { siloCount, computeMs, modelBits, localSteps, upBps, downBps } = graph;
  delays.fill(Number.NEGATIVE_INFINITY);
  for (let from = 0; from < siloCount; from++) {
    const ownMs = localSteps * computeMs[from]!;
    delays[from * siloCount + from] = ownMs;
    for (let to = 0; to < siloCount; to++) {
      if (((ahead[from]! >> to) & 1) === 0) continue;
      const upShare = upBps[from]! / bits(ahead[from]!);
      const downShare = downBps[to]! / bits(behind[to]!);
      const rateBps = Math.min(upShare, downShare, graph.coreBps(from, to));
      delays[from * siloCount + to] = ownMs + graph.latencyMs(from, to) + (1000 * modelBits) / rateBps;
    }
  }
}

function bits(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Of a strong digraph, from node 0. */
function karp(count: number, delays: Float64Array): number {
  const rows = [
    Float64Array.from({ length: count }, (_, node) => (node === 0 ? 0 : Number.NEGATIVE_INFINITY)),
  ];
  for (let step = 0; step < count; step++) {
    const [row, next] = [rows[step]!, new Float64Array(count).fill(Number.NEGATIVE_INFINITY)];
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        const length = row[from]! + delays[from * count + to]!;
        if (length > next[to]!) next[to] = length;
      }
    }
    rows.push(next);
  }
  let mean = Number.NEGATIVE_INFINITY;
  for (let node = 0; node < count; node++) {
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step++) {
      if (rows[step]![node]! === Number.NEGATIVE_INFINITY) continue;
      least = Math.min(least, (rows[count]![node]! - rows[step]![node]!) / (count - step));
    }
    mean = Math.max(mean, least);
  }
  return mean;
}
