/** `grapevine sweep SWEEP.yaml`: one experiment in many variations, over the cores; a table and a plot of all of them. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { InputError, type Problem, ProblemsError } from '../base/errors.ts';
import type { DesignCache } from '../experiment/index.ts';
import type { BandLine } from '../report/lines.ts';
import type { SweepOutcome, SweepProgress } from '../sweep/runner.ts';
import type { Axis, Cell, Sweep } from '../sweep/sweep.ts';
import type { Row } from '../sweep/table.ts';
import { designFolder, readExperiment } from './designing.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Host } from './host.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine sweep topologies/sweeps/straggler.yaml                    all cells, on all cores
  grapevine sweep topologies/sweeps/straggler.yaml --jobs 1 --out sweeps/rules
  grapevine sweep topologies/sweeps/straggler.yaml                    again: goes on where it was stopped or killed

A cell is the experiment with the settings of one point of each axis and one seed, each in a process of its own. Results: table.csv
and table.json (one row per cell), plot.svg (mean over the seeds, with 95 % confidence bands), and each cell's own run under cells/.`;

/** More cells than this are run only when asked for twice. */
const CELLS_UNASKED = 1_000;

interface SweepOptions {
  readonly jobs?: string;
  readonly yes?: boolean;
}

export function declareSweep(program: Command, host: Host): void {
  program
    .command('sweep')
    .description('run an experiment in many variations and compare them')
    .argument('<sweep>', 'the sweep file')
    .option('--jobs <count>', 'cells to run at the same time (default: one per core)')
    .option('--yes', `run more than ${CELLS_UNASKED} cells`)
    .addHelpText('after', EXAMPLES)
    .action(host.run<SweepOptions>(sweep));
}

async function sweep(
  session: Session,
  [path]: readonly string[],
  options: SweepOptions,
): Promise<ExitCode | undefined> {
  const { readDocumentFile } = await import('../base/document.ts');
  const { cellCount, parseSweep } = await import('../sweep/sweep.ts');
  const { openSweepFolder, sweepDigest } = await import('../sweep/folder.ts');
  const file = path as string;
  const parsed = parseSweep(readDocumentFile(file, 'sweep'), file);
  const jobs = jobsOf(options.jobs);
  const count = cellCount(parsed);
  if (count > CELLS_UNASKED && options.yes !== true) throw tooMany(parsed, count);
  const folder = session.options.out ?? join('sweeps', parsed.name);
  const kept = designFolder(resolve(folder, 'designs'));
  const designs = new Map<string, string>();
  // The folder is written to only when all is sound.
  const held = {
    read: (key: string) => designs.get(key) ?? kept.read(key),
    write: (key: string, text: string) => void designs.set(key, text),
  };
  await checkPoints(session, parsed, file, held);
  const varied = withOverrides(parsed, session.overrides);
  const text = readDocumentFile(parsed.experiment, 'experiment');
  await openSweepFolder(folder, varied, sweepDigest(varied, text));
  for (const [key, overlay] of designs) kept.write(key, overlay);
  session.say(`${parsed.name}: ${count} cells, ${jobs} at a time; results in ${folder}`);
  const outcome = await execute(session, varied, folder, jobs);
  return finish(session, varied, folder, outcome);
}

/** `--set` holds for every cell; an axis that sets the same path wins. */
function withOverrides(sweep: Sweep, overrides: readonly string[]): Sweep {
  if (overrides.length === 0) return sweep;
  const always: Axis = { name: '--set', points: [{ label: 'set', settings: overrides }] };
  return { ...sweep, axes: [always, ...sweep.axes] };
}

/** Every point of every axis is a sound experiment, the other axes at their first point: all problems before the first cell runs. */
async function checkPoints(
  session: Session,
  sweep: Sweep,
  file: string,
  designs: DesignCache,
): Promise<void> {
  const check = (settings: readonly string[]) =>
    readExperiment(session, sweep.experiment, [...session.overrides, ...settings], designs);
  const first = sweep.axes.flatMap(({ points }) => points[0]?.settings ?? []);
  await check(first);
  const problems: Problem[] = [];
  for (const { name, points } of sweep.axes) {
    for (const { label, settings } of points.slice(1)) {
      const others = sweep.axes.flatMap((axis) =>
        axis.name === name ? [] : (axis.points[0]?.settings ?? []),
      );
      try {
        await check([...others, ...settings]);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        problems.push({ path: `vary.${name}, point ${label}`, message: error.message });
      }
    }
  }
  if (problems.length > 0) throw new ProblemsError(file, problems);
}

async function execute(session: Session, sweep: Sweep, folder: string, jobs: number): Promise<SweepOutcome> {
  const { runSweep } = await import('../sweep/runner.ts');
  const { cellFolder } = await import('../sweep/folder.ts');
  const { runCellProcess } = await import('../sweep/cell-process.ts');
  const interruption = session.io.interruption();
  const progress = session.progress();
  const process_ = {
    sweep,
    entry: fileURLToPath(new URL('../main.js', import.meta.url)),
    folderOf: (cell: Cell) => cellFolder(folder, cell),
    env: { ...session.io.env, GRAPEVINE_DESIGNS: resolve(folder, 'designs') },
    interruption,
  };
  const outcome = await runSweep({
    folder,
    sweep,
    jobs,
    run: (cell) => runCellProcess(process_, cell),
    clock: session.io.clock,
    interruption,
    onProgress: (standing) => progress.update(progressLine(standing)),
  });
  progress.done();
  return outcome;
}

async function finish(
  session: Session,
  sweep: Sweep,
  folder: string,
  { results, interrupted }: SweepOutcome,
): Promise<ExitCode | undefined> {
  const { writeSweepFile } = await import('../sweep/folder.ts');
  const { cellAt } = await import('../sweep/sweep.ts');
  const { formatCsv, rowOf } = await import('../sweep/table.ts');
  const { plotLines } = await import('../report/lines.ts');
  const rows = results.flatMap((result, index) =>
    result === undefined ? [] : [rowOf(sweep, cellAt(sweep, index), result)],
  );
  const lines = await curvesOf(sweep, results);
  const { x, y } = sweep.plot;
  const plot = plotLines({
    title: `${sweep.name}: accuracy of the ${y === 'mean' ? 'mean' : 'worst'} silo, 95 % confidence over ${sweep.seeds.length} seeds`,
    xLabel: { round: 'round', seconds: 'seconds', bytes: 'bytes sent by all peers' }[x],
    yLabel: 'accuracy',
    lines,
  });
  await writeSweepFile(folder, 'table.csv', formatCsv(rows));
  await writeSweepFile(
    folder,
    'table.json',
    `${JSON.stringify({ name: sweep.name, rows, curves: lines }, null, 2)}\n`,
  );
  await writeSweepFile(folder, 'plot.svg', plot);
  session.answer(
    { name: sweep.name, folder, interrupted, rows },
    await closing(session, sweep, folder, rows, results.length, interrupted),
  );
  const complete = rows.length === results.length && rows.every(({ status }) => status === 'done');
  return complete ? undefined : exitCodes.goalMissed;
}

/** One line per combination of the axes. */
async function curvesOf(sweep: Sweep, results: SweepOutcome['results']): Promise<BandLine[]> {
  const { curveOf } = await import('../sweep/curves.ts');
  const { cellAt } = await import('../sweep/sweep.ts');
  const seedCount = sweep.seeds.length;
  const lines: BandLine[] = [];
  for (let first = 0; first < results.length; first += seedCount) {
    const { labels } = cellAt(sweep, first);
    const shown = labels.filter((_, axis) => (sweep.axes[axis]?.points.length ?? 0) > 1);
    const runs = results
      .slice(first, first + seedCount)
      .flatMap((result) => (result?.kind === 'done' ? [result.points] : []));
    const line = curveOf(shown.join(', ') || sweep.name, runs, sweep.plot);
    if (line !== undefined) lines.push(line);
  }
  return lines;
}

async function closing(
  session: Session,
  sweep: Sweep,
  folder: string,
  rows: readonly Row[],
  count: number,
  interrupted: boolean,
): Promise<string> {
  const { sweepTable } = await import('../sweep/overview.ts');
  const { formatTable } = await import('../report/index.ts');
  const failed = rows.filter(({ status }) => status === 'failed');
  return [
    '',
    formatTable(sweepTable(sweep, rows), session.style),
    ...failed.slice(0, 5).map(({ cell, reason }) => `failed: ${cell}: ${reason}`),
    ...(failed.length > 5 ? [`and ${failed.length - 5} more failed; table.csv has their reasons`] : []),
    ...(interrupted
      ? [
          `Stopped with ${rows.length} of ${count} cells. Go on: the same command again, or with --out ${folder}`,
        ]
      : []),
    `table: ${join(folder, 'table.csv')}`,
    `plot:  ${join(folder, 'plot.svg')}`,
  ].join('\n');
}

function progressLine({ done, failed, count, remainingMs }: SweepProgress): string {
  const trouble = failed === 0 ? '' : `, ${failed} failed`;
  const left = remainingMs === undefined ? '' : ` · about ${Math.ceil(remainingMs / 1000)} s to go`;
  return `${done + failed}/${count} cells${trouble}${left}`;
}

function tooMany({ axes, seeds, name }: Sweep, count: number): InputError {
  const factors = [...axes.map((axis) => `${axis.points.length} of ${axis.name}`), `${seeds.length} seeds`];
  return new InputError(
    'sweep-large',
    `${name} has ${count.toLocaleString('en-US')} cells (${factors.join(' × ')}): did you mean that? Add --yes to run them all, or leave points out`,
    { cells: count },
  );
}

function jobsOf(text: string | undefined): number {
  if (text === undefined) return availableParallelism();
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1) return jobs;
  throw new InputError('usage', `--jobs is ${text}; it takes a whole number from 1`);
}
