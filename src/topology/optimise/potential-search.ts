/**
 * Simulated annealing on node potentials, each trial descended to an overlay (threshold-overlay.ts): the potentials of
 * one node or of a neighbourhood are shifted, critical nodes more often. The best overlay of all trials is kept.
 */
import type { Random } from '../../base/random.ts';
import type { Arc } from '../overlay.ts';
import type { SearchOptions } from './search-options.ts';
import { ThresholdOverlay } from './threshold-overlay.ts';

export interface PotentialSearchOptions extends SearchOptions {
  /** Potentials to begin with, [n]; 0 by default. */
  readonly start?: Float64Array;
  /** Where they are good already: what an earlier search is to be gone on from, more coolly. */
  readonly goOnFrom?: FoundOverlay;
}

export interface FoundOverlay {
  /** At the delays searched with, ms. */
  readonly cycleTimeMs: number;
  readonly arcs: readonly Arc[];
  /** u with d(i, j) + u(i) − u(j) ≤ λ on every arc. [n] */
  readonly potentials: Float64Array;
  /** What temperatures and shifts were shares of, ms. */
  readonly scaleMs: number;
}

const descentRoundsMax = 8;
const neighbourhoodMax = 12;
/** Temperatures and shifts as shares of (first cycle time − least delay). */
const fresh = { firstTemperature: 0.05, lastTemperature: 0.01 };
const goneOn = { firstTemperature: 0.03, lastTemperature: 0.006 };
const leastShift = 0.06;
const largestShift = 7.5;

/** `delayMs`: [n × n], row = sender, n ≥ 2. */
export function searchPotentials(
  count: number,
  delayMs: Float64Array,
  { stepsMax, random, expired, start, goOnFrom }: PotentialSearchOptions,
): FoundOverlay {
  const overlay = new ThresholdOverlay(count, delayMs);
  let current = (goOnFrom?.potentials ?? start)?.slice() ?? new Float64Array(count);
  let currentMs = overlay.descend(current, descentRoundsMax);
  let critical = overlay.solver.criticalCycle();
  const { firstTemperature, lastTemperature } = goOnFrom === undefined ? fresh : goneOn;
  const scaleMs = goOnFrom?.scaleMs ?? Math.max(currentMs - leastDelay(count, delayMs), 1e-6 * currentMs);
  let best = found(overlay, currentMs, current, scaleMs);
  const near = neighbourhoods(count, delayMs);
  let trial = new Float64Array(count);
  for (let step = 0; step < stepsMax; step++) {
    if (expired()) break;
    const temperatureMs =
      scaleMs * firstTemperature * (lastTemperature / firstTemperature) ** (step / stepsMax);
    trial.set(current);
    shift(trial, critical, near, scaleMs, random);
    const trialMs = overlay.descend(trial, descentRoundsMax);
    if (trialMs > currentMs && random.uniform() >= Math.exp((currentMs - trialMs) / temperatureMs)) continue;
    [current, trial] = [trial, current];
    currentMs = trialMs;
    critical = overlay.solver.criticalCycle();
    if (currentMs < best.cycleTimeMs - 1e-9) best = found(overlay, currentMs, current, scaleMs);
  }
  return best;
}

function shift(
  potentials: Float64Array,
  critical: readonly number[],
  near: readonly Int32Array[],
  scaleMs: number,
  random: Random,
): void {
  const kind = random.uniform();
  const node = kind < 0.5 ? critical[random.integer(critical.length)]! : random.integer(near.length);
  const size = leastShift * (largestShift / leastShift) ** random.uniform();
  const shiftMs = scaleMs * size * (random.uniform() < 0.5 ? -1 : 1);
  const moved = kind < 0.75 ? 1 : 1 + random.integer(near[node]!.length);
  for (let place = 0; place < moved; place++) {
    const other = near[node]![place]!;
    potentials[other] = potentials[other]! + shiftMs;
  }
}

/** For each node itself and then the nearest others. */
function neighbourhoods(count: number, delayMs: Float64Array): Int32Array[] {
  return Array.from({ length: count }, (_, node) => {
    const others = Array.from({ length: count }, (_, other) => other).filter((other) => other !== node);
    others.sort((a, b) => delayMs[node * count + a]! - delayMs[node * count + b]! || a - b);
    return Int32Array.from([node, ...others.slice(0, neighbourhoodMax)]);
  });
}

function leastDelay(count: number, delayMs: Float64Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) if (from !== to) least = Math.min(least, delayMs[from * count + to]!);
  }
  return least;
}

function found(
  { solver }: ThresholdOverlay,
  cycleTimeMs: number,
  potentials: Float64Array,
  scaleMs: number,
): FoundOverlay {
  const arcs: Arc[] = [];
  for (let arc = 0; arc < solver.arcCount; arc++) arcs.push([solver.from[arc]!, solver.to[arc]!]);
  return { cycleTimeMs, arcs, potentials: potentials.slice(), scaleMs };
}
