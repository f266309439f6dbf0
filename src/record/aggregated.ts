/** What all peers found together when their rounds were over, as records and summaries have it. */
import type { MetricReport } from '../base/metric-report.ts';
import { flag, list, mapOf, oneOf, optional, type Spec, shape, whole } from './shape.ts';

/** What all peers found together when their rounds were over. */
export interface Aggregated {
  readonly of: 'params' | 'metrics';
  /** Where not, params stayed as they were and metrics are left out. */
  readonly exact: boolean;
  /** Indices of those that took part. */
  readonly silos: readonly number[];
  readonly attempts: number;
  /** At most Σ |weight − 1/n| over the silos: no element of the mean is off by more than this times the greatest of the silos'. */
  readonly weightError?: number;
  readonly metrics?: Readonly<Record<string, MetricReport>>;
}

export const aggregatedFields: Spec = {
  of: oneOf('params', 'metrics'),
  exact: flag,
  silos: list(whole),
  attempts: whole,
  weightError: optional('number'),
  metrics: optional(
    mapOf(shape({ count: whole, mean: 'number', least: 'number', most: 'number', sum: optional('number') })),
  ),
};
