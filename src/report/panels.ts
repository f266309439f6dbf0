/** Many lines with bands as small multiples: one panel per setting, all with the same axes, colours and legend. */
import {
  asShares,
  axesOf,
  type BandLine,
  curves,
  grid,
  LEGEND_STEP,
  labels,
  legend,
  legendWidth,
  svgText,
} from './lines.ts';
import { escaped } from './markup.ts';

export interface Panel {
  readonly name: string;
  /** A line of the same name has the same colour in every panel. */
  readonly lines: readonly BandLine[];
}

export interface PanelPlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly panels: readonly Panel[];
  /** As in a LinePlot. */
  readonly share?: boolean;
}

const COLUMNS_MAX = 3;
const PANEL = { width: 260, height: 180 };
/** Room around each panel: its name above, its numbers beside and below. */
const GAP = { left: 52, right: 12, top: 34, bottom: 34 };
const MARGIN = { left: 30, top: 36, bottom: 30 };

/** SVG text. */
export function plotPanels({ title, xLabel, yLabel, panels: given, share = false }: PanelPlot): string {
  const panels = share ? given.map(({ name, lines }) => ({ name, lines: asShares(lines) })) : given;
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const columns = Math.min(COLUMNS_MAX, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const cell = { width: GAP.left + PANEL.width + GAP.right, height: GAP.top + PANEL.height + GAP.bottom };
  const right = MARGIN.left + columns * cell.width;
  const bottom = MARGIN.top + Math.max(rows * cell.height, names.length * LEGEND_STEP + GAP.top);
  const all = panels.flatMap(({ lines }) => lines);
  const drawn = panels.flatMap(({ name, lines }, index) => {
    const left = MARGIN.left + (index % columns) * cell.width + GAP.left;
    const top = MARGIN.top + Math.floor(index / columns) * cell.height + GAP.top;
    const frame = { left, right: left + PANEL.width, top, bottom: top + PANEL.height };
    const axes = axesOf(all, frame, { share });
    return [
      `<text x="${left}" y="${top - 10}" font-weight="600" fill="#1c2024">${escaped(name)}</text>`,
      ...grid(axes, frame),
      ...curves(lines, axes, (line) => names.indexOf(line.name)),
    ];
  });
  const whole = { left: MARGIN.left, right, top: MARGIN.top, bottom };
  return svgText(title, right + legendWidth(names), bottom + MARGIN.bottom, [
    ...drawn,
    ...labels(whole, xLabel, yLabel, { bottom: bottom + MARGIN.bottom, left: 0 }),
    ...legend(names, right + 16, MARGIN.top + GAP.top + 6),
  ]);
}
