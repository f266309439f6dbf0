/**
 * Measurements between silos, as CSV. Either a list with a header, `from,to,latencyMs,bandwidthMbps` (bandwidth
 * optional), or matrices: a first cell `latencyMs` with the silos' names beside and below it, and, after an empty line,
 * optionally another that begins with `bandwidthMbps`. Every ordered pair is wanted; where the file gives each pair in
 * one direction only (a triangle, a list of unordered pairs), it holds both ways. Latencies are end to end: nothing is added.
 */
import { parse } from 'csv-parse/sync';
import { type Problem, ProblemsError } from '../../base/errors.ts';
import { checkedUnderlay, nodesMax } from './checked.ts';
import type { Underlay } from './underlay.ts';

type Quantity = 'latencyMs' | 'bandwidthMbps';

/** One measured figure and its place in the file. */
interface Entry {
  readonly quantity: Quantity;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly at: string;
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

const units: Readonly<Record<Quantity, number>> = { latencyMs: 1, bandwidthMbps: 1e6 };
const problemsShownMax = 20;

/** Throws ProblemsError: holes, numbers that are none, unknown columns, each with line and column. */
export function underlayOfCsv(text: string, file: string): Underlay {
  const rows = rowsOf(text, file);
  const head = rows[0]?.cells ?? [];
  const isList = head.includes('from') && head.includes('to');
  const entries = isList ? listEntries(rows, file) : matrixEntries(rows, file);
  const names = [...new Set(entries.flatMap(({ from, to }) => [from, to]))];
  if (names.length > nodesMax || entries.length === 0) {
    const message =
      entries.length === 0
        ? 'no measurements in it'
        : `got ${names.length} silos, wanted at most ${nodesMax}`;
    throw new ProblemsError(file, [{ path: '', message }]);
  }
  const problems: Problem[] = [];
  const latencyMs = filled('latencyMs', entries, names, problems);
  const hasBandwidth = entries.some(({ quantity }) => quantity === 'bandwidthMbps');
  const bandwidthBps = hasBandwidth ? filled('bandwidthMbps', entries, names, problems) : undefined;
  if (problems.length > 0) throw new ProblemsError(file, shownProblems(problems));
  return checkedUnderlay(
    {
      name: file,
      notes: ['latencies and bandwidths as measured between silos'],
      nodes: names.map((name) => ({ name, at: name })),
      links: [],
      measured: { latencyMs, ...(bandwidthBps === undefined ? {} : { bandwidthBps }) },
    },
    file,
  );
}

function rowsOf(text: string, file: string): Row[] {
  try {
    const records = parse(text, {
      bom: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      comment: '#',
      info: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => ({ cells: record, line: info.lines }));
  } catch (error) {
    throw new ProblemsError(file, [
      { path: '', message: `not readable as CSV: ${(error as Error).message}` },
    ]);
  }
}

function listEntries([head, ...rows]: readonly Row[], file: string): Entry[] {
  const columns = head!.cells;
  const unknown = columns.filter((name) => !['from', 'to', ...Object.keys(units)].includes(name));
  if (unknown.length > 0 || !columns.includes('latencyMs')) {
    const message = `got columns ${columns.join(', ')}; wanted from, to, latencyMs and optionally bandwidthMbps`;
    throw new ProblemsError(file, [{ path: `line ${head!.line}`, message }]);
  }
  return rows.flatMap(({ cells, line }) => {
    const cell = (name: string) => cells[columns.indexOf(name)] ?? '';
    return columns
      .filter((name): name is Quantity => name in units)
      .map((quantity) => ({
        quantity,
        from: cell('from'),
        to: cell('to'),
        text: cell(quantity),
        at: `line ${line}, column ${quantity}`,
      }));
  });
}

function matrixEntries(rows: readonly Row[], file: string): Entry[] {
  const entries: Entry[] = [];
  const problems: Problem[] = [];
  let block: { quantity: Quantity; names: readonly string[] } | undefined;
  const seen = new Set<string>();
  for (const { cells, line } of rows) {
    const [first = '', ...rest] = cells;
    if (first in units) {
      block = { quantity: first as Quantity, names: rest };
      seen.clear();
      const twice = rest.find((name, index) => rest.indexOf(name) !== index);
      if (twice !== undefined)
        problems.push({ path: `line ${line}`, message: `two columns are called ${twice}` });
      continue;
    }
    const at = `line ${line}`;
    if (block === undefined) {
      const message = `got ${first}; wanted from,to,latencyMs as a header, or a matrix whose first cell is latencyMs`;
      throw new ProblemsError(file, [{ path: at, message }]);
    }
    const { quantity, names } = block;
    if (seen.has(first)) problems.push({ path: at, message: `two rows are called ${first}` });
    seen.add(first);
    if (!names.includes(first)) problems.push({ path: at, message: `there is no column ${first}` });
    if (rest.length > names.length) {
      problems.push({ path: at, message: `got ${rest.length} figures, wanted ${names.length}` });
    }
    names.forEach((to, column) => {
      entries.push({
        quantity,
        from: first,
        to,
        text: rest[column] ?? '',
        at: `${at}, column ${column + 2}`,
      });
    });
  }
  if (problems.length > 0) throw new ProblemsError(file, shownProblems(problems));
  return entries;
}

/** A matrix by [from · count + to]; what is wrong goes to `problems`. */
function filled(
  quantity: Quantity,
  entries: readonly Entry[],
  names: readonly string[],
  problems: Problem[],
): Float64Array {
  const count = names.length;
  const index = new Map(names.map((name, node) => [name, node]));
  const matrix = new Float64Array(count * count).fill(Number.NaN);
  const holes = new Map<number, string>();
  const given = new Set<number>();
  for (const entry of entries) {
    if (entry.quantity !== quantity) continue;
    const from = index.get(entry.from)!;
    const to = index.get(entry.to)!;
    const place = from * count + to;
    if (from === to) continue;
    if (entry.text === '') {
      holes.set(place, entry.at);
      continue;
    }
    const value = Number(entry.text) * units[quantity];
    if (!Number.isFinite(value) || value < 0 || (quantity === 'bandwidthMbps' && value === 0)) {
      const wanted = quantity === 'latencyMs' ? 'milliseconds, at least 0' : 'Mbit/s, more than 0';
      problems.push({ path: entry.at, message: `got ${entry.text}, wanted a finite number of ${wanted}` });
    }
    if (given.size === given.add(place).size) {
      problems.push({ path: entry.at, message: `${entry.from} → ${entry.to} is given twice` });
    }
    matrix[place] = value;
  }
  // What is wrong has been told already: it is no hole as well.
  for (const place of given) if (Number.isNaN(matrix[place]!)) matrix[place] = 0;
  mirrorOrComplain(quantity, matrix, names, holes, problems);
  return matrix;
}

/** Each pair in one direction only: both ways. Else every missing direction is a hole. */
function mirrorOrComplain(
  quantity: Quantity,
  matrix: Float64Array,
  names: readonly string[],
  holes: ReadonlyMap<number, string>,
  problems: Problem[],
): void {
  const count = names.length;
  const missing: [from: number, to: number][] = [];
  let bothWays = false;
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) {
      if (from === to) continue;
      const given = !Number.isNaN(matrix[from * count + to]!);
      const back = !Number.isNaN(matrix[to * count + from]!);
      if (!given) missing.push([from, to]);
      if (given && back) bothWays = true;
    }
  }
  for (const [from, to] of missing) {
    const back = matrix[to * count + from]!;
    if (!bothWays && !Number.isNaN(back)) {
      matrix[from * count + to] = back;
      continue;
    }
    const pair = `${names[from]} → ${names[to]}`;
    problems.push({
      path: holes.get(from * count + to) ?? pair,
      message: `the ${quantity} of ${pair} is missing`,
      ...(bothWays ? { suggestion: 'give every ordered pair, or each pair once' } : {}),
    });
  }
}

function shownProblems(problems: readonly Problem[]): Problem[] {
  if (problems.length <= problemsShownMax) return [...problems];
  const message = `and ${problems.length - problemsShownMax} more`;
  return [...problems.slice(0, problemsShownMax), { path: '…', message }];
}
