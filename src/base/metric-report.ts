/** What is said of one metric over all silos, wherever it is said. */
export interface MetricReport {
  /** Silos that gave it. */
  readonly count: number;
  readonly mean: number;
  readonly least: number;
  readonly most: number;
  /** Of what can be added up. */
  readonly sum?: number;
}
