import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
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

  const leaveEarlierExperiment = async (): Promise<void> => {
    await mkdir(own.runFolder('biscoe'), { recursive: true });
    const earlier =
      'name: own-data\ndata: {dataset: penguins, silos: 3}\nmodel: softmax\ntrain: {learningRate: 1}\n';
    await writeFile(
      join(own.runFolder('biscoe'), 'experiment.yaml'),
      `${earlier}topology: ring\nstop: {rounds: 1}\n`,
    );
  };

  it('refuses a run folder that holds a run with other settings', async () => {
    await leaveEarlierExperiment();
    await mkdir(join(own.runFolder('biscoe'), 'checkpoints'));
    await writeFile(join(own.runFolder('biscoe'), 'checkpoints', '1.ckpt'), 'of the earlier run');
    expect(await refused()).toMatchObject({ exitCode: 2, code: 'run-folder-taken' });
  });

  it('takes a run folder with other settings in which no round was saved: that start failed', async () => {
    await leaveEarlierExperiment();
    const holder = createServer().listen(own.ports.biscoe, '127.0.0.1');
    await once(holder, 'listening');
    // It ends later than at the folder: at the engine where no bundle is built, at the taken port else.
    expect(await refused()).toMatchObject({ exitCode: 3 });
    const written = await readFile(join(own.runFolder('biscoe'), 'experiment.yaml'), 'utf8');
    expect(written).not.toContain('learningRate: 1\n');
    holder.close();
  });

  it('refuses times that are none', async () => {
    expect(await refused('--linger', 'long')).toMatchObject({ exitCode: 2, code: 'usage' });
    expect(await refused('--gather', '-1')).toMatchObject({ exitCode: 2, code: 'usage' });
  });
});
