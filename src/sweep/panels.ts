/** Which of a sweep's axes become lines of its plot and which become panels: more than a few lines in one frame nobody can tell apart. */
import type { BandLine, BandPoint } from '../report/lines.ts';
import type { Panel } from '../report/panels.ts';
import type { Sweep } from './sweep.ts';

/** The colours that lines are told apart by. */
const LINES_MAX = 8;

/** One combination of the axes. */
export interface Curve {
  /** By axis. */
  readonly labels: readonly string[];
  readonly points: readonly BandPoint[];
}

/** Panels in the order of the curves; one without a name where all lines fit together. */
export function panelsOf(sweep: Sweep, curves: readonly Curve[]): Panel[] {
  const { lines, panels } = axesOfPlot(sweep);
  const byName = new Map<string, BandLine[]>();
  for (const { labels, points } of curves) {
    const nameOf = (axes: readonly number[]) => axes.map((axis) => labels[axis]).join(', ');
    const line = { name: nameOf(lines) || sweep.name, points };
    const panel = nameOf(panels);
    byName.set(panel, [...(byName.get(panel) ?? []), line]);
  }
  return [...byName].map(([name, held]) => ({ name, lines: held }));
}

/** Axes by number: as asked for, or else the last ones as panels until the rest makes few enough lines. */
function axesOfPlot({ axes, plot }: Sweep): { lines: readonly number[]; panels: readonly number[] } {
  const lines = [...axes.keys()].filter((axis) => (axes[axis]?.points.length ?? 0) > 1);
  const { panels: asked } = plot;
  if (asked !== undefined) {
    const isAsked = (axis: number) => asked.includes(axes[axis]?.name ?? '');
    return { lines: lines.filter((axis) => !isAsked(axis)), panels: lines.filter(isAsked) };
  }
  const panels: number[] = [];
  const count = () => lines.reduce((product, axis) => product * (axes[axis]?.points.length ?? 1), 1);
  while (count() > LINES_MAX && lines.length > 1) panels.unshift(lines.pop() as number);
  return { lines, panels };
}
