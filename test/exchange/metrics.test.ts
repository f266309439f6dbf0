/** What is said of metrics whose means are right to some digits only. */
import { expect, test } from 'vitest';
import { metricsReport } from '../../src/exchange/metrics.ts';

test('the mean of samples is the quotient of what is counted, and no mean is outside of the extremes', () => {
  const off = 1 + 1e-9;
  const mean = Float64Array.of(1, 10.5 * off, 0.5, 0.45 * off);
  const report = metricsReport(['samples', 'ownTest'], mean, Float64Array.of(10, 11, 0.9, 0.9), 4);
  expect(report.samples).toEqual({ count: 4, sum: 42, mean: 10.5, least: 10, most: 11 });
  expect(report.ownTest).toEqual({ count: 2, mean: 0.9, least: 0.9, most: 0.9 });
});
