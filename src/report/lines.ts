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
}

const WIDTH = 900;
const HEIGHT = 480;
const MARGIN = { left: 72, right: 240, top: 44, bottom: 52 };
/** Okabe and Ito 2008: told apart by colour-blind readers too; then again with dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a6d00'];
const DASHES = ['', '7 4', '2 3', '9 3 2 3'];
const TICKS = 6;

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** SVG text; says so inside where there is nothing to show. */
export function plotLines({ title, xLabel, yLabel, lines, logX = false, logY = false }: LinePlot): string {
  const shown = lines.map(({ name, points }) => ({
    name,
    points: points.filter(({ x, low }) => (!logX || x > 0) && (!logY || low > 0)),
  }));
  const all = shown.flatMap(({ points }) => points);
  const xAxis = axisOf(
    all.map(({ x }) => x),
    logX,
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const yAxis = axisOf(
    all.flatMap(({ low, high }) => [low, high]),
    logY,
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="16" font-weight="600" fill="#1c2024">${escaped(title)}</text>`,
    ...grid(xAxis, yAxis),
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle" fill="#1c2024">${escaped(xLabel)}</text>`,
    `<text transform="translate(18 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#1c2024">${escaped(yLabel)}</text>`,
    ...shown.flatMap((line, index) => drawn(line, index, xAxis, yAxis)),
    ...legend(shown),
    ...(all.length === 0 ? [`<text x="${MARGIN.left + 20}" y="${HEIGHT / 2}">nothing to show</text>`] : []),
    '</svg>\n',
  ].join('\n');
}

function drawn({ points }: BandLine, index: number, xAxis: Axis, yAxis: Axis): string[] {
  const at = (x: number, y: number) => `${xAxis.place(x).toFixed(1)},${yAxis.place(y).toFixed(1)}`;
  const upper = points.map(({ x, high }) => at(x, high));
  const lower = points.map(({ x, low }) => at(x, low)).reverse();
  const hasBand = points.some(({ low, high }) => low !== high);
  const line = points.map(({ x, mean }) => at(x, mean)).join(' ');
  return [
    ...(hasBand
      ? [`<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour(index)}" opacity="0.16"/>`]
      : []),
    `<polyline points="${line}" fill="none" stroke="${colour(index)}" stroke-width="2" stroke-dasharray="${dash(index)}"/>`,
    ...(points.length <= 12
      ? points.map(({ x, mean }) => {
          const [cx, cy] = at(x, mean).split(',');
          return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour(index)}"/>`;
        })
      : []),
  ];
}

function legend(lines: readonly BandLine[]): string[] {
  const left = WIDTH - MARGIN.right + 16;
  return lines.flatMap(({ name }, index) => {
    const y = MARGIN.top + 10 + index * 20;
    return [
      `<line x1="${left}" x2="${left + 26}" y1="${y}" y2="${y}" stroke="${colour(index)}" stroke-width="3" stroke-dasharray="${dash(index)}"/>`,
      `<text x="${left + 34}" y="${y + 4}" fill="#1c2024">${escaped(name)}</text>`,
    ];
  });
}

function grid(xAxis: Axis, yAxis: Axis): string[] {
  const [left, right, top, bottom] = [MARGIN.left, WIDTH - MARGIN.right, MARGIN.top, HEIGHT - MARGIN.bottom];
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
  return { from: 10 ** from, to: 10 ** to, ticks, place };
}

function linearAxis(least: number, most: number, start: number, end: number): Axis {
  const span = most - least || Math.abs(most) || 1;
  const rough = span / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const from = Math.floor(least / step) * step;
  const to = Math.max(Math.ceil(most / step) * step, from + step);
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) => from + index * step);
  return { from, to, ticks, place: (value) => start + ((end - start) * (value - from)) / (to - from) };
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
