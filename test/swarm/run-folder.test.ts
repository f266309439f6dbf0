import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/node/checkpoint-store.ts';
import { fileStorage } from '../../src/storage/files.ts';
import { createRunFolder, openRunFolder, type RunMember, resumePoint } from '../../src/swarm/run-folder.ts';

const EVERY = 10;
const KEEP = 2;
const digests = { experimentDigest: 'e', layoutDigest: 'l' };

describe('where a run is taken up again', () => {
  let folder: string;
  let members: readonly RunMember[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'grapevine-run-'));
    members = await createRunFolder(folder, ['a', 'b'], 'name: x\n');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Gives peer `index` checkpoints of these rounds, as a run would have left them. */
  async function saved(index: number, ...rounds: readonly number[]): Promise<void> {
    const storage = fileStorage(members[index]?.folder ?? '');
    const params = new Float32Array(3);
    for (const round of rounds) {
      const checkpoint = {
        round,
        params,
        optimizer: new Uint8Array(0),
        ruleSnapshot: new Uint8Array(0),
        ...digests,
      };
      await writeCheckpoint(storage, checkpoint, { everyRounds: EVERY, keep: KEEP });
    }
  }

  const point = () => resumePoint(members, digests, EVERY * KEEP);

  it('is the greatest round that all have, wherever each of them stopped', async () => {
    await saved(0, 10, 20, 23);
    await saved(1, 10, 20, 24);
    expect(await point()).toEqual({ resume: { kind: 'round', round: 20 }, problems: [] });
  });

  it('is the round before where one of them cannot be read, and that is said', async () => {
    await saved(0, 10, 20);
    await saved(1, 10, 20);
    await fileStorage(members[1]?.folder ?? '').write('checkpoints/20.ckpt', new Uint8Array(99));
    expect(await point()).toEqual({
      resume: { kind: 'round', round: 10 },
      problems: [expect.stringMatching(/^b: checkpoint of round 20 is passed over: its digest/)],
    });
  });

  it('is the start where one was ended before its first checkpoint', async () => {
    await saved(0, 10);
    expect(await point()).toEqual({ resume: { kind: 'round', round: 0 }, problems: [] });
  });

  it('is the newest of each where one stood still while the other went far ahead', async () => {
    await saved(0, 10, 20);
    await saved(1, 80, 90, 95);
    expect(await point()).toEqual({ resume: { kind: 'newest' }, problems: [] });
  });

  it('has the same peers as before', async () => {
    expect(await openRunFolder(folder, ['a', 'b'])).toEqual(members);
    await expect(createRunFolder(folder, ['a', 'b'], '')).rejects.toMatchObject({ code: 'run-folder-taken' });
  });
});
