/**
 * A sweep's folder: `sweep.json` says what it is, `cells/<id>/` holds each cell's run, the tables stand beside. A cell is done when its
 * run has a summary; whatever else is found of a cell is the rest of one that was cut off, and is thrown away before it runs again.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, OperatingError } from '../base/errors.ts';
import { pause } from '../base/idle.ts';
import { loadRun } from '../report/load.ts';
import { fileStorage } from '../storage/files.ts';
import { lockFolder } from '../storage/lock.ts';
import { courseOf } from './course.ts';
import type { Cell, Sweep } from './sweep.ts';
import { type CellResult, roundPoints } from './table.ts';

const SWEEP_FILE = 'sweep.json';
const FAILURE_FILE = 'failure.json';

/** What a folder's cells depend on: the sweep, but for how it is drawn, and the experiment's text. */
export function sweepDigest(
  { plot: _plot, target: _target, ...sweep }: Sweep,
  experimentText: string,
): string {
  return createHash('sha256')
    .update(JSON.stringify([sweep, experimentText]))
    .digest('hex');
}

/** Makes the folder, or takes up the one of the same sweep. Throws InputError `sweep-changed`. */
export async function openSweepFolder(folder: string, sweep: Sweep, digest: string): Promise<void> {
  const before = await readJson<{ digest?: string; name?: string }>(join(folder, SWEEP_FILE));
  if (before !== undefined && before.digest !== digest) {
    throw new InputError(
      'sweep-changed',
      `${folder} holds the cells of another sweep, or the sweep or its experiment has changed since; give another --out, or remove the folder`,
      { folder },
    );
  }
  await writeSweepFile(folder, SWEEP_FILE, `${JSON.stringify({ digest, ...sweep }, null, 2)}\n`);
}

export async function writeSweepFile(folder: string, name: string, text: string): Promise<void> {
  await fileStorage(folder).write(name, new TextEncoder().encode(text));
}

export function cellFolder(folder: string, { id }: Cell): string {
  return join(folder, 'cells', id);
}

/** Undefined where the cell has not been run to its end. */
export async function cellResult(
  folder: string,
  { target }: Sweep,
  cell: Cell,
): Promise<CellResult | undefined> {
  const run = cellFolder(folder, cell);
  const failure = await readJson<{ reason?: string }>(join(run, FAILURE_FILE));
  if (failure?.reason !== undefined) return { kind: 'failed', reason: failure.reason };
  if ((await readJson(join(run, 'summary.json'))) === undefined) return undefined;
  const { summary, rounds } = await loadRun(run);
  if (summary === undefined || summary.endReason === 'interrupted') return undefined;
  const points = roundPoints(rounds, summary.peers.length);
  return { kind: 'done', summary, points, course: courseOf(rounds, target) };
}

/** A process whose sweep was killed sees that at once, and ends as soon as what it trains is done. */
const LOOKS_MAX = 300;
const LOOK_AGAIN_MS = 100;

/** Removes what was left of a cell that was cut off, once nobody writes there. OperatingError `run-folder-in-use`. */
export async function clearCell(folder: string, cell: Cell): Promise<void> {
  const run = cellFolder(folder, cell);
  if (!existsSync(run)) return;
  await lockWhenLeft(run, LOOKS_MAX); // the lock goes with the folder
  await rm(run, { recursive: true, force: true, maxRetries: 5 });
}

async function lockWhenLeft(run: string, looks: number): Promise<void> {
  try {
    await lockFolder(run);
  } catch (error) {
    if (looks <= 1 || !isInUse(error)) throw error;
    await pause(LOOK_AGAIN_MS);
    await lockWhenLeft(run, looks - 1);
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof OperatingError && error.code === 'run-folder-in-use';
}

/** Remembers that a cell fails, so that it is not tried again each time the sweep is taken up. */
export async function markFailed(folder: string, cell: Cell, reason: string): Promise<void> {
  await writeSweepFile(cellFolder(folder, cell), FAILURE_FILE, `${JSON.stringify({ reason })}\n`);
}

async function readJson<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value;
  } catch {
    return undefined; // missing or torn: as good as not there
  }
}
