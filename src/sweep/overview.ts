/** A sweep's table for people: one row per combination of the axes, mean and 95 % confidence interval over its seeds. */
import { bytes, NOTHING, percent, seconds } from '../report/figures.ts';
import type { Table } from '../report/table.ts';
import { interval } from './curves.ts';
import type { Sweep } from './sweep.ts';
import type { Row } from './table.ts';

export function sweepTable({ axes, target }: Sweep, rows: readonly Row[]): Table {
  const varied = axes.filter(({ points }) => points.length > 1).map(({ name }) => name);
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(varied.map((name) => row[name]));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return {
    columns: [
      ...varied.map((title) => ({ title })),
      ...['cells', 'mean', 'worst', 'rounds', 'time', 'sent'].map((title) => ({
        title,
        align: 'right' as const,
      })),
      ...(target === undefined
        ? []
        : [{ title: `worst at ${percent(target, 0)} after`, align: 'right' as const }]),
    ],
    rows: [...groups.values()].map((group) => [
      ...varied.map((name) => String(group[0]?.[name] ?? '')),
      String(group.filter(({ status }) => status === 'done').length),
      spread(group, 'accuracyMean', (value) => percent(value)),
      spread(group, 'accuracyWorst', (value) => percent(value)),
      spread(group, 'rounds', (value) => value.toFixed(0), false),
      spread(group, 'seconds', seconds, false),
      spread(group, 'bytesSent', (value) => bytes(Math.round(value)), false),
      ...(target === undefined ? [] : [spread(group, 'secondsToTargetWorst', seconds)]),
    ]),
  };
}

/** `87.6% ± 0.4%`; the interval is left out where there is one seed only. */
function spread(
  rows: readonly Row[],
  column: string,
  write: (value: number) => string,
  withInterval = true,
): string {
  const values = rows.flatMap((row) => (typeof row[column] === 'number' ? [row[column]] : []));
  if (values.length === 0) return NOTHING;
  const { mean, high } = interval(values);
  const some = values.length < rows.length ? ` (${values.length} of ${rows.length})` : '';
  return `${write(mean)}${withInterval && values.length > 1 ? ` ± ${write(high - mean)}` : ''}${some}`;
}
