import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatSummary } from '../../src/record/index.ts';
import { exampleSummary } from '../record/example.ts';
import { run, runWith } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-cli-'));
  await writeFile(join(folder, 'summary.json'), formatSummary(exampleSummary()));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('grapevine report', () => {
  it('prints the table, and with --json the summary alone on stdout', async () => {
    const text = await run('report', folder);
    expect(text).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/north +120 +85\.0% +90\.0%/) });
    const json = await run('report', folder, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      runs: [{ directory: folder, summary: exampleSummary() }],
    });
    expect(json.stderr).toBe(text.stdout);
  });

  it('is in colour on a terminal, unless NO_COLOR is set', async () => {
    expect((await runWith({ isTTY: true }, 'report', folder)).stdout).toContain('\u001b[1m');
    const env = { NO_COLOR: '1' };
    expect((await runWith({ isTTY: true, env }, 'report', folder)).stdout).not.toContain('\u001b');
  });

  it('writes report.html into the run, or where --out says', async () => {
    expect((await run('report', '--html', folder)).stdout).toContain(
      `written: ${join(folder, 'report.html')}`,
    );
    const page = await readFile(join(folder, 'report.html'), 'utf8');
    expect(page).toContain('<!doctype html>');
    expect(await run('report', '--html', folder, folder)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--out'),
    });
    const out = join(folder, 'pages');
    expect((await run('report', '--html', '--out', out, folder, folder)).exitCode).toBe(0);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('2 runs');
  });

  it('says that a place cannot be written to, with the exit code of a fault, and leaves nothing there', async () => {
    await mkdir(join(folder, 'report.html'));
    expect(await run('report', '--html', folder)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('cannot write'),
    });
  });
});
