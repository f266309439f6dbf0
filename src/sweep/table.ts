/** A sweep's results: one tidy row per cell, as CSV and JSON. */

import type { RoundRecord } from '../record/records.ts';
import type { RunSummary } from '../record/summary.ts';
import { accuracyOf, type Course } from './course.ts';
import type { Sample } from './curves.ts';
import type { Cell, Sweep } from './sweep.ts';

/** Where a run stood when all its peers had done a round. */
export interface RoundPoint {
  readonly round: number;
  readonly mean: number;
  readonly worst: number;
}

export type CellResult =
  | {
      readonly kind: 'done';
      readonly summary: RunSummary;
      readonly points: readonly RoundPoint[];
      readonly course: Course;
    }
  | { readonly kind: 'failed'; readonly reason: string };

export type Row = Readonly<Record<string, string | number | null>>;

/** The rounds in which every peer was judged, ascending. */
export function roundPoints(rounds: readonly RoundRecord[], peerCount: number): RoundPoint[] {
  const byRound = new Map<number, number[]>();
  for (const record of rounds) {
    const accuracy = accuracyOf(record);
    if (accuracy === undefined) continue;
    const list = byRound.get(record.round);
    if (list === undefined) byRound.set(record.round, [accuracy]);
    else list.push(accuracy);
  }
  return [...byRound]
    .filter(([, accuracies]) => accuracies.length === peerCount)
    .sort(([a], [b]) => a - b)
    .map(([round, accuracies]) => ({
      round,
      mean: accuracies.reduce((sum, value) => sum + value, 0) / peerCount,
      worst: accuracies.reduce((least, value) => Math.min(least, value)),
    }));
}

/** What a plot shows of a run: by rounds as each silo did them, else as all silos stood at one time. */
export function samplesOf(
  { points, course }: Extract<CellResult, { kind: 'done' }>,
  { x, y }: Sweep['plot'],
): Sample[] {
  if (x === 'round') return points.map((point) => ({ x: point.round, y: point[y] }));
  return course.points.map((point) => ({ x: point[x], y: point[y] }));
}

export function rowOf({ axes, target }: Sweep, cell: Cell, result: CellResult): Row {
  const named = Object.fromEntries(axes.map(({ name }, index) => [name, cell.labels[index] ?? '']));
  const base = { cell: cell.id, ...named, seed: cell.seed };
  if (result.kind === 'failed') return { ...base, status: 'failed', reason: result.reason };
  const { summary } = result;
  const { together, alone, pooled } = summary.accuracy;
  return {
    ...base,
    status: 'done',
    endReason: summary.endReason,
    rounds: summary.rounds,
    accuracyMean: together?.mean ?? null,
    accuracyWorst: together?.worst ?? null,
    ...(alone === undefined ? {} : { aloneMean: alone.mean, aloneWorst: alone.worst }),
    ...(pooled === undefined ? {} : { pooled }),
    consensusDistance: summary.consensusDistance,
    seconds: summary.wallSeconds,
    bytesSent: summary.bytesSent,
    messagesSent: summary.messagesSent,
    exclusions: summary.peers.reduce((sum, { exclusions }) => sum + exclusions, 0),
    ...(target === undefined ? {} : reaching(result, target)),
  };
}

/** When mean and worst silo first reached the target; null where they never did. */
function reaching({ points, course }: Extract<CellResult, { kind: 'done' }>, target: number): Row {
  const { meanReached, worstReached } = course;
  return {
    roundsToTargetMean: points.find(({ mean }) => mean >= target)?.round ?? null,
    secondsToTargetMean: meanReached?.seconds ?? null,
    bytesToTargetMean: meanReached?.bytes ?? null,
    roundsToTargetWorst: points.find(({ worst }) => worst >= target)?.round ?? null,
    secondsToTargetWorst: worstReached?.seconds ?? null,
    bytesToTargetWorst: worstReached?.bytes ?? null,
  };
}

/** RFC 4180; columns in the order in which rows first name them, empty where a row has none. */
export function formatCsv(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  return lines.map((line) => `${line.map(quoted).join(',')}\r\n`).join('');
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
