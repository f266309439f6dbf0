import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFolder } from '../../src/storage/lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('lets one process in, and another once it has released', async () => {
  const lock = await lockFolder(join(folder, 'new'));
  expect(lock.tookOver).toBe(false);
  await expect(lockFolder(join(folder, 'new'))).rejects.toMatchObject({ code: 'run-folder-in-use' });
  await lock.release();
  expect(await readdir(join(folder, 'new'))).toEqual([]);
  await (await lockFolder(join(folder, 'new'))).release();
});

/** No process has this id: Linux gives at most 2²². */
const NOBODY = 2 ** 22 + 1;

it.each([
  ['of a process that is gone', JSON.stringify({ pid: NOBODY, started: '1' })],
  ['that is cut off', '{"pid": 1'],
])('takes over a lock %s', async (_what, text) => {
  await writeFile(join(folder, 'lock'), text);
  const lock = await lockFolder(folder);
  expect(lock.tookOver).toBe(true);
  expect(JSON.parse(await readFile(join(folder, 'lock'), 'utf8')).pid).toBe(process.pid);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

it.runIf(process.platform === 'linux')(
  'takes over a lock whose process id now belongs to another process',
  async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: process.pid, started: '1' }));
    expect((await lockFolder(folder)).tookOver).toBe(true);
  },
);

it('of several that find a stale lock at one time, lets one in, and tells the others that it is in use', async () => {
  for (let time = 0; time < 20; time++) {
    const place = join(folder, String(time));
    await mkdir(place);
    await writeFile(join(place, 'lock'), JSON.stringify({ pid: NOBODY, started: '' }));
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => lockFolder(place)));
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason.code] : [],
    );
    expect(refused).toEqual(new Array(3).fill('run-folder-in-use'));
    expect(await readdir(place)).toEqual(['lock']);
  }
});
