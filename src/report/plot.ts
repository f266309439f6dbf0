/** Accuracy per round as an inline SVG: a thin line per silo, a thick one for their mean, dashed references. */
import type { RoundRecord } from '../record/index.ts';
import { percent } from './figures.ts';
import type { Run } from './load.ts';

const WIDTH = 760;
const HEIGHT = 320;
const MARGIN = { left: 48, right: 16, top: 12, bottom: 36 };
/** Beyond these many points a line is thinned out: more cannot be seen. */
const POINTS_MAX = 400;

interface Point {
  readonly round: number;
  readonly accuracy: number;
}

interface Reference {
  readonly name: string;
  readonly accuracy: number;
}

/** SVG text; empty where no round was evaluated. */
export function plotAccuracy(run: Run): string {
  const set = run.rounds.some(({ globalTest }) => globalTest !== undefined) ? 'globalTest' : 'ownTest';
  const lines = linesOf(run.rounds, set);
  const mean = meanOf(lines);
  if (mean.length === 0) return '';
  const roundMax = Math.max(1, ...mean.map(({ round }) => round));
  const x = (round: number): number =>
    MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * round) / roundMax;
  const y = (accuracy: number): number => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - accuracy);
  const path = (points: readonly Point[]): string =>
    thinned(points)
      .map(({ round, accuracy }) => `${x(round).toFixed(1)},${y(accuracy).toFixed(1)}`)
      .join(' ');
  const what = set === 'globalTest' ? 'the global test set' : "each silo's own test set";
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Accuracy on ${what} after each round">`,
    ...[0, 0.25, 0.5, 0.75, 1].map((level) => levelLine(level, y(level))),
    ...roundTicks(roundMax).map(
      (round) => `<text x="${x(round).toFixed(1)}" y="${HEIGHT - 18}" text-anchor="middle">${round}</text>`,
    ),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 2}" text-anchor="middle">round</text>`,
    ...lines.map((points) => `<polyline class="silo" points="${path(points)}"/>`),
    ...referencesOf(run).map((reference) => referenceLine(reference, y(reference.accuracy))),
    `<polyline class="mean" points="${path(mean)}"/>`,
    '</svg>',
  ].join('\n');
}

function linesOf(rounds: readonly RoundRecord[], set: 'ownTest' | 'globalTest'): Point[][] {
  const lines = new Map<number, Point[]>();
  for (const record of rounds) {
    const accuracy = record[set];
    if (accuracy === undefined) continue;
    const line = lines.get(record.peer) ?? [];
    line.push({ round: record.round, accuracy });
    lines.set(record.peer, line);
  }
  return [...lines.values()];
}

function meanOf(lines: readonly (readonly Point[])[]): Point[] {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { round, accuracy } of lines.flat()) {
    const entry = sums.get(round) ?? { sum: 0, count: 0 };
    sums.set(round, { sum: entry.sum + accuracy, count: entry.count + 1 });
  }
  const points = [...sums].map(([round, { sum, count }]) => ({ round, accuracy: sum / count }));
  return points.sort((a, b) => a.round - b.round);
}

function referencesOf({ summary }: Run): Reference[] {
  if (summary === undefined) return [];
  const { alone, pooled } = summary.accuracy;
  return [
    ...(alone === undefined ? [] : [{ name: 'alone, mean', accuracy: alone.mean }]),
    ...(pooled === undefined ? [] : [{ name: 'pooled', accuracy: pooled }]),
  ];
}

function levelLine(level: number, y: number): string {
  const line = `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}"/>`;
  return `${line}<text x="${MARGIN.left - 6}" y="${y + 4}" text-anchor="end">${percent(level, 0)}</text>`;
}

function referenceLine({ name, accuracy }: Reference, y: number): string {
  const line = `<line class="reference" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/>`;
  return `${line}<text x="${WIDTH - MARGIN.right - 4}" y="${(y - 4).toFixed(1)}" text-anchor="end">${name} ${percent(accuracy)}</text>`;
}

function roundTicks(roundMax: number): number[] {
  const step = Math.max(1, Math.ceil(roundMax / 10));
  return Array.from({ length: Math.floor(roundMax / step) + 1 }, (_, index) => index * step);
}

function thinned(points: readonly Point[]): readonly Point[] {
  const step = Math.ceil(points.length / POINTS_MAX);
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}
