/** `grapevine report RUN_DIR…`: tables of one run, or of several compared; with --html also a page. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { Run } from '../report/index.ts';
import { writeTextFile } from './files.ts';
import type { Host } from './host.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine report runs/mnist                     what each silo gained
  grapevine report runs/ring runs/complete        runs side by side
  grapevine report --html runs/mnist              also writes runs/mnist/report.html
  grapevine report --json runs/mnist | jq '.runs[0].summary.accuracy'

A run that is still going on, or was cut off, is shown as far as it got.`;

interface ReportOptions {
  readonly html?: boolean;
}

export function declareReport(program: Command, host: Host): void {
  program
    .command('report')
    .description('tables of one run, or of several compared')
    .argument('<run-dir...>', 'directories that runs wrote')
    .option('--html', 'also write report.html, into the run directory or the one given with --out')
    .addHelpText('after', EXAMPLES)
    .action(host.run<ReportOptions>(report));
}

async function report(
  session: Session,
  directories: readonly string[],
  options: ReportOptions,
): Promise<undefined> {
  const { compareRuns, describeRun, loadRun, renderHtml, siloRows } = await import('../report/index.ts');
  const folder = options.html === true ? htmlFolder(session, directories) : undefined;
  const runs: Run[] = [];
  for (const directory of directories) runs.push(await loadRun(directory));
  if (folder !== undefined) await writeTextFile(join(folder, 'report.html'), renderHtml(runs));
  const { style } = session;
  const text =
    runs.length === 1 ? runs.map((run) => describeRun(run, style)).join('') : compareRuns(runs, style);
  const written = folder === undefined ? '' : `\n\nwritten: ${join(folder, 'report.html')}`;
  const documents = runs.map((run) => ({
    directory: run.directory,
    summary: run.summary ?? null,
    silos: siloRows(run),
    warnings: run.warnings,
  }));
  session.answer({ runs: documents }, text + written);
}

function htmlFolder(session: Session, directories: readonly string[]): string {
  const folder = session.options.out ?? (directories.length === 1 ? directories[0] : undefined);
  if (folder !== undefined) return folder;
  throw new InputError('out-missing', 'a page for several runs needs a place: add --out DIR', {});
}
