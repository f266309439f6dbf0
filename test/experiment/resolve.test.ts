import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  experimentDigest,
  loadExperiment,
  parseExperiment,
  resolveExperiment,
} from '../../src/experiment/index.ts';
import { mixingMatrix, spectralGap } from '../../src/topology/index.ts';

const folder = fileURLToPath(new URL('../../topologies/', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

const text = (extra = '') => `
name: job
data: {dataset: mnist, silos: 4}
model: mlp
train: {learningRate: 0.1}
topology: {kind: ring}
stop: {rounds: 3}
${extra}`;
const parse = (...overrides: string[]) => parseExperiment(text(), { file: 'job.yaml', overrides });

describe.each(examples)('topologies/%s', (name) => {
  const experiment = loadExperiment(`${folder}${name}`);

  test('is valid, called by its file name, and mixes', () => {
    expect(`${experiment.name}.yaml`).toBe(name);
    expect(spectralGap(mixingMatrix(experiment.overlay, experiment.exchange.weights))).toBeGreaterThan(0);
  });

  test('resolves to a text that gives the same experiment again, from any folder', () => {
    const resolved = resolveExperiment(experiment, { grapevine: '0.1.0', node: '20.20.2' });
    expect(parseExperiment(resolved, { file: '/elsewhere/experiment.yaml' })).toEqual(experiment);
    expect(resolved).toContain('# Versions: grapevine 0.1.0, node 20.20.2');
  });
});

// On three nodes the exponential graph is complete, thus undirected.
test.each([
  ['penguins-by-island', 'metropolis'],
  ['mnist-eleven-silos', 'sinkhorn'],
])('%s runs on a digraph too: its graph chooses the weights', (name, weights) => {
  const { exchange } = loadExperiment(`${folder}${name}.yaml`, ['topology=exponential']);
  expect(exchange.weights).toBe(weights);
});

test('rule options, given weights and a written-out overlay survive resolving', () => {
  const experiment = parse(
    'topology={overlay: {name: o, directed: false, nodes: [a, b, c, d], arcs: [[0, 1], [1, 2], [2, 3]]}}',
    'exchange.variant=parallel',
    'exchange.weights=[[0, 0, 1], [1, 1, 0.5], [1, 2, 0.5], [2, 1, 0.5], [2, 2, 0.5], [3, 3, 1]]',
    'train.optimizer=momentum',
    'train.schedule={kind: cosine, steps: 100}',
    'data.dataset={kind: idx, images: a.idx, labels: b.idx}',
  );
  expect(parseExperiment(resolveExperiment(experiment), { file: '/elsewhere/x.yaml' })).toEqual(experiment);
});

describe('the digest that peers compare', () => {
  const digest = experimentDigest(parse());

  test.each([
    'data.dataset={kind: csv, path: own.csv, label: y, features: [{column: a}]}',
    'data.testShare=0.3',
    'train.backend=cpu',
    'exchange.deadline.floorMs=100',
    'baselines=[alone]',
    'record=all',
    'checkpoint.everyRounds=3',
  ])('is the same with another %s, which is each silo’s own affair', (override) => {
    expect(experimentDigest(parse(override))).toBe(digest);
  });

  test.each([
    'name=other',
    'seed=2',
    'data.silos=5',
    'model.hidden=[65]',
    'train.learningRate=0.2',
    'train.localSteps=7',
    'topology=complete',
    'exchange.variant=parallel',
    'exchange.carrier=gossip',
    'exchange.weights=uniform',
    'stop.rounds=4',
  ])('differs with another %s', (override) => {
    expect(experimentDigest(parse(override))).not.toBe(digest);
  });

  test('does not depend on the order of keys nor on spelling defaults out', () => {
    const reordered = text('seed: 1\nexchange: {carrier: stream, rule: dpsgd}\n').replace(
      'model: mlp',
      'model: {hidden: [64], kind: mlp}',
    );
    expect(experimentDigest(parseExperiment(reordered, { file: 'job.yaml' }))).toBe(digest);
  });
});
