/** One cell as a process of its own: `grapevine simulate` (or `swarm`) with the cell's settings. */
import { spawn } from 'node:child_process';
import type { CellEnd } from './runner.ts';
import type { Cell, Sweep } from './sweep.ts';

/** Of what a cell's process says, the end that is kept to explain its failure. */
const ERROR_CHARACTERS_MAX = 2_000;

export interface CellProcessOptions {
  readonly sweep: Sweep;
  /** The compiled command line. */
  readonly entry: string;
  readonly folderOf: (cell: Cell) => string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted: the process is asked to stop, and saves what it has. */
  readonly interruption: AbortSignal;
}

/** Exit codes 0 and 4 (ended without reaching its goal) are results; everything else is a failure of the cell. */
const GOAL_MISSED = 4;

export function runCellProcess(
  { sweep, entry, folderOf, env, interruption }: CellProcessOptions,
  cell: Cell,
): Promise<CellEnd> {
  const settings = cell.settings.flatMap((setting) => ['--set', setting]);
  const args = [entry, sweep.run, sweep.experiment, ...settings, '--out', folderOf(cell), '--quiet'];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // a Ctrl-C in the terminal reaches the sweep alone, which ends its cells in order
    });
    const stop = (): void => void child.kill('SIGTERM');
    interruption.addEventListener('abort', stop);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-ERROR_CHARACTERS_MAX);
    });
    const end = (reason: string | undefined): void => {
      interruption.removeEventListener('abort', stop);
      resolve({ reason });
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => {
      if (code === 0 || code === GOAL_MISSED) end(undefined);
      else end(lastWords(said) ?? (signal === null ? `exit code ${code}` : `ended by ${signal}`));
    });
  });
}

function lastWords(said: string): string | undefined {
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('warning:'));
  return lines.length === 0 ? undefined : lines.slice(-3).join(' ');
}
