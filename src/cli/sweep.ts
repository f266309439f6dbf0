/** `grapevine sweep SWEEP.yaml`: one experiment in many variations, over the cores; a table and a plot of all of them. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { SweepOutcome, SweepProgress } from '../sweep/runner.ts';
import type { Axis, Cell, Sweep } from '../sweep/sweep.ts';
import { designFolder } from './designing.ts';
import type { ExitCode } from './exit-codes.ts';
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
  readonly checkInvariants?: boolean;
  readonly retryFailed?: boolean;
}

export function declareSweep(program: Command, host: Host): void {
  program
    .command('sweep')
    .description('run an experiment in many variations and compare them')
    .argument('<sweep>', 'the sweep file')
    .option('--jobs <count>', 'cells to run at the same time (default: one per core)')
    .option('--yes', `run more than ${CELLS_UNASKED} cells`)
    .option('--check-invariants', 'watch every step of every cell for what must never happen; slower')
    .option('--retry-failed', 'run the cells again that failed before')
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
  const { lockFolder } = await import('../storage/lock.ts');
  const { checkSweep } = await import('./sweep-check.ts');
  const { tellSweep } = await import('./sweep-results.ts');
  const file = path as string;
  const parsed = parseSweep(readDocumentFile(file, 'sweep'), file);
  const jobs = jobsOf(options.jobs);
  const count = cellCount(parsed);
  if (count > CELLS_UNASKED && options.yes !== true) throw tooMany(parsed, count);
  const watched = options.checkInvariants === true;
  if (watched && parsed.run === 'swarm') throw unwatchable();
  const folder = session.options.out ?? join('sweeps', parsed.name);
  const kept = designFolder(resolve(folder, 'designs'));
  const designs = new Map<string, string>();
  // The folder is written to only when all is sound.
  const held = {
    read: (key: string) => designs.get(key) ?? kept.read(key),
    write: (key: string, text: string) => void designs.set(key, text),
  };
  await checkSweep(session, parsed, file, held);
  const varied = withOverrides(parsed, session.overrides);
  const text = readDocumentFile(parsed.experiment, 'experiment');
  const lock = await lockFolder(folder);
  try {
    await openSweepFolder(folder, varied, sweepDigest(varied, text));
    for (const [key, overlay] of designs) kept.write(key, overlay);
    session.say(`${parsed.name}: ${count} cells, ${jobs} at a time; results in ${folder}`);
    const { retryFailed = false } = options;
    const outcome = await execute(session, varied, { folder, jobs, retryFailed, watched });
    return await tellSweep(session, varied, folder, outcome);
  } finally {
    await lock.release();
  }
}

/** `--set` holds for every cell; an axis that sets the same path wins. */
function withOverrides(sweep: Sweep, overrides: readonly string[]): Sweep {
  if (overrides.length === 0) return sweep;
  const always: Axis = { name: '--set', points: [{ label: 'set', settings: overrides }] };
  return { ...sweep, axes: [always, ...sweep.axes] };
}

interface Execution {
  readonly folder: string;
  readonly jobs: number;
  readonly retryFailed: boolean;
  /** With invariants on. */
  readonly watched: boolean;
}

async function execute(
  session: Session,
  sweep: Sweep,
  { folder, jobs, retryFailed, watched }: Execution,
): Promise<SweepOutcome> {
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
    checkInvariants: watched,
    interruption,
  };
  const outcome = await runSweep({
    folder,
    sweep,
    jobs,
    retryFailed,
    run: (cell) => runCellProcess(process_, cell),
    clock: session.io.clock,
    interruption,
    onProgress: (standing) => progress.update(progressLine(standing)),
  });
  progress.done();
  return outcome;
}

function tooMany({ axes, seeds, name }: Sweep, count: number): InputError {
  const factors = [...axes.map((axis) => `${axis.points.length} of ${axis.name}`), `${seeds.length} seeds`];
  return new InputError(
    'sweep-large',
    `${name} has ${count.toLocaleString('en-US')} cells (${factors.join(' × ')}): did you mean that? Add --yes to run them all, or leave points out`,
    { cells: count },
  );
}

function unwatchable(): InputError {
  return new InputError(
    'usage',
    '--check-invariants watches simulations, and this sweep says run: swarm; leave it out, or say run: simulate',
  );
}

function jobsOf(text: string | undefined): number {
  if (text === undefined) return availableParallelism();
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1) return jobs;
  throw new InputError('usage', `--jobs is ${text}; it takes a whole number from 1`);
}

function progressLine({ done, failed, count, remainingMs }: SweepProgress): string {
  const trouble = failed === 0 ? '' : `, ${failed} failed`;
  const left = remainingMs === undefined ? '' : ` · about ${Math.ceil(remainingMs / 1000)} s to go`;
  return `${done + failed}/${count} cells${trouble}${left}`;
}
