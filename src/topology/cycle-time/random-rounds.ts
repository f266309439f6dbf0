/**
 * Rounds that draw their arcs anew (MATCHA, Epidemic Learning), by simulation. With a barrier a round lasts as long as
 * its slowest arc (as MATCHA and Marfoq et al. count); without, each silo goes on when what was sent to it is in:
 * x_j(k + 1) = max(x_j(k) + s·Tc(j), max over arcs i → j of x_i(k) + d(i, j)). The interval is that of batch means, 95 %.
 */
import type { Random } from '../../base/random.ts';
import { arcDelaysMs, type ConnectivityGraph, roundComputeMs } from '../delays.ts';
import type { Arc } from '../overlay.ts';

export interface SimulatedCycle {
  readonly meanMs: number;
  /** Half the width of the 95 % interval of the mean. */
  readonly confidenceMs: number;
  readonly rounds: number;
}

export interface RandomRounds {
  draw(random: Random): readonly Arc[];
  readonly barrier: boolean;
}

const batchCount = 20;
const roundsPerBatch = 100;
/** Student's t, 97.5 %, 19 degrees of freedom. */
const tQuantile = 2.093;

export function simulatedCycle(
  graph: ConnectivityGraph,
  { draw, barrier }: RandomRounds,
  random: Random,
  expired: () => boolean = () => false,
): SimulatedCycle {
  const advance = barrier ? barrierRound : gossipRound;
  let times = new Float64Array(graph.siloCount);
  const batches: number[] = [];
  // The first batch only forgets the common start.
  for (let batch = 0; batch <= batchCount && !(batch > 2 && expired()); batch++) {
    const start = latest(times);
    for (let round = 0; round < roundsPerBatch; round++) times = advance(graph, times, draw(random));
    if (batch > 0) batches.push((latest(times) - start) / roundsPerBatch);
  }
  const mean = batches.reduce((sum, value) => sum + value, 0) / batches.length;
  const variance = batches.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches.length - 1);
  return {
    meanMs: mean,
    confidenceMs: tQuantile * Math.sqrt(variance / batches.length),
    rounds: batches.length * roundsPerBatch,
  };
}

function barrierRound(graph: ConnectivityGraph, times: Float64Array, arcs: readonly Arc[]) {
  let longest = 0;
  for (let silo = 0; silo < graph.siloCount; silo++) longest = Math.max(longest, roundComputeMs(graph, silo));
  for (const delayMs of arcDelaysMs(graph, arcs)) longest = Math.max(longest, delayMs);
  return times.map((time) => time + longest);
}

function gossipRound(graph: ConnectivityGraph, times: Float64Array, arcs: readonly Arc[]) {
  const next = times.map((time, silo) => time + roundComputeMs(graph, silo));
  const delays = arcDelaysMs(graph, arcs);
  arcs.forEach(([from, to], arc) => {
    next[to] = Math.max(next[to]!, times[from]! + delays[arc]!);
  });
  return next;
}

function latest(times: Float64Array): number {
  return times.reduce((most, time) => Math.max(most, time), 0);
}
