/** Runs a sweep's cells over the cores: so many processes at a time, done ones passed over, failures noted, until all are done. */
import type { Clock } from '../base/clock.ts';
import { pause } from '../base/idle.ts';
import { cellResult, clearCell, markFailed } from './folder.ts';
import { type Cell, cellAt, cellCount, type Sweep } from './sweep.ts';
import type { CellResult } from './table.ts';

export interface SweepProgress {
  readonly done: number;
  readonly failed: number;
  readonly count: number;
  /** Undefined until a cell has been run. */
  readonly remainingMs: number | undefined;
}

/**
 * How one cell's process ended: with a run; by a fault of its own; by a signal that is not ours; for want of room on the disk; or before
 * it began, because another process got into its folder first.
 */
export type CellEnd =
  | { readonly kind: 'ran' }
  | { readonly kind: 'failed' | 'killed' | 'no-room' | 'folder-taken'; readonly reason: string };

/** A process that a killed sweep left behind may get into a cell's folder after it was cleared, and ends soon. */
const TRIES_MAX = 3;
const BEFORE_TRY_MS = 500;

export interface SweepWork {
  readonly folder: string;
  readonly sweep: Sweep;
  /** Processes at a time. */
  readonly jobs: number;
  /** Cells that failed before run once more. */
  readonly retryFailed: boolean;
  /** Runs one cell in a process of its own; resolves when that is gone. */
  readonly run: (cell: Cell) => Promise<CellEnd>;
  readonly clock: Clock;
  /** Aborted: nothing more is started. */
  readonly interruption: AbortSignal;
  readonly onProgress: (progress: SweepProgress) => void;
}

export interface SweepOutcome {
  /** By cell; undefined where it was not run. */
  readonly results: readonly (CellResult | undefined)[];
  readonly interrupted: boolean;
  /** Why no more cells were started; absent where nothing was in the way. */
  readonly noRoom?: string;
}

/** OperatingError as Storage, and `run-folder-in-use` where a process of an earlier start does not let go of its cell. */
export async function runSweep(work: SweepWork): Promise<SweepOutcome> {
  const { sweep, retryFailed, clock, interruption, onProgress } = work;
  const count = cellCount(sweep);
  const results = await earlierResults(work);
  const waiting = results.flatMap((result, index) =>
    result === undefined || (retryFailed && result.kind === 'failed') ? [index] : [],
  );
  for (const index of waiting) results[index] = undefined;
  const startedMs = clock.now();
  let ran = 0;
  let noRoom: string | undefined;
  const tell = (): void => {
    const known = results.filter((result) => result !== undefined);
    const failed = known.filter(({ kind }) => kind === 'failed').length;
    const left = count - known.length;
    const remainingMs = ran === 0 ? undefined : ((clock.now() - startedMs) / ran) * left;
    onProgress({ done: known.length - failed, failed, count, remainingMs });
  };
  const worker = async (): Promise<void> => {
    for (;;) {
      const index = interruption.aborted || noRoom !== undefined ? undefined : waiting.shift();
      if (index === undefined) return;
      const end = await runCell(work, cellAt(sweep, index));
      if (end?.kind === 'no-room') noRoom ??= end.reason;
      else results[index] = end;
      ran += 1;
      tell();
    }
  };
  tell();
  await Promise.all(Array.from({ length: work.jobs }, worker));
  return { results, interrupted: interruption.aborted, ...(noRoom === undefined ? {} : { noRoom }) };
}

async function earlierResults({ sweep, folder }: SweepWork): Promise<(CellResult | undefined)[]> {
  const results: (CellResult | undefined)[] = [];
  for (let index = 0; index < cellCount(sweep); index++)
    results.push(await cellResult(folder, sweep, cellAt(sweep, index)));
  return results;
}

/** Undefined where the cell is to run again when the sweep is taken up. */
async function runCell(
  { folder, sweep, run, interruption }: SweepWork,
  cell: Cell,
): Promise<CellResult | { readonly kind: 'no-room'; readonly reason: string } | undefined> {
  const end = await runInClearFolder(folder, cell, run);
  const result = await cellResult(folder, sweep, cell);
  if (result !== undefined || interruption.aborted) return result;
  if (end.kind === 'no-room') return { kind: 'no-room', reason: end.reason };
  const reason = end.kind === 'ran' ? 'it ended without a summary' : end.reason;
  // Who killed it (most often the kernel, for want of memory) may let it be next time.
  if (end.kind !== 'killed') await markFailed(folder, cell, reason);
  return { kind: 'failed', reason };
}

async function runInClearFolder(folder: string, cell: Cell, run: SweepWork['run']): Promise<CellEnd> {
  for (let left = TRIES_MAX; ; left--) {
    await clearCell(folder, cell);
    const end = await run(cell);
    if (end.kind !== 'folder-taken' || left === 1) return end;
    await pause(BEFORE_TRY_MS);
  }
}
