/**
 * Rounds that draw their arcs anew (MATCHA, Epidemic Learning), by simulation. With a barrier a round lasts as long as
 * its slowest arc (as MATCHA and Marfoq et al. count); without, each silo goes on when what was sent to it is in:
 * x_j(k + 1) = max(x_j(k) + s·Tc(j), max over arcs i → j of x_i(k) + d(i, j)). The interval is that of batch means, 95 %.
 */
import { type Expired, neverExpired, requireTime } from '../deadline.ts';
import { arcDelaysMs, type ConnectivityGraph, roundComputeMs } from '../delays.ts';
import type { Arc } from '../overlay.ts';

export interface SimulatedCycle {
  readonly meanMs: number;
  /** Half the width of the 95 % interval of the mean. */
  readonly confidenceMs: number;
  readonly rounds: number;
}

export interface RandomRounds {
  draw(): readonly Arc[];
  readonly barrier: boolean;
}

const batchCount = 20;
const roundsPerBatchMax = 100;
/** However short the time: an interval wants batches. */
const roundsPerBatchMin = 2;
/** Student's t, 97.5 %, 19 degrees of freedom. */
const tQuantile = 2.093;

export function simulatedCycle(
  graph: ConnectivityGraph,
  { draw, barrier }: RandomRounds,
  expired: Expired = neverExpired,
  abandoned: Expired = neverExpired,
): SimulatedCycle {
  const advance = barrier ? barrierRound : gossipRound;
  let times = new Float64Array(graph.siloCount);
  const latestMs = [0];
  // The first batch only forgets the common start.
  const roundsMax = (batchCount + 1) * roundsPerBatchMax;
  const roundsMin = (batchCount + 1) * roundsPerBatchMin;
  while (latestMs.length <= roundsMax && !(latestMs.length > roundsMin && expired())) {
    requireTime(abandoned, 'rounds enough to know their mean');
    times = advance(graph, times, draw());
    latestMs.push(latest(times));
  }
  const roundsPerBatch = Math.floor((latestMs.length - 1) / (batchCount + 1));
  const batches = Array.from({ length: batchCount }, (_, batch) => {
    const start = (batch + 1) * roundsPerBatch;
    return (latestMs[start + roundsPerBatch]! - latestMs[start]!) / roundsPerBatch;
  });
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
