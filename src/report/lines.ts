/** Lines with confidence bands as a standalone SVG, for comparing runs: one colour per line, names at the right, axes with round numbers. */
import { escaped } from './markup.ts';

export interface BandPoint {
  readonly x: number;
  readonly mean: number;
  /** The confidence interval; equal to the mean where there is none. */
  readonly low: number;
  readonly high: number;
}

export interface BandLine {
  readonly name: string;
  /** Ascending in x. */
  readonly points: readonly BandPoint[];
}

export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly BandLine[];
  /** Logarithmic axes; what is not positive is left out. */
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** y is a share, such as an accuracy: neither a band nor the axis goes beyond 0 and 1. */
  readonly share?: boolean;
}

const RIGHT = 660;
const HEIGHT = 480;
const MARGIN = { left: 72, top: 44, bottom: 52 };
/** Okabe and Ito 2008: told apart by colour-blind readers too; then again with dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a6d00'];
const DASHES = ['', '7 4', '2 3', '9 3 2 3'];
const TICKS = 6;
/** Above and below a point without a band, of a share. */
const SHARE_ROOM = 0.005;

/** Where curves are drawn, in the SVG's units. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
}

export interface Axes {
  readonly x: Axis;
  readonly y: Axis;
}

/** SVG text; says so inside where there is nothing to show. */
export function plotLines(plot: LinePlot): string {
  const { title, xLabel, yLabel, logX = false, logY = false, share = false } = plot;
  const shown = (share ? asShares(plot.lines) : plot.lines).map(({ name, points }) => ({
    name,
    points: points.filter(({ x, low }) => (!logX || x > 0) && (!logY || low > 0)),
  }));
  const frame = { left: MARGIN.left, right: RIGHT, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
  const names = shown.map(({ name }) => name);
  const axes = axesOf(shown, frame, { logX, logY, share });
  const isEmpty = shown.every(({ points }) => points.length === 0);
  return svgText(title, RIGHT + legendWidth(names), HEIGHT, [
    ...grid(axes, frame),
    ...labels(frame, xLabel, yLabel, { bottom: HEIGHT, left: 0 }),
    ...curves(shown, axes, (_, index) => index),
    ...legend(names, RIGHT + 16, MARGIN.top + 10),
    ...(isEmpty ? [`<text x="${MARGIN.left + 20}" y="${HEIGHT / 2}">nothing to show</text>`] : []),
  ]);
}

/** The interval of a mean of shares may reach further than a share can. */
export function asShares(lines: readonly BandLine[]): BandLine[] {
  const share = (value: number) => Math.min(1, Math.max(0, value));
  return lines.map(({ name, points }) => ({
    name,
    points: points.map(({ x, mean, low, high }) => ({ x, mean, low: share(low), high: share(high) })),
  }));
}

/** The whole picture with its title. */
export function svgText(title: string, width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="16" font-weight="600" fill="#1c2024">${escaped(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Axes that hold all the lines. */
export function axesOf(
  lines: readonly BandLine[],
  { left, right, top, bottom }: Frame,
  {
    logX = false,
    logY = false,
    share = false,
  }: { readonly logX?: boolean; readonly logY?: boolean; readonly share?: boolean } = {},
): Axes {
  const all = lines.flatMap(({ points }) => points);
  return {
    x: axisOf(
      all.map(({ x }) => x),
      logX,
      left,
      right,
    ),
    y: axisOf(all.flatMap(share ? sharesAround : ({ low, high }) => [low, high]), logY, bottom, top),
  };
}

/** Of a single value some room that is within 0 and 1, as an axis would take it beyond. */
function sharesAround({ low, high }: BandPoint): number[] {
  return low === high ? [Math.max(0, low - SHARE_ROOM), Math.min(1, high + SHARE_ROOM)] : [low, high];
}

/** What the axes show, beside a frame and below it; `outer`: the picture's own bottom and left. */
export function labels(
  { left, right, top, bottom }: Frame,
  xLabel: string,
  yLabel: string,
  outer: { readonly bottom: number; readonly left: number },
): string[] {
  return [
    `<text x="${(left + right) / 2}" y="${outer.bottom - 10}" text-anchor="middle" fill="#1c2024">${escaped(xLabel)}</text>`,
    `<text transform="translate(${outer.left + 18} ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#1c2024">${escaped(yLabel)}</text>`,
  ];
}

/** All bands first, so that none hides a line; `styleOf` numbers a line's colour and dashes. */
export function curves(
  lines: readonly BandLine[],
  { x: xAxis, y: yAxis }: Axes,
  styleOf: (line: BandLine, index: number) => number,
): string[] {
  const at = (x: number, y: number) => `${xAxis.place(x).toFixed(1)},${yAxis.place(y).toFixed(1)}`;
  const bands = lines.flatMap((line, index) => {
    const { points } = line;
    if (points.every(({ low, high }) => low === high)) return [];
    const upper = points.map(({ x, high }) => at(x, high));
    const lower = points.map(({ x, low }) => at(x, low)).reverse();
    return `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour(styleOf(line, index))}" opacity="0.16"/>`;
  });
  const drawn = lines.flatMap((line, index) => {
    const style = styleOf(line, index);
    const corners = line.points.map(({ x, mean }) => at(x, mean));
    return [
      `<polyline points="${corners.join(' ')}" fill="none" stroke="${colour(style)}" stroke-width="2" stroke-dasharray="${dash(style)}"/>`,
      ...(corners.length <= 12 ? corners.map((corner) => dot(corner, colour(style))) : []),
    ];
  });
  return [...bands, ...drawn];
}

function dot(corner: string, fill: string): string {
  const [x, y] = corner.split(',');
  return `<circle cx="${x}" cy="${y}" r="3" fill="${fill}"/>`;
}

/** Names below each other, in the order of their styles. */
export function legend(names: readonly string[], left: number, top: number): string[] {
  return names.flatMap((name, index) => {
    const y = top + index * LEGEND_STEP;
    return [
      `<line x1="${left}" x2="${left + 26}" y1="${y}" y2="${y}" stroke="${colour(index)}" stroke-width="3" stroke-dasharray="${dash(index)}"/>`,
      `<text x="${left + 34}" y="${y + 4}" fill="#1c2024">${escaped(name)}</text>`,
    ];
  });
}

/** What a legend needs at the right of a picture. */
export function legendWidth(names: readonly string[]): number {
  const longest = names.reduce((most, { length }) => Math.max(most, length), 0);
  return Math.max(LEGEND_WIDTH_MIN, Math.ceil(62 + CHARACTER_WIDTH * longest));
}

const LEGEND_WIDTH_MIN = 240;
/** Most letters of a sans-serif font are narrower. */
const CHARACTER_WIDTH = 7.5;
/** Between two names of a legend. */
export const LEGEND_STEP = 20;

export function grid({ x: xAxis, y: yAxis }: Axes, { left, right, top, bottom }: Frame): string[] {
  return [
    ...yAxis.ticks.flatMap((tick) => {
      const y = yAxis.place(tick).toFixed(1);
      return [
        `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="#e4e4e9"/>`,
        `<text x="${left - 8}" y="${Number(y) + 4}" text-anchor="end" fill="#60646c">${label(tick)}</text>`,
      ];
    }),
    ...xAxis.ticks.flatMap((tick) => {
      const x = xAxis.place(tick).toFixed(1);
      return [
        `<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}" stroke="#60646c"/>`,
        `<text x="${x}" y="${bottom + 19}" text-anchor="middle" fill="#60646c">${label(tick)}</text>`,
      ];
    }),
    `<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="#60646c"/>`,
    `<line x1="${left}" x2="${left}" y1="${top}" y2="${bottom}" stroke="#60646c"/>`,
  ];
}

function axisOf(values: readonly number[], logarithmic: boolean, start: number, end: number): Axis {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(least)) return linearAxis(0, 1, start, end);
  if (!logarithmic) return linearAxis(least, most, start, end);
  const [from, to] = [
    Math.floor(Math.log10(least)),
    Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(least)) + 1),
  ];
  const step = Math.ceil((to - from) / (2 * TICKS));
  const ticks: number[] = [];
  for (let exponent = from; exponent <= to; exponent += step) ticks.push(10 ** exponent);
  const place = (value: number) => start + ((end - start) * (Math.log10(value) - from)) / (to - from);
  return { ticks, place };
}

function linearAxis(least: number, most: number, start: number, end: number): Axis {
  const span = most - least || Math.abs(most) || 1;
  const rough = span / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const from = Math.floor(least / step) * step;
  const to = Math.max(Math.ceil(most / step) * step, from + step);
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) => from + index * step);
  return { ticks, place: (value) => start + ((end - start) * (value - from)) / (to - from) };
}

function label(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(0).replace('e+', 'e');
  return Number(value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

function dash(index: number): string {
  return DASHES[Math.floor(index / COLOURS.length) % DASHES.length] as string;
}
