import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCellProcess } from '../../src/sweep/cell-process.ts';
import type { CellEnd } from '../../src/sweep/runner.ts';
import { cellAt, parseSweep } from '../../src/sweep/sweep.ts';

const SWEEP = parseSweep('name: s\nexperiment: e.yaml\nvary: {train.batchSize: [8]}\n', 's.yaml');

describe('how the process of a cell ended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-cell-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  let entries = 0;
  /** Of a process that does this in place of the command line. */
  function endOf(program: string, interruption = new AbortController().signal): Promise<CellEnd> {
    const entry = join(folder, `${entries++}.cjs`);
    writeFileSync(entry, program);
    const options = {
      sweep: SWEEP,
      entry,
      folderOf: () => join(folder, 'run'),
      env: process.env,
      checkInvariants: false,
      interruption,
    };
    return runCellProcess(options, cellAt(SWEEP, 0));
  }

  const failing = (code: string) =>
    endOf(
      `console.log(JSON.stringify({ error: { code: '${code}', message: 'why' } })); process.exitCode = 3;`,
    );

  it.each([
    { code: 'run-folder-taken', kind: 'folder-taken' },
    { code: 'run-folder-in-use', kind: 'folder-taken' },
    { code: 'storage-full', kind: 'no-room' },
    { code: 'training-diverged', kind: 'failed' },
  ])('$code: $kind', async ({ code, kind }) => {
    expect(await failing(code)).toEqual({ kind, reason: 'why' });
  });

  it('runs the settings of its cell in its folder; reaching no goal is a result too', async () => {
    const wanted = `simulate ${SWEEP.experiment} ${cellAt(SWEEP, 0)
      .settings.map((set) => `--set ${set}`)
      .join(' ')}`;
    const out = `--out ${join(folder, 'run')}`;
    const program = `process.exitCode = process.argv.slice(2).join(' ').startsWith('${wanted} ${out}') ? 4 : 1;`;
    expect(await endOf(program)).toEqual({ kind: 'ran' });
  });

  it('tells its last words and the command that repeats it', async () => {
    const program = `console.error('warning: slow\\nlost its way\\nseed 1 does the same again'); process.exitCode = 1;`;
    expect(await endOf(program)).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/lost its way.*; seed 1 does the same again/),
    });
  });

  it('is asked to stop when the sweep is', async () => {
    const stop = new AbortController();
    stop.abort();
    expect(await endOf('setInterval(() => undefined, 1000)', stop.signal)).toMatchObject({ kind: 'killed' });
  });
});
