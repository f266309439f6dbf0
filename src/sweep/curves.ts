/**
 * Curves over the seeds of each combination: mean and 95 % confidence interval of the mean, mean ± t(0.975, n − 1) · s / √n (Student).
 * Runs meet on a common grid between where all have begun and where all have ended; between its points a run stays where it was last.
 */
import type { BandPoint } from '../report/lines.ts';
import type { RoundPoint } from './table.ts';

const GRID_POINTS = 120;
/** Student's t at 0.975, for 1 to 30 degrees of freedom; beyond, the normal's 1.96 is near enough. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

export interface CurveOptions {
  readonly x: 'round' | 'seconds' | 'bytes';
  readonly y: 'mean' | 'worst';
}

/** `runs` are those of one combination, one per seed. Undefined where none of them has been judged. */
export function curveOf(
  runs: readonly (readonly RoundPoint[])[],
  { x, y }: CurveOptions,
): BandPoint[] | undefined {
  const judged = runs.filter((points) => points.length > 0);
  if (judged.length === 0) return undefined;
  const from = Math.max(...judged.map((points) => (points[0] as RoundPoint)[x]));
  const to = Math.min(...judged.map((points) => (points.at(-1) as RoundPoint)[x]));
  return gridOf(judged, from, Math.max(from, to), x).map((at): BandPoint => {
    const values = judged.map((run) => valueAt(run, at, x, y));
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

function gridOf(
  runs: readonly (readonly RoundPoint[])[],
  from: number,
  to: number,
  x: CurveOptions['x'],
): number[] {
  const own = [...new Set(runs.flatMap((points) => points.map((point) => point[x])))]
    .filter((at) => at >= from && at <= to)
    .sort((a, b) => a - b);
  if (own.length <= GRID_POINTS) return own;
  return Array.from({ length: GRID_POINTS }, (_, index) => from + ((to - from) * index) / (GRID_POINTS - 1));
}

function valueAt(
  points: readonly RoundPoint[],
  at: number,
  x: CurveOptions['x'],
  y: CurveOptions['y'],
): number {
  let value = (points[0] as RoundPoint)[y];
  for (const point of points) {
    if (point[x] > at) break;
    value = point[y];
  }
  return value;
}
