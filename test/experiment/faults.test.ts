import { expect, test } from 'vitest';
import {
  experimentDigest,
  experimentWarnings,
  parseExperiment,
  resolveExperiment,
} from '../../src/experiment/index.ts';

const text = (faults: string, more = ''): string => `
name: islands
data: {dataset: penguins, silos: 3, partition: natural}
model: softmax
train: {learningRate: 0.1}
topology: ring
stop: {rounds: 3}
${more}
faults: ${faults}
`;
const parse = (source: string) => parseExperiment(source, { file: 'islands.yaml' });

test('an experiment names its faulty peers as its silos are named, and resolves to the typed record', () => {
  const experiment = parse(text('[{kind: crash, peer: Dream, at: 5s, restartAt: 8s}]'));
  expect(experiment.faults).toEqual({
    seed: 1,
    faults: [{ kind: 'crash', peer: 1, atMs: 5_000, restartMs: 8_000 }],
  });
  expect(parse(resolveExperiment(experiment))).toEqual(experiment);
  expect(experimentWarnings(experiment)[0]).toContain('the last fault is planned for 8 s');
});

test('faults change what happens to peers, not who may take part: the digest leaves them out', () => {
  const without = parse(text('{}'));
  expect(without.faults).toBeUndefined();
  expect(experimentDigest(parse(text('{loss: 0.3}')))).toBe(experimentDigest(without));
});

test('faults of messages are refused with the gossip carrier, faults of peers are not', () => {
  const gossip = 'exchange: {carrier: gossip}';
  expect(() => parse(text('{loss: 0.1}', gossip))).toThrow(/faults: a fault of links or messages/);
  expect(parse(text('[{kind: pause, peer: 0, after: 1s, until: 2s}]', gossip)).faults).toBeDefined();
});

test('problems of faults are told together with those of other blocks', () => {
  expect(() => parse(text('[{kind: leave, peer: Dreem, at: 1s}]').replace('rounds: 3', 'rounds: 0'))).toThrow(
    /2 problems.*stop\.rounds.*did you mean Dream/s,
  );
});
