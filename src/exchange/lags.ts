/** How late a neighbour usually is: the median of its last lags, how late at best, and how long it is waited for with them (barrier.ts says by which formula). */
import { present } from '../base/assert.ts';
import type { DeadlineOptions } from './rule.ts';

/** Lags remembered per neighbour. */
const LAGS_MAX = 15;
/** Lags needed before anything is told from them. */
const LAGS_MIN = 3;

export function addLag(lagsMs: number[], lagMs: number): void {
  lagsMs.push(lagMs);
  if (lagsMs.length > LAGS_MAX) lagsMs.shift();
}

/** Undefined where too few are known. */
export function usualLagMs(lagsMs: readonly number[]): number | undefined {
  return quantile(lagsMs, 1 / 2);
}

/** The lag that a quarter of them, rounded down, lie below; undefined where too few are known. */
export function soonLagMs(lagsMs: readonly number[]): number | undefined {
  return quantile(lagsMs, 1 / 4);
}

/** How long a neighbour with these lags is waited for. */
export function allowanceMs(
  { factor, floorMs, ceilingMs }: DeadlineOptions,
  lagsMs: readonly number[],
): number {
  const usualMs = usualLagMs(lagsMs);
  return usualMs === undefined ? ceilingMs : Math.min(Math.max(factor * usualMs, floorMs), ceilingMs);
}

/** Of values between two the lower one. */
function quantile(lagsMs: readonly number[], share: number): number | undefined {
  if (lagsMs.length < LAGS_MIN) return undefined;
  const sorted = [...lagsMs].sort((a, b) => a - b);
  return present(sorted[Math.floor((sorted.length - 1) * share)], 'a lag');
}
