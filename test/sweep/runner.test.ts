import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { formatSummary, type RunSummary } from '../../src/record/index.ts';
import { lockFolder } from '../../src/storage/lock.ts';
import { cellFolder, openSweepFolder, sweepDigest } from '../../src/sweep/folder.ts';
import { type CellEnd, runSweep, type SweepProgress, type SweepWork } from '../../src/sweep/runner.ts';
import { type Cell, cellAt, parseSweep } from '../../src/sweep/sweep.ts';

const SWEEP = parseSweep(
  'name: s\nexperiment: e.yaml\nvary: {train.batchSize: [8, 16]}\nseeds: 2\n',
  's.yaml',
);

const SUMMARY: RunSummary = {
  type: 'summary',
  format: 'grapevine-summary/1',
  name: 'e',
  mode: 'simulate',
  seed: 1,
  backend: 'toy',
  rounds: 3,
  endReason: 'rounds',
  wallSeconds: 1,
  cpuSeconds: 1,
  accuracy: { set: 'global' },
  consensusDistance: 0,
  bytesSent: 1,
  messagesSent: 1,
  peers: [],
};

describe('running a sweep', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'grapevine-sweep-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function finishCell(cell: Cell, summary: RunSummary = SUMMARY): Promise<CellEnd> {
    await mkdir(cellFolder(folder, cell), { recursive: true });
    await writeFile(join(cellFolder(folder, cell), 'summary.json'), formatSummary(summary));
    return { kind: 'ran' };
  }

  const sweepWith = (
    run: (cell: Cell) => Promise<CellEnd>,
    interruption = new AbortController().signal,
    { onProgress = () => undefined, retryFailed = false, jobs = 2 }: Partial<SweepWork> = {},
  ) => runSweep({ folder, sweep: SWEEP, jobs, retryFailed, run, clock: realClock, interruption, onProgress });

  it('taken up after a kill, runs only what is not done, and what was cut off anew', async () => {
    const first = new AbortController();
    const ran: number[] = [];
    await sweepWith(async (cell) => {
      ran.push(cell.index);
      if (cell.index === 0) return finishCell(cell);
      // Killed in the middle: half a run, and the sweep itself stops.
      await mkdir(cellFolder(folder, cell), { recursive: true });
      await writeFile(join(cellFolder(folder, cell), 'experiment.yaml'), 'half');
      first.abort();
      return { kind: 'killed', reason: 'ended by SIGTERM' };
    }, first.signal);
    const again: number[] = [];
    const { results, interrupted } = await sweepWith(async (cell) => {
      again.push(cell.index);
      await expect(readFile(join(cellFolder(folder, cell), 'experiment.yaml'))).rejects.toThrow();
      return finishCell(cell);
    });
    expect(ran).toContain(0);
    expect(again.sort()).toEqual([1, 2, 3]);
    expect(interrupted).toBe(false);
    expect(results.map((result) => result?.kind)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('notes a failing cell with its reason, goes on, and does not try it again', async () => {
    const run = async (cell: Cell): Promise<CellEnd> =>
      cell.index === 1 ? { kind: 'failed', reason: 'too large a learning rate' } : finishCell(cell);
    const seen: SweepProgress[] = [];
    await sweepWith(run, undefined, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ done: 3, failed: 1, count: 4 });
    const { results } = await sweepWith(async () => {
      throw new Error('nothing is left to run');
    });
    expect(results[1]).toEqual({ kind: 'failed', reason: 'too large a learning rate' });
  });

  it('tries a failed cell again where it is asked to, and one that was killed in any case', async () => {
    await sweepWith(async (cell) => {
      if (cell.index === 1) return { kind: 'failed', reason: 'a bug' };
      return cell.index === 2 ? { kind: 'killed', reason: 'ended by SIGKILL' } : finishCell(cell);
    });
    const again: number[] = [];
    const run = async (cell: Cell) => {
      again.push(cell.index);
      return finishCell(cell);
    };
    await sweepWith(run);
    expect(again).toEqual([2]);
    await sweepWith(run, undefined, { retryFailed: true });
    expect(again).toEqual([2, 1]);
  });

  it('stops where there is no room on the disk, and goes on from there when there is', async () => {
    const started: number[] = [];
    const full = await sweepWith(
      async (cell) => {
        started.push(cell.index);
        return cell.index === 0 ? finishCell(cell) : { kind: 'no-room', reason: 'the disk is full' };
      },
      undefined,
      { jobs: 1 },
    );
    expect({ started, noRoom: full.noRoom }).toEqual({ started: [0, 1], noRoom: 'the disk is full' });
    const { results, noRoom } = await sweepWith((cell) => finishCell(cell));
    expect({ kinds: results.map((result) => result?.kind), noRoom }).toEqual({
      kinds: ['done', 'done', 'done', 'done'],
      noRoom: undefined,
    });
  });

  it('waits for a process of an earlier start that still writes into its cell', async () => {
    const cell = cellAt(SWEEP, 0);
    const lock = await lockFolder(cellFolder(folder, cell));
    let released = false;
    const left = sweepWith(async (one) => {
      if (one.index === 0) expect(released).toBe(true);
      // The others do not wait for it; when they are done it lets go.
      if (one.index === 3) {
        released = true;
        await lock.release();
      }
      return finishCell(one);
    });
    expect((await left).results.map((result) => result?.kind)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('clears and runs a cell again that a process of an earlier start got into after it was cleared', async () => {
    const starts: number[] = [];
    const { results } = await sweepWith(async (cell) => {
      const taken = join(cellFolder(folder, cell), 'experiment.yaml');
      await expect(readFile(taken)).rejects.toThrow();
      starts.push(cell.index);
      if (cell.index !== 3 || starts.filter((index) => index === 3).length > 1) return finishCell(cell);
      await mkdir(cellFolder(folder, cell), { recursive: true });
      await writeFile(taken, 'of the other process');
      return { kind: 'folder-taken', reason: 'it is not empty' };
    });
    expect(starts.sort()).toEqual([0, 1, 2, 3, 3]);
    expect(results.map((result) => result?.kind)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('gives a cell up whose folder is taken each time', async () => {
    let starts = 0;
    const { results } = await sweepWith(async (cell) => {
      if (cell.index !== 0) return finishCell(cell);
      starts += 1;
      return { kind: 'folder-taken', reason: 'it is in use' };
    });
    expect(starts).toBe(3);
    expect(results[0]).toEqual({ kind: 'failed', reason: 'it is in use' });
  });

  it('does not take an interrupted run for a result', async () => {
    const { results } = await sweepWith((cell) => finishCell(cell, { ...SUMMARY, endReason: 'interrupted' }));
    expect(results[0]).toEqual({ kind: 'failed', reason: 'it ended without a summary' });
  });

  it('refuses the folder of another sweep, or of one whose experiment has changed', async () => {
    await openSweepFolder(folder, SWEEP, sweepDigest(SWEEP, 'a'));
    await openSweepFolder(folder, SWEEP, sweepDigest({ ...SWEEP, plot: { x: 'bytes', y: 'worst' } }, 'a'));
    await expect(openSweepFolder(folder, SWEEP, sweepDigest(SWEEP, 'b'))).rejects.toMatchObject({
      code: 'sweep-changed',
    });
  });
});
