/** A sweep's results: one tidy row per cell, as CSV and JSON. */

import type { RoundRecord } from '../record/records.ts';
import type { RunSummary } from '../record/summary.ts';
import type { Cell, Sweep } from './sweep.ts';

/** Where a run stood when all its peers had done a round. */
export interface RoundPoint {
  readonly round: number;
  /** The run's clock when the last peer had done it. */
  readonly seconds: number;
  /** Sent by all peers up to then. */
  readonly bytes: number;
  readonly mean: number;
  readonly worst: number;
}

export type CellResult =
  | { readonly kind: 'done'; readonly summary: RunSummary; readonly points: readonly RoundPoint[] }
  | { readonly kind: 'failed'; readonly reason: string };

export type Row = Readonly<Record<string, string | number | null>>;

/** The rounds in which every peer was judged, on the global test set where there is one, ascending. */
export function roundPoints(rounds: readonly RoundRecord[], peerCount: number): RoundPoint[] {
  const byRound = new Map<number, RoundRecord[]>();
  for (const record of rounds) {
    const list = byRound.get(record.round);
    if (list === undefined) byRound.set(record.round, [record]);
    else list.push(record);
  }
  let bytes = 0;
  const points: RoundPoint[] = [];
  for (const [round, records] of [...byRound].sort(([a], [b]) => a - b)) {
    bytes += records.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const accuracies = records.flatMap(({ globalTest, ownTest }) => globalTest ?? ownTest ?? []);
    if (accuracies.length < peerCount) continue;
    points.push({
      round,
      seconds: Math.max(...records.map(({ nowMs = 0 }) => nowMs)) / 1000,
      bytes,
      mean: accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length,
      worst: Math.min(...accuracies),
    });
  }
  return points;
}

export function rowOf({ axes, target }: Sweep, cell: Cell, result: CellResult): Row {
  const named = Object.fromEntries(axes.map(({ name }, index) => [name, cell.labels[index] ?? '']));
  const base = { cell: cell.id, ...named, seed: cell.seed };
  if (result.kind === 'failed') return { ...base, status: 'failed', reason: result.reason };
  const { summary, points } = result;
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
    ...(target === undefined ? {} : reaching(points, target)),
  };
}

/** When mean and worst silo first reached the target; null where they never did. */
function reaching(points: readonly RoundPoint[], target: number): Row {
  const mean = points.find((point) => point.mean >= target);
  const worst = points.find((point) => point.worst >= target);
  return {
    roundsToTargetMean: mean?.round ?? null,
    secondsToTargetMean: mean?.seconds ?? null,
    bytesToTargetMean: mean?.bytes ?? null,
    roundsToTargetWorst: worst?.round ?? null,
    secondsToTargetWorst: worst?.seconds ?? null,
    bytesToTargetWorst: worst?.bytes ?? null,
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
