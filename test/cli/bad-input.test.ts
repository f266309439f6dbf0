/** Issue by issue: bad input ends a swarm before anything is started or written, with the documented code and a message that names it. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { dataFolder, idxBytes } from '../data/folder.ts';
import { run } from './run.ts';

const folder = dataFolder();
const at = (name: string) => join(folder.path, name);

const TABLE = 'id,x,label\n1,0.5,a\n2,0.7,b\n3,0.1,a\n4,0.2,b\n5,0.3,a\n6,0.9,b\n';
const CSV = '{kind: csv, path: data.csv, label: label, classes: [a, b], features: [{column: x}], key: id}';
const IDX = '{kind: idx, images: images, labels: labels}';

const experiment = (dataset: string, partition: string) => `
name: own
data: {dataset: ${dataset}, silos: 3, partition: ${partition}, testShare: 0}
model: softmax
train: {optimizer: sgd, learningRate: 0.1, batchSize: 4}
topology: ring
stop: {rounds: 1}
`;

interface Failure {
  readonly exitCode: number;
  readonly stderr: string;
  readonly code: string;
}

/** What `grapevine swarm` answers; nothing may be left of the run directory. */
async function refusedSwarm(...options: string[]): Promise<Failure> {
  const before = readdirSync(folder.path).sort();
  const { exitCode, stdout, stderr } = await run(
    ...['swarm', at('own.yaml'), '--json', '--out', at('out'), ...options],
  );
  expect(readdirSync(folder.path).sort()).toEqual(before);
  expect(existsSync(at('out'))).toBe(false);
  const { error } = JSON.parse(stdout) as { error: { code: string; exitCode: number } };
  expect(error.exitCode).toBe(exitCode);
  return { exitCode, stderr, code: error.code };
}

beforeEach(() => {
  folder.write('data.csv', TABLE);
  folder.write('images', idxBytes([6, 2, 2], new Array(24).fill(7)));
  folder.write('labels', idxBytes([6], [0, 1, 0, 1, 0, 1]));
  folder.write('graph.yaml', 'name: torn\nsource: test\ndirected: false\nnodes: 4\narcs: [[0, 1], [2, 3]]\n');
});

describe('a swarm is refused with exit code 2', () => {
  it.each([
    ['is missing', CSV.replace('data.csv', 'nowhere.csv'), {}, 'data-file-missing', /nowhere\.csv/],
    ['is cut off', IDX, { images: idxBytes([6, 2, 2], [1, 2, 3]) }, 'data-file-truncated', /images/],
    [
      'has a label outside the classes',
      CSV,
      { 'data.csv': TABLE.replace('0.9,b', '0.9,c') },
      'file-invalid',
      /line 7.*"c"/,
    ],
    [
      'has NaN as a feature',
      CSV,
      { 'data.csv': TABLE.replace('0.7', 'NaN') },
      'file-invalid',
      /line 3, column "x": has no value/,
    ],
    [
      'has an infinite feature',
      CSV,
      { 'data.csv': TABLE.replace('0.7', '1e999') },
      'file-invalid',
      /line 3.*1e999/,
    ],
  ] as const)('when the data file %s', async (_, dataset, files, code, message) => {
    folder.write('own.yaml', experiment(dataset, 'iid'));
    for (const [name, content] of Object.entries(files)) folder.write(name, content);
    const failure = await refusedSwarm();
    expect(failure).toMatchObject({ exitCode: 2, code });
    expect(failure.stderr).toMatch(message);
  });

  it('when a silo has no samples', async () => {
    folder.write('own.yaml', experiment(CSV, '{kind: file, path: parts.json}'));
    folder.write('parts.json', '{"north": [0, 1], "east": [], "south": [2, 3]}');
    const failure = await refusedSwarm();
    expect(failure.exitCode).toBe(2);
    expect(failure.stderr).toMatch(/east/);
  });

  it.each([
    [
      'the graph is in two parts',
      ['topology={file: graph.yaml}', 'data.silos=4'],
      /not connected.*\{silo-0, silo-1\}, \{silo-2, silo-3\}/,
    ],
    [
      'its weights are not doubly stochastic',
      ['topology=path', 'exchange.weights=uniform'],
      /not doubly stochastic/,
    ],
    [
      'a key is unknown',
      ['train.learningrate=1'],
      /train\.learningrate: unknown key — did you mean learningRate\?/,
    ],
    ['a value has the wrong type', ['train.batchSize=many'], /train\.batchSize: got "many", wanted/],
    ['a value is out of range', ['stop.rounds=0'], /stop\.rounds: got 0, wanted a number at least 1/],
    ['--set names a path that is none', ['train.learningRate.deep=1'], /train\.learningRate/],
  ] as const)('when %s', async (_, overrides, message) => {
    folder.write('own.yaml', experiment(CSV, 'iid'));
    const failure = await refusedSwarm(...overrides.flatMap((override) => ['--set', override]));
    expect(failure).toMatchObject({ exitCode: 2, code: 'file-invalid' });
    expect(failure.stderr).toMatch(message);
  });

  it.each([
    ['no file is named', ['swarm'], /name an experiment file/],
    ['the restarts are no number', ['swarm', 'x.yaml', '--restarts', 'many'], /--restarts is many/],
    [
      'an option is unknown',
      ['swarm', 'x.yaml', '--restart', '2'],
      /unknown option '--restart'.*\n?.*--restarts/,
    ],
    ['two files are named', ['swarm', 'x.yaml', 'y.yaml'], /too many arguments/],
    [
      'a file is named and a run resumed',
      ['swarm', 'x.yaml', '--resume', 'r'],
      /takes the experiment from r/,
    ],
    ['the resumed run is none', ['swarm', '--resume', 'no-run-here'], /holds no experiment\.yaml/],
  ] as const)('when %s', async (_, argv, message) => {
    const { exitCode, stdout, stderr } = await run(...argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

it('a silo that knows one class only is worth a warning', async () => {
  folder.write('own.yaml', experiment(CSV, '{kind: file, path: parts.json}'));
  folder.write('parts.json', '{"north": [0, 2], "east": [1, 4], "south": [3, 5]}');
  const { exitCode, stderr } = await run('check', at('own.yaml'));
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^warning: north has samples of one class only \(a\)/m);
  expect(stderr).not.toMatch(/warning: east/);
});
