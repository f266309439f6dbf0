/** Which rules fit an experiment's graph, links and faults, and the warning where its own does not. */
import { describe, expect, test } from 'vitest';
import { experimentWarnings, parseExperiment, ruleFits } from '../../src/experiment/index.ts';

function experiment(changes: Record<string, unknown> = {}) {
  const content = {
    name: 'fit',
    data: { dataset: 'digits', silos: 6 },
    model: 'softmax',
    train: { learningRate: 0.1 },
    topology: 'ring',
    stop: { rounds: 10 },
    ...changes,
  };
  return parseExperiment(JSON.stringify(content), { file: 'fit.yaml' });
}
const fitting = (given: ReturnType<typeof experiment>) =>
  ruleFits(given).flatMap(({ rule, fits }) => (fits ? [rule] : []));

describe('which rules fit', () => {
  test('on an undirected graph without faults, all do, and the chosen one is marked', () => {
    const fits = ruleFits(experiment());
    expect(fits.every(({ fits: one }) => one)).toBe(true);
    expect(fits.filter(({ chosen }) => chosen).map(({ rule }) => rule)).toEqual(['dpsgd']);
  });

  test('on a digraph, those that want an answer do not', () => {
    const fits = ruleFits(experiment({ topology: 'exponential' }));
    const broken = fits.filter(({ problems }) => problems.length > 0).map(({ rule }) => rule);
    expect(broken).toEqual(['pairwise', 'choco']);
  });

  test('where messages are lost, those that tolerate no loss fit badly, and say what brings it', () => {
    const given = experiment({
      faults: { loss: 0.3, list: [{ kind: 'crash', peer: 1, at: '1s', restartAt: '2s' }] },
    });
    expect(fitting(given)).toEqual(['pairwise', 'gossip-learning', 'push-sum', 'receive-merge']);
    const dpsgd = ruleFits(given).find(({ rule }) => rule === 'dpsgd');
    expect(dpsgd).toMatchObject({ problems: [], notTolerated: [{ what: 'loss', from: ['fault loss'] }] });
  });

  test('where silos are of very unequal speed, the synchronous ones fit badly', () => {
    const slowness = [1, 1, 1, 1, 1, 10];
    expect(fitting(experiment({ simulate: { slowness } }))).not.toContain('dpsgd');
    expect(fitting(experiment({ simulate: { slowness: slowness.map(() => 10) } }))).toContain('dpsgd');
  });

  test('with carrier gossip, only those that send to all alike', () => {
    expect(fitting(experiment({ exchange: { carrier: 'gossip' } }))).toEqual([
      'dpsgd',
      'choco',
      'receive-merge',
    ]);
  });
});

describe('the warning', () => {
  test('names what is not tolerated and who would go on; a rule that tolerates it has none', () => {
    const faults = { loss: 0.3 };
    expect(experimentWarnings(experiment({ faults }))).toContainEqual(
      expect.stringMatching(/^rule dpsgd does not tolerate loss \(fault loss\).*pairwise, gossip-learning/),
    );
    const exchange = { rule: 'push-sum' };
    expect(experimentWarnings(experiment({ faults, exchange })).join()).not.toContain('tolerate');
  });
});
