/** One cell as a process of its own: `grapevine simulate` (or `swarm`) with the cell's settings. It ends when the sweep's process is gone. */
import { spawn } from 'node:child_process';
import type { CellEnd } from './runner.ts';
import type { Cell, Sweep } from './sweep.ts';

/** Of what a cell's process says to people, the end that is kept to explain its failure. */
const SAID_CHARACTERS_MAX = 2_000;
/** The document of a failure is shorter; the summary of a cell that went well is in its folder. */
const DOCUMENT_CHARACTERS_MAX = 65_536;

export interface CellProcessOptions {
  readonly sweep: Sweep;
  /** The compiled command line. */
  readonly entry: string;
  readonly folderOf: (cell: Cell) => string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every step of a simulated cell is watched for what must never happen. */
  readonly checkInvariants: boolean;
  /** Aborted: the process is asked to stop, and saves what it has. */
  readonly interruption: AbortSignal;
}

/** Exit codes 0 and 4 (ended without reaching its goal) are results; everything else is a failure of the cell. */
const GOAL_MISSED = 4;

export function runCellProcess(
  { sweep, entry, folderOf, env, checkInvariants, interruption }: CellProcessOptions,
  cell: Cell,
): Promise<CellEnd> {
  const settings = cell.settings.flatMap((setting) => ['--set', setting]);
  const watched = checkInvariants ? ['--check-invariants'] : [];
  const args = [entry, sweep.run, sweep.experiment, ...settings, ...watched, '--out', folderOf(cell)];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, ...args, '--quiet', '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // says nothing over the channel, and stops when that breaks: nobody is left behind
      detached: true, // a Ctrl-C in the terminal reaches the sweep alone, which ends its cells in order
    });
    const stop = (): void => void child.kill('SIGTERM');
    interruption.addEventListener('abort', stop);
    if (interruption.aborted) stop();
    const said = tailOf(child.stderr, SAID_CHARACTERS_MAX);
    const document = tailOf(child.stdout, DOCUMENT_CHARACTERS_MAX);
    const end = (ended: CellEnd): void => {
      interruption.removeEventListener('abort', stop);
      resolve(ended);
    };
    child.on('error', (error) => end({ kind: 'failed', reason: error.message }));
    child.on('close', (code, signal) => {
      if (code === 0 || code === GOAL_MISSED) end({ kind: 'ran' });
      else if (signal !== null) end({ kind: 'killed', reason: `ended by ${signal}` });
      else end(failureOf(document(), said(), `exit code ${code}`));
    });
  });
}

/** Gives the end of what has come so far. */
function tailOf(stream: NodeJS.ReadableStream | null, charactersMax: number): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(-charactersMax);
  });
  return () => text;
}

/** A full disk, or one that cannot be written to, is no fault of the cell, and neither is who got into its folder first: it runs again. */
function failureOf(document: string, said: string, otherwise: string): CellEnd {
  const error = errorOf(document);
  if (error?.code.startsWith('storage-')) return { kind: 'no-room', reason: error.message };
  if (error?.code === 'run-folder-taken' || error?.code === 'run-folder-in-use')
    return { kind: 'folder-taken', reason: error.message };
  const repeat = said.split('\n').find((line) => line.startsWith('seed '));
  const reason = error?.message ?? lastWords(said) ?? otherwise;
  return { kind: 'failed', reason: repeat === undefined ? reason : `${reason}; ${repeat}` };
}

/** What `--json` says of a failure. */
function errorOf(document: string): { code: string; message: string } | undefined {
  try {
    const { error } = JSON.parse(document) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.code !== 'string' || typeof error.message !== 'string') return undefined;
    return { code: error.code, message: error.message };
  } catch {
    return undefined; // killed before it could say anything
  }
}

function lastWords(said: string): string | undefined {
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('warning:'));
  return lines.length === 0 ? undefined : lines.slice(-3).join(' ');
}
