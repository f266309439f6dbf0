/** Runs a sweep's cells over the cores: so many processes at a time, done ones passed over, failures noted, until all are done. */
import type { Clock } from '../base/clock.ts';
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

/** How one cell's process ended; `undefined` reason: it did its run. */
export interface CellEnd {
  readonly reason: string | undefined;
}

export interface SweepWork {
  readonly folder: string;
  readonly sweep: Sweep;
  /** Processes at a time. */
  readonly jobs: number;
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
}

export async function runSweep(work: SweepWork): Promise<SweepOutcome> {
  const { sweep, folder, clock, interruption, onProgress } = work;
  const count = cellCount(sweep);
  const results: (CellResult | undefined)[] = [];
  for (let index = 0; index < count; index++) results.push(await cellResult(folder, cellAt(sweep, index)));
  const waiting = results.flatMap((result, index) => (result === undefined ? [index] : []));
  const startedMs = clock.now();
  let ran = 0;
  const tell = (): void => {
    const known = results.filter((result) => result !== undefined);
    const failed = known.filter(({ kind }) => kind === 'failed').length;
    const left = count - known.length;
    const remainingMs = ran === 0 ? undefined : ((clock.now() - startedMs) / ran) * left;
    onProgress({ done: known.length - failed, failed, count, remainingMs });
  };
  const worker = async (): Promise<void> => {
    for (;;) {
      const index = interruption.aborted ? undefined : waiting.shift();
      if (index === undefined) return;
      results[index] = await runCell(work, cellAt(sweep, index));
      ran += 1;
      tell();
    }
  };
  tell();
  await Promise.all(Array.from({ length: work.jobs }, worker));
  return { results, interrupted: interruption.aborted };
}

async function runCell(
  { folder, run, interruption }: SweepWork,
  cell: Cell,
): Promise<CellResult | undefined> {
  await clearCell(folder, cell);
  const { reason } = await run(cell);
  const result = await cellResult(folder, cell);
  if (result !== undefined || interruption.aborted) return result;
  const failure = reason ?? 'it ended without a summary';
  await markFailed(folder, cell, failure);
  return { kind: 'failed', reason: failure };
}
