/** What a sweep came to: its tables and its plot as files, and what people are told. */
import { join } from 'node:path';
import type { Curve } from '../sweep/panels.ts';
import type { SweepOutcome } from '../sweep/runner.ts';
import type { Sweep } from '../sweep/sweep.ts';
import type { Row } from '../sweep/table.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Session } from './session.ts';

/** Of the cells that failed, so many are told with their reasons. */
const FAILURES_TOLD_MAX = 5;

/** OperatingError as Storage. */
export async function tellSweep(
  session: Session,
  sweep: Sweep,
  folder: string,
  outcome: SweepOutcome,
): Promise<ExitCode | undefined> {
  const { results, interrupted, noRoom } = outcome;
  const rows = await writeResults(sweep, folder, outcome);
  session.answer(
    { name: sweep.name, folder, interrupted: interrupted || noRoom !== undefined, rows },
    await closing(session, sweep, folder, rows, outcome),
  );
  if (noRoom !== undefined) return exitCodes.operatingFault;
  const complete = rows.length === results.length && rows.every(({ status }) => status === 'done');
  return complete ? undefined : exitCodes.goalMissed;
}

async function writeResults(
  sweep: Sweep,
  folder: string,
  { results }: SweepOutcome,
): Promise<readonly Row[]> {
  const { writeSweepFile } = await import('../sweep/folder.ts');
  const { cellAt } = await import('../sweep/sweep.ts');
  const { formatCsv, rowOf } = await import('../sweep/table.ts');
  const rows = results.flatMap((result, index) =>
    result === undefined ? [] : [rowOf(sweep, cellAt(sweep, index), result)],
  );
  const curves = await curvesOf(sweep, results);
  await writeSweepFile(folder, 'table.csv', formatCsv(rows));
  const names = sweep.axes.map(({ name }) => name);
  const named = curves.map(({ labels, points }) => ({
    ...Object.fromEntries(names.map((name, axis) => [name, labels[axis]])),
    points,
  }));
  const document = { name: sweep.name, rows, curves: named };
  await writeSweepFile(folder, 'table.json', `${JSON.stringify(document, null, 2)}\n`);
  await writeSweepFile(folder, 'plot.svg', await plotOf(sweep, curves));
  return rows;
}

/** One frame, or a panel for each point of some axes. */
async function plotOf(sweep: Sweep, curves: readonly Curve[]): Promise<string> {
  const { panelsOf } = await import('../sweep/panels.ts');
  const { plotLines } = await import('../report/lines.ts');
  const { plotPanels } = await import('../report/panels.ts');
  const { x, y } = sweep.plot;
  const said = {
    title: `${sweep.name}: accuracy of the ${y === 'mean' ? 'mean' : 'worst'} silo, 95 % confidence over ${sweep.seeds.length} seeds`,
    xLabel: { round: 'round', seconds: 'seconds', bytes: 'bytes sent by all peers' }[x],
    yLabel: 'accuracy',
    share: true,
  };
  const panels = panelsOf(sweep, curves);
  return panels.length > 1
    ? plotPanels({ ...said, panels })
    : plotLines({ ...said, lines: panels[0]?.lines ?? [] });
}

/** One per combination of the axes that has been judged. */
async function curvesOf(sweep: Sweep, results: SweepOutcome['results']): Promise<Curve[]> {
  const { curveOf } = await import('../sweep/curves.ts');
  const { samplesOf } = await import('../sweep/table.ts');
  const { cellAt } = await import('../sweep/sweep.ts');
  const seedCount = sweep.seeds.length;
  const curves: Curve[] = [];
  for (let first = 0; first < results.length; first += seedCount) {
    const runs = results
      .slice(first, first + seedCount)
      .flatMap((result) => (result?.kind === 'done' ? [samplesOf(result, sweep.plot)] : []));
    const points = curveOf(runs);
    if (points !== undefined) curves.push({ labels: cellAt(sweep, first).labels, points });
  }
  return curves;
}

async function closing(
  session: Session,
  sweep: Sweep,
  folder: string,
  rows: readonly Row[],
  { results, interrupted, noRoom }: SweepOutcome,
): Promise<string> {
  const { sweepTable } = await import('../sweep/overview.ts');
  const { formatTable } = await import('../report/index.ts');
  const failed = rows.filter(({ status }) => status === 'failed');
  const untold = failed.length - FAILURES_TOLD_MAX;
  return [
    '',
    formatTable(sweepTable(sweep, rows), session.style),
    ...failed.slice(0, FAILURES_TOLD_MAX).map(({ cell, reason }) => `failed: ${cell}: ${reason}`),
    ...(untold > 0 ? [`and ${untold} more failed; table.csv has their reasons`] : []),
    ...(failed.length > 0
      ? ['Cells that failed are not run again, unless you ask for it: --retry-failed']
      : []),
    ...(noRoom === undefined ? [] : [noRoom]),
    ...(interrupted || noRoom !== undefined
      ? [
          `Stopped with ${rows.length} of ${results.length} cells. Go on: the same command again, or with --out ${folder}`,
        ]
      : []),
    `table: ${join(folder, 'table.csv')}`,
    `plot:  ${join(folder, 'plot.svg')}`,
  ].join('\n');
}
