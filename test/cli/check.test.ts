import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  createIdentity,
  MEMBERSHIP_FORMAT,
  type Member,
  newIdentity,
  signMembership,
} from '../../src/identity/index.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const experiment = {
  name: 'penguins',
  seed: 1,
  data: { dataset: 'penguins', silos: 3, partition: 'natural', testShare: 0.3 },
  model: { kind: 'mlp', hidden: [16] },
  train: { learningRate: 0.1, batchSize: 16, localEpochs: 1 },
  topology: { kind: 'ring' },
  exchange: { rule: 'dpsgd' },
  stop: { rounds: 2 },
};

async function writeYaml(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, stringify(value));
  return path;
}

interface CheckDocument {
  kind: string;
  experiment: { seed: number };
  graph: object;
  silos: { name: string; labelHistogram: number[] }[];
  warnings: string[];
  place: object;
  data: { samples: number; testSamples: number };
}

const documentOf = (stdout: string) => JSON.parse(stdout) as CheckDocument;

describe('grapevine check EXPERIMENT', () => {
  it('prints the resolved file, which it accepts again, the facts of the graph and what each silo gets', async () => {
    const { exitCode, stdout, stderr } = await run('check', await writeYaml('e.yaml', experiment));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /graph: ring.*, 3 silos, 3 edges, connected, degree 2, diameter 1\nspectral gap: 1\.000/,
    );
    expect(stdout).toMatch(/Torgersen +\d+ +\d+ +\d+ +0 +0\n/);
    expect(stderr).toContain('warning: Torgersen has samples of one class only');
    const resolved = stdout.slice(0, stdout.indexOf('graph: ring'));
    expect((await run('check', await writeYaml('again.yaml', parse(resolved)))).stdout).toContain(resolved);
  });

  it('applies --set and gives one document with --json', async () => {
    const path = await writeYaml('e.yaml', experiment);
    const outcome = await run('check', path, '--json', '--set', 'seed=7', '--set', 'topology.kind=complete');
    const document = documentOf(outcome.stdout);
    expect(document).toMatchObject({ kind: 'experiment', experiment: { seed: 7 } });
    expect(document.graph).toMatchObject({
      connected: true,
      degreeMax: 2,
      links: 3,
      spectralGap: expect.closeTo(1, 9),
    });
    expect(document.silos.map(({ name }) => name)).toEqual(['Biscoe', 'Dream', 'Torgersen']);
    expect(document.warnings).toHaveLength(1);
  });

  it('warns of an objective that adam undoes and of one that favours large silos twice', async () => {
    const train = { learningRate: 0.1 };
    const path = await writeYaml('e.yaml', { ...experiment, train });
    const warnings = async (...changes: string[]) => {
      const settings = ['objective=samples', ...changes].flatMap((each) => ['--set', `train.${each}`]);
      return documentOf((await run('check', path, '--json', ...settings)).stdout).warnings.join('\n');
    };
    expect(await warnings('localSteps=5')).not.toContain('train.objective');
    expect(await warnings('localSteps=5', 'optimizer=adam')).toContain('changes almost nothing with adam');
    expect(await warnings('localEpochs=2')).toContain('favours large silos twice');
  });

  it('says which rule is advised and why, and what waiting for everybody costs where times are drawn', async () => {
    const path = await writeYaml('e.yaml', {
      name: 'e',
      data: { dataset: 'digits', silos: 16 },
      model: { kind: 'softmax' },
      train: { learningRate: 0.1, localSteps: 1 },
      topology: { kind: 'complete' },
      simulate: { compute: { kind: 'exponential', mean: 10 } },
      stop: { rounds: 50 },
    });
    const { stdout } = await run('check', path);
    expect(stdout).toContain('waiting: a round takes 3.38 times as long');
    expect(stdout).toContain('(backups: 4) 1.30 times');
    expect(stdout).toContain('advised: dpsgd, as chosen (every round with everybody');
    const lossy = documentOf((await run('check', path, '--json', '--set', 'faults.loss=0.3')).stdout);
    expect(lossy).toMatchObject({ advised: { rule: 'receive-merge' } });
  });

  it('says of a rule that outlasts losses by its backups what it does badly, not that it does not tolerate them', async () => {
    const path = await writeYaml('e.yaml', {
      name: 'e',
      data: { dataset: 'digits', silos: 8 },
      model: { kind: 'softmax' },
      train: { learningRate: 0.1 },
      topology: { kind: 'complete' },
      exchange: { rule: 'dpsgd', backups: 2 },
      faults: { loss: 0.1 },
      stop: { rounds: 50 },
    });
    const { stdout } = await run('check', path);
    expect(stdout).toMatch(/dpsgd \(chosen\) +poorly +backups: 2 go on without so many neighbours a round/);
    expect(stdout).toMatch(/choco +badly +does not tolerate loss/);
  });

  it('reports every problem of the file at once, with path and suggestion', async () => {
    const path = await writeYaml('e.yaml', {
      ...experiment,
      train: { learningRat: 0.1, batchSize: 0 },
      topology: { kind: 'rng' },
    });
    const { exitCode, stdout, stderr } = await run('check', path);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    for (const part of [
      'train.learningRat',
      'did you mean learningRate',
      'train.batchSize',
      'topology.kind',
    ]) {
      expect(stderr).toContain(part);
    }
  });

  it('shows which rules could run where the chosen one cannot, beside what is wrong with it', async () => {
    const path = await writeYaml('unfit.yaml', {
      ...experiment,
      data: { ...experiment.data, dataset: 'digits', silos: 8, partition: 'iid' },
      topology: { kind: 'exponential' },
      exchange: { rule: 'choco' },
    });
    const { exitCode, stdout, stderr } = await run('check', path);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/rule choco wants an undirected graph, and exponential is directed/);
    expect(stdout).toMatch(/^choco \(chosen\) +no /m);
    expect(stdout).toMatch(/^dpsgd +yes /m);
    expect(stdout).toMatch(/^advised: /m);
    const wrongElsewhereToo = await run('check', '--set', 'train.batchSize=0', path);
    expect(wrongElsewhereToo.stdout).toBe('');
    expect(wrongElsewhereToo.stderr).toMatch(/2 problems[\s\S]*train.batchSize[\s\S]*rule choco wants/);
  });

  it('says so when the file is missing or is no YAML', async () => {
    expect(await run('check', join(folder, 'none'))).toMatchObject({ exitCode: 2 });
    const path = join(folder, 'bad.yaml');
    await writeFile(path, 'a: [1');
    expect(await run('check', path)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('line ') });
  });
});

describe('grapevine check SILO', () => {
  async function writeSilo(
    changes: object = {},
    membersOf = (members: Member[]) => members,
  ): Promise<string> {
    const { peerId } = await createIdentity(join(folder, 'silo.pem'));
    const operator = newIdentity();
    const others = ['b', 'c'].map((name) => ({ name, peerId: newIdentity().peerId }));
    const members = membersOf([others[0] as Member, { name: 'a', peerId }, others[1] as Member]);
    const draft = { format: MEMBERSHIP_FORMAT, experiment: 'penguins', sequence: 1, members } as const;
    await writeYaml('members.yaml', signMembership(draft, operator));
    await writeYaml('e.yaml', experiment);
    await writeFile(join(folder, 'a.csv'), `species,x,y\n${'A,1,2\nB,3,4\n'.repeat(5)}`);
    return writeYaml('silo.yaml', {
      name: 'a',
      experiment: 'e.yaml',
      key: 'silo.pem',
      members: 'members.yaml',
      operator: operator.peerId,
      data: {
        dataset: {
          kind: 'csv',
          path: 'a.csv',
          label: 'species',
          classes: ['A', 'B'],
          features: [{ column: 'x' }, { column: 'y' }],
        },
        testShare: 0.2,
      },
      runFolder: 'run',
      ...changes,
    });
  }

  it("names the silo's index, its neighbours and what data it has", async () => {
    const { exitCode, stdout } = await run('check', '--json', await writeSilo());
    expect(exitCode).toBe(0);
    const document = documentOf(stdout);
    expect(document).toMatchObject({ kind: 'silo', data: { samples: 8, testSamples: 2 } });
    expect(document.place).toMatchObject({ index: 1, neighbours: ['b', 'c'] });
  });

  it.each([
    ['another operator', { operator: newIdentity().peerId }, undefined, 'is signed by'],
    ['another name', { name: 'z' }, undefined, 'the silo file calls itself z'],
    [
      'no place in the membership',
      {},
      (all: Member[]) => all.filter(({ name }) => name !== 'a'),
      'does not name',
    ],
    ['too few members', {}, (all: Member[]) => all.slice(1), 'names 2 members'],
    ['a missing key', { key: 'none.pem' }, undefined, 'there is no key'],
  ])('refuses %s', async (_, changes, membersOf, message) => {
    const path = await writeSilo(changes, membersOf);
    expect(await run('check', path)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
  });
});
