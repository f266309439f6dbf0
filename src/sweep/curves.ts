/**
 * Curves over the seeds of each combination: mean and 95 % confidence interval of the mean, mean ± t(0.975, n − 1) · s / √n (Student).
 * Runs meet on a common grid between where all have begun and where all have ended; between its points a run stays where it was last.
 */
import type { BandPoint } from '../report/lines.ts';

const GRID_POINTS = 120;
/** Student's t at 0.975, for 1 to 30 degrees of freedom; beyond, the normal's 1.96 is near enough. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** One judgement of a run; `y` is an accuracy. */
export interface Sample {
  readonly x: number;
  readonly y: number;
}

/** `runs` are those of one combination, one per seed, each ascending in x. Undefined where none of them has been judged. */
export function curveOf(runs: readonly (readonly Sample[])[]): BandPoint[] | undefined {
  const judged = runs.filter((samples) => samples.length > 0);
  if (judged.length === 0) return undefined;
  const from = Math.max(...judged.map((samples) => (samples[0] as Sample).x));
  const to = Math.min(...judged.map((samples) => (samples.at(-1) as Sample).x));
  return gridOf(judged, from, Math.max(from, to)).map((at): BandPoint => {
    const values = judged.map((run) => valueAt(run, at));
    const { mean, low, high } = interval(values);
    // With few seeds Student's interval is wider than an accuracy can be.
    return { x: at, mean, low: Math.max(0, low), high: Math.min(1, high) };
  });
}

/** Mean and its 95 % confidence interval; one value alone has none. */
export function interval(values: readonly number[]): { mean: number; low: number; high: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, low: mean, high: mean };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = (T[count - 2] ?? 1.96) * Math.sqrt(variance / count);
  return { mean, low: mean - half, high: mean + half };
}

function gridOf(runs: readonly (readonly Sample[])[], from: number, to: number): number[] {
  const own = [...new Set(runs.flatMap((samples) => samples.map(({ x }) => x)))]
    .filter((at) => at >= from && at <= to)
    .sort((a, b) => a - b);
  if (own.length <= GRID_POINTS) return own;
  return Array.from({ length: GRID_POINTS }, (_, index) => from + ((to - from) * index) / (GRID_POINTS - 1));
}

function valueAt(samples: readonly Sample[], at: number): number {
  let value = (samples[0] as Sample).y;
  for (const { x, y } of samples) {
    if (x > at) break;
    value = y;
  }
  return value;
}
