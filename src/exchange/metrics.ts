/** From the mean columns of all silos to what is said of each metric. */
import type { MetricReport } from '../base/metric-report.ts';

/** What a peer measures of itself, and all may know of all. */
export const metricNames = ['samples', 'ownTest', 'globalTest'] as const;
export type MetricName = (typeof metricNames)[number];

export type MetricsReport = { readonly [Name in MetricName]?: MetricReport };

/**
 * `mean`: per metric the share of silos that gave it, and the mean of what they gave over all silos that took part, 0 standing for
 * nothing; `extremes`: [least, most] per metric. Counts are whole numbers, and so are sums of samples: they are rounded to what they are,
 * and the mean of samples is their quotient. No mean is outside of the extremes.
 */
export function metricsReport(
  names: readonly MetricName[],
  mean: Float64Array,
  extremes: Float64Array,
  siloCount: number,
): MetricsReport {
  const entries = names.flatMap((name, index) => {
    const [share = 0, average = 0] = mean.subarray(2 * index, 2 * index + 2);
    const [least = Number.NaN, most = Number.NaN] = extremes.subarray(2 * index, 2 * index + 2);
    const count = Math.round(share * siloCount);
    if (count === 0 || Number.isNaN(least)) return [];
    const total = average * siloCount;
    const sum = Math.round(total);
    const isCounted = name === 'samples';
    const meanOfThese = Math.min(most, Math.max(least, (isCounted ? sum : total) / count));
    return [[name, { count, mean: meanOfThese, least, most, ...(isCounted ? { sum } : {}) }] as const];
  });
  return Object.fromEntries(entries);
}

/** Brings [least, most] pairs together, NaN standing for none. */
export function uniteExtremes(into: Float64Array, given: ArrayLike<number>): void {
  for (let at = 0; at < into.length; at++) {
    const [ours, theirs] = [into[at]!, given[at] ?? Number.NaN];
    if (Number.isNaN(theirs)) continue;
    const isBeyond = at % 2 === 0 ? theirs < ours : theirs > ours;
    if (Number.isNaN(ours) || isBeyond) into[at] = theirs;
  }
}
