/**
 * What the scripts of the figures have in common: their options, the table beside the goals, the files they leave.
 *   --seeds N    seeds 1 to N (3 where absent)
 *   --out DIR    where <name>.json, <name>.csv and the plots go; a new folder under runs/ where absent. What was measured into it
 *                before is not measured again: a figure that was cut short goes on
 *   --quick      a small version which shows that the script works; whether its goals hold says nothing
 * Exit code 1 where a goal does not hold.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '../../dist/report/index.js';
import { plotLines } from '../../dist/report/lines.js';
import { interval } from '../../dist/sweep/curves.js';

/** @param extra more options, as parseArgs takes them. @returns {{seeds: number[], out: string, quick: boolean}} and those */
export function figureOptions(extra = {}) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '3' },
      out: { type: 'string' },
      quick: { type: 'boolean', default: false },
      ...extra,
    },
  });
  const count = Number(values.seeds);
  if (!(Number.isSafeInteger(count) && count >= 1))
    throw new Error(`--seeds: got ${values.seeds}, wanted 1 or more`);
  return {
    ...values,
    seeds: Array.from({ length: count }, (_, index) => index + 1),
    out: folderFor(values.out),
  };
}

function folderFor(given) {
  if (given === undefined) mkdirSync('runs', { recursive: true });
  const folder = resolve(given ?? mkdtempSync(join('runs', 'figure-')));
  mkdirSync(folder, { recursive: true });
  return folder;
}

function known({ out }, figure) {
  const file = join(out, `${figure}.measured.jsonl`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Whether something of which `part` is true was measured with the same --out before. */
export function isMeasured(options, figure, part) {
  return known(options, figure).some(({ what }) =>
    Object.entries(part).every(([key, value]) => what[key] === value),
  );
}

/** What `measure` gives (as JSON would keep it), or gave when it was asked for `what` before with the same --out. */
export async function measured(options, figure, what, measure) {
  const key = JSON.stringify(what);
  const before = known(options, figure).find((line) => JSON.stringify(line.what) === key);
  if (before !== undefined) return before.result;
  const startedMs = performance.now();
  const result = JSON.parse(JSON.stringify(await measure()));
  appendFileSync(join(options.out, `${figure}.measured.jsonl`), `${JSON.stringify({ what, result })}\n`);
  console.log(`${key}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

/**
 * Prints and writes a figure.
 * @param {{name: string, title: string, rows: object[], goals: {goal: string, got: string, holds: boolean}[],
 *   plots: Record<string, object>}} figure rows: one object of text and numbers per line of the table, all with the same keys;
 *   plots: by file name without .svg, as report/lines takes them
 */
export function conclude({ name, title, rows, goals, plots }, { seeds, out, quick }) {
  console.log(
    `\n${title}\n${seeds.length === 1 ? 'seed 1' : `seeds 1 to ${seeds.length}`}${quick ? ', quick' : ''}\n`,
  );
  console.log(textOf(rows));
  console.log('');
  for (const { goal, got, holds } of goals)
    console.log(`${holds ? 'holds         ' : 'does not hold '} ${goal}: ${got}`);
  const machine = `Node ${process.versions.node}, ${process.platform}-${process.arch}, ${availableParallelism()} processors`;
  const load = loadavg().map((value) => Number(value.toFixed(1)));
  write(
    out,
    `${name}.json`,
    `${JSON.stringify({ figure: name, title, seeds, quick, machine, load, goals, rows }, undefined, 1)}\n`,
  );
  write(out, `${name}.csv`, csvOf(rows));
  for (const [plot, lines] of Object.entries(plots)) write(out, `${plot}.svg`, plotLines(lines));
  console.log(`\n${machine}, load ${load.join(' ')}; table and plots in ${out}`);
  if (!quick && goals.some(({ holds }) => !holds)) process.exitCode = 1;
}

function write(folder, file, text) {
  writeFileSync(join(folder, file), text);
}

function textOf(rows) {
  const keys = Object.keys(rows[0]);
  const columns = keys.map((title) => ({
    title,
    align: typeof rows[0][title] === 'number' ? 'right' : 'left',
  }));
  return formatTable({ columns, rows: rows.map((row) => keys.map((key) => shown(row[key]))) });
}

function shown(value) {
  if (value === undefined || value === null) return '–';
  if (typeof value !== 'number') return String(value);
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(1);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function csvOf(rows) {
  const cell = (value) => {
    const text = String(value ?? '');
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [Object.keys(rows[0]), ...rows.map(Object.values)]
    .map((row) => `${row.map(cell).join(',')}\n`)
    .join('');
}

/** A line of a plot with the 95 % confidence interval of the mean: `runs` are lists of values, one per seed, all for the same `xs`. */
export function lineOfMeans(name, xs, runs) {
  return { name, points: xs.map((x, at) => ({ x, ...interval(runs.map((run) => run[at])) })) };
}

/** A line of medians between the least and the most of the seeds: for logarithmic axes, where an interval may reach below zero. */
export function lineOfMedians(name, xs, runs) {
  const points = xs.map((x, at) => {
    const sorted = runs.map((run) => run[at]).sort((a, b) => a - b);
    return { x, mean: median(sorted), low: sorted[0], high: sorted.at(-1) };
  });
  return { name, points };
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Mean and the half of its 95 % confidence interval, as text. */
export function meanText(values, digits = 2) {
  const { mean: middle, high } = interval(values);
  return `${middle.toFixed(digits)} ± ${(high - middle).toFixed(digits)}`;
}
