import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from '../../src/storage/lock.ts';
import { type OwnData, ownData } from './own-data.ts';
import { run } from './run.ts';

describe('grapevine peer, before it begins', () => {
  let own: OwnData;
  beforeEach(async () => {
    own = await ownData();
  });
  afterEach(() => own.remove());

  const refused = async (
    ...options: string[]
  ): Promise<{ exitCode: number; code: string; message: string }> => {
    const { exitCode, stdout } = await run('--json', 'peer', own.silo('biscoe'), ...options);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    return { exitCode, ...error };
  };

  it('refuses a membership that was changed after it was signed', async () => {
    await own.edit('members.yaml', 'name: dream', 'name: dreams');
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'membership-altered' });
  });

  it('refuses a membership that somebody else signed', async () => {
    await run(
      'membership',
      'sign',
      join(own.folder, 'members.yaml'),
      '--key',
      join(own.folder, 'keys/dream.pem'),
    );
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'membership-operator' });
  });

  it('refuses an experiment of another size than the membership', async () => {
    await own.edit('experiment.yaml', 'silos: 3', 'silos: 4');
    await own.edit('experiment.yaml', 'partition: natural', 'partition: iid');
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'membership-size' });
  });

  it("refuses the objective that needs every silo's size", async () => {
    await own.edit('experiment.yaml', 'localEpochs: 2', 'localEpochs: 2, objective: samples');
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'objective-needs-sizes' });
  });

  it('refuses a run folder in which another process works', async () => {
    const lock = await lockFolder(own.runFolder('biscoe'));
    expect(await refused()).toMatchObject({ exitCode: 3, code: 'run-folder-in-use' });
    await lock.release();
  });

  it('refuses a run folder that cannot be made', async () => {
    await writeFile(join(own.folder, 'runs'), 'a file where a folder should be');
    expect(await refused()).toMatchObject({ exitCode: 3, code: 'storage-failed' });
  });

  it('refuses a run folder that holds a run with other settings', async () => {
    await mkdir(own.runFolder('biscoe'), { recursive: true });
    const earlier =
      'name: own-data\ndata: {dataset: penguins, silos: 3}\nmodel: softmax\ntrain: {learningRate: 1}\n';
    await writeFile(
      join(own.runFolder('biscoe'), 'experiment.yaml'),
      `${earlier}topology: ring\nstop: {rounds: 1}\n`,
    );
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'run-folder-taken' });
  });

  it('refuses times that are none', async () => {
    expect(await refused('--linger', 'long')).toMatchObject({ exitCode: 2, code: 'usage' });
    expect(await refused('--gather', '-1')).toMatchObject({ exitCode: 2, code: 'usage' });
  });
});
