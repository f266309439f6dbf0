/** How late a neighbour usually is: the median of its last lags, and how long it is waited for with them (barrier.ts says by which formula). */
import { present } from '../base/assert.ts';
import type { DeadlineOptions } from './rule.ts';

/** Lags remembered per neighbour. */
const LAGS_MAX = 15;
/** Lags needed before the median is trusted. */
const LAGS_MIN = 3;

export function addLag(lagsMs: number[], lagMs: number): void {
  lagsMs.push(lagMs);
  if (lagsMs.length > LAGS_MAX) lagsMs.shift();
}

/** Undefined where too few are known. */
export function usualLagMs(lagsMs: readonly number[]): number | undefined {
  return lagsMs.length < LAGS_MIN ? undefined : median(lagsMs);
}

/** How long a neighbour with these lags is waited for. */
export function allowanceMs(
  { factor, floorMs, ceilingMs }: DeadlineOptions,
  lagsMs: readonly number[],
): number {
  const usualMs = usualLagMs(lagsMs);
  return usualMs === undefined ? ceilingMs : Math.min(Math.max(factor * usualMs, floorMs), ceilingMs);
}

/** Lower median: with an even count the smaller of the two in the middle. */
function median(values: readonly number[]): number {
  return valueAt(values, 1 / 2);
}

/** The value that a quarter of all, rounded down, lie below. */
export function lowerQuartile(values: readonly number[]): number {
  return valueAt(values, 1 / 4);
}

function valueAt(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return present(sorted[Math.floor((sorted.length - 1) * share)], 'quantile of no values');
}
