import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, layoutOf } from '../../src/params/index.ts';
import { run } from './run.ts';

const EXPERIMENT = `
name: penguins
data: {dataset: penguins, silos: 3, partition: natural}
model: {kind: mlp, hidden: [3]}
train: {learningRate: 0.1}
topology: complete
stop: {rounds: 1}
`;

/** The layout of an MLP 4-3-3, as training names it. */
const layout = layoutOf([
  { name: 'dense1/kernel', shape: [4, 3] },
  { name: 'dense1/bias', shape: [3] },
  { name: 'dense2/kernel', shape: [3, 3] },
  { name: 'dense2/bias', shape: [3] },
]);

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);

/** A run's directory with two peers, whose params are wave(0) and wave(1). */
const wave = (peer: number) =>
  Float32Array.from({ length: layout.size }, (_, index) => Math.sin(index + 1) + peer);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-export-'));
  await mkdir(at('run'), { recursive: true });
  await writeFile(at('run', 'experiment.yaml'), EXPERIMENT);
  for (const [peer, name] of ['a', 'b'].entries()) {
    await mkdir(at('run', 'peers', name), { recursive: true });
    const metadata = {
      peer: name,
      model: '{"kind":"mlp","hidden":[3]}',
      featureShape: '[4]',
      classCount: '3',
    };
    await writeFile(
      at('run', 'peers', name, 'params.safetensors'),
      encodeSafetensors({ layout, params: wave(peer), metadata }),
    );
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function evaluated(...options: string[]) {
  const { exitCode, stdout, stderr } = await run('--json', 'evaluate', ...options);
  expect(stderr).not.toMatch(/error/);
  expect(exitCode).toBe(0);
  const [set] = (
    JSON.parse(stdout) as {
      sets: {
        samples: number;
        accuracy: number;
        loss: number;
        classes: { samples: number; accuracy: number }[];
      }[];
    }
  ).sets;
  return set!;
}

it('an exported layers model is the same model: equal accuracy and loss as the model of an experiment', async () => {
  const params = at('run', 'peers', 'a', 'params.safetensors');
  const before = await evaluated('--params', params, '--data', 'penguins');
  expect(before.samples).toBe(342);
  const exported = await run('export', at('run'), '--peer', 'a', '--out', at('model'));
  expect(exported).toMatchObject({ exitCode: 0, stderr: '' });
  // As a layers model its params go by the same names, so that the saved file fits it.
  await writeFile(
    at('again.yaml'),
    EXPERIMENT.replace('{kind: mlp, hidden: [3]}', '{kind: layers, path: model/model.json}'),
  );
  const after = await evaluated('--params', params, '--experiment', at('again.yaml'), '--data', 'penguins');
  expect(after.accuracy).toBe(before.accuracy);
  expect(after.loss).toBeCloseTo(before.loss, 5);
});

it('the table by class sums up to the accuracy over all', async () => {
  const params = at('run', 'peers', 'a', 'params.safetensors');
  const { samples, accuracy, classes } = await evaluated('--params', params, '--experiment', at('run'));
  expect(samples).toBe(68); // a fifth of each island's penguins
  const right = classes.reduce((sum, part) => sum + part.accuracy * part.samples, 0);
  expect(right / samples).toBeCloseTo(accuracy, 12);
});

it('the mean of all peers goes out as safetensors', async () => {
  expect(
    await run('export', at('run'), '--mean', '--format', 'safetensors', '--out', at('mean.safetensors')),
  ).toMatchObject({ exitCode: 0 });
  const { params, metadata } = decodeSafetensors(await readFile(at('mean.safetensors')));
  expect([...params]).toEqual([...wave(0)].map((value, index) => Math.fround((value + wave(1)[index]!) / 2)));
  expect(metadata).toMatchObject({ meanOf: '2', classCount: '3' });
});

it.each([
  ['a run of several peers without a choice', ['export', 'run', '--out', 'x'], /the run had the peers a, b/],
  [
    'a peer that is not there',
    ['export', 'run', '--peer', 'z', '--out', 'x'],
    /--peer z: the run had the peers a, b/,
  ],
  ['no place to write to', ['export', 'run', '--mean'], /--out/],
  [
    'an unknown format',
    ['export', 'run', '--mean', '--format', 'onnx', '--out', 'x'],
    /wanted layers or safetensors/,
  ],
  ['params without data', ['evaluate', '--params', 'run/peers/a/params.safetensors'], /--experiment, --data/],
  [
    'params that are not there',
    ['evaluate', '--params', 'none', '--data', 'penguins'],
    /cannot read params file/,
  ],
  [
    'data of another shape',
    ['evaluate', '--params', 'run/peers/a/params.safetensors', '--data', 'digits'],
    /the params belong to another model/,
  ],
  [
    'a silo that is not there',
    ['evaluate', '--params', 'run/peers/a/params.safetensors', '--experiment', 'run', '--silo', 'Mars'],
    /the experiment has the silos/,
  ],
])('refuses %s', async (_what, argv, message) => {
  const absolute = argv.map((word) => (/^(run|none)/.test(word) ? at(word) : word));
  const { exitCode, stderr } = await run(...absolute);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(2);
});
