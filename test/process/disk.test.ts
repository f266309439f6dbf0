import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSummary } from '../../src/record/index.ts';
import { run } from '../cli/run.ts';
import { Bench, isBuilt, TINY } from './swarm-run.ts';

const THREE = TINY.replace('silos: 5', 'silos: 3');

describe('the run directory', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open(THREE);
  });

  afterEach(() => bench.clean());

  const swarm = (out: string) => run('swarm', join(bench.folder, 'tiny.yaml'), '--out', out);

  it('is not written into where something is already, nor put in place of a file', async () => {
    const before = readdirSync(bench.folder);
    expect(await swarm(bench.folder)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/is not empty; give another folder with --out, or go on .* --resume/),
    });
    expect(await swarm(join(bench.folder, 'tiny.yaml'))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/tiny\.yaml is a file; give another folder/),
    });
    expect(readdirSync(bench.folder)).toEqual(before);
    expect(readFileSync(join(bench.folder, 'tiny.yaml'), 'utf8')).toBe(THREE);
  });

  it('that cannot be made is an operating fault', async () => {
    expect(await swarm(join(bench.folder, 'tiny.yaml', 'below'))).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/cannot write .*ENOTDIR.*must exist, be reachable/),
    });
  });

  // Nobody, root included, may make a folder there.
  it.skipIf(!existsSync('/sys'))('that is read-only is an operating fault', async () => {
    expect(await swarm('/sys/grapevine-run')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(
        /cannot write .*: not writable \((EPERM|EROFS|EACCES)\); choose another folder/,
      ),
    });
  });

  it.skipIf(!isBuilt)(
    'on a disk that runs full ends the run with code 3; with room again it resumes',
    async () => {
      const full = bench.startOnFullDisk('full', 12);
      expect(await full.exited, full.stderr).toBe(3);
      expect(JSON.parse(full.stdout)).toMatchObject({ error: { exitCode: 3, code: 'swarm-died' } });
      expect(full.stderr).toMatch(
        /silo-1 died \(cannot append to .*: the disk is full \(EFBIG\); free some space/,
      );
      expect(full.stderr).not.toMatch(/started again/);
      const left = readdirSync(full.folder, { recursive: true }).map(String);
      expect(left.filter((path) => path.endsWith('.partial') || path.endsWith('summary.json'))).toEqual([]);

      const resumed = bench.resume('full');
      expect(await resumed.exited, resumed.stderr).toBe(0);
      expect(resumed.stderr).toMatch(/going on with .* from round [1-9]/);
      expect(resumed.summary().rounds).toBe(40);
    },
  );

  it.skipIf(!isBuilt)(
    'of a simulation on a disk that runs full keeps what there is, code 3; with room again it comes to the same bits',
    async () => {
      const full = bench.startOnFullDisk('full', 12, 'simulate');
      expect(await full.exited, full.stderr).toBe(3);
      expect(JSON.parse(full.stdout)).toMatchObject({ error: { exitCode: 3, code: 'storage-full' } });
      expect(full.stderr).toMatch(/the disk is full \(EFBIG\); free some space/);
      expect(full.stderr).toMatch(/grapevine simulate --resume .*full/);

      const resumed = await run('simulate', '--resume', full.folder, '--json');
      expect(resumed.stderr).toMatch(/going on with .* from round [1-9]/);
      expect(resumed.exitCode).toBe(0);
      const uncut = bench.run('uncut');
      const file = join(bench.folder, 'tiny.yaml');
      expect(await run('simulate', file, '--out', uncut)).toMatchObject({ exitCode: 0 });
      expect(digestsOf(full.folder)).toEqual(digestsOf(uncut));
    },
  );
});

function digestsOf(folder: string): (string | undefined)[] {
  const path = join(folder, 'summary.json');
  return parseSummary(readFileSync(path, 'utf8'), path).peers.map(({ paramsSha256 }) => paramsSha256);
}
