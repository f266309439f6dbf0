import { describe, expect, it } from 'vitest';
import { ProblemsError } from '../../src/base/errors.ts';
import { cellAt, cellCount, parseSweep } from '../../src/sweep/sweep.ts';

const TEXT = `
name: rules
experiment: ring.yaml
vary:
  exchange.rule: [dpsgd, pairwise]
  network:
    calm: {faults: []}
    lossy: {faults: {loss: 0.3}, train.learningRate: 0.05}
seeds: 3
`;

function problemsOf(text: string): string[] {
  try {
    parseSweep(text, 'sweep.yaml');
  } catch (error) {
    if (error instanceof ProblemsError)
      return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('a sweep', () => {
  it('has the product of its axes and seeds as cells, each as settings of the experiment', () => {
    const sweep = parseSweep(TEXT, '/somewhere/sweep.yaml');
    expect(sweep.experiment).toBe('/somewhere/ring.yaml');
    expect(cellCount(sweep)).toBe(12);
    expect(cellAt(sweep, 0)).toEqual({
      index: 0,
      id: '00_dpsgd_calm_seed-1',
      labels: ['dpsgd', 'calm'],
      seed: 1,
      settings: ['exchange.rule="dpsgd"', 'faults=[]', 'seed=1'],
    });
    expect(cellAt(sweep, 10).settings).toEqual([
      'exchange.rule="pairwise"',
      'faults={"loss":0.3}',
      'train.learningRate=0.05',
      'seed=2',
    ]);
    expect(new Set(Array.from({ length: 12 }, (_, index) => cellAt(sweep, index).id)).size).toBe(12);
  });

  it('counts a million cells without making them', () => {
    const values = Array.from({ length: 1000 }, (_, index) => index);
    const axis = (path: string) => `  ${path}: ${JSON.stringify(values)}\n`;
    const text = `name: big\nexperiment: a.yaml\nvary:\n${axis('a.x')}${axis('a.y')}seeds: 5\n`;
    expect(cellCount(parseSweep(text, 'sweep.yaml'))).toBe(5_000_000);
  });

  it('tells every problem at once: points and seeds given twice, two axes for one setting', () => {
    const problems = problemsOf(`
name: rules
experiment: ring.yaml
vary:
  exchange.rule: [dpsgd, dpsgd]
  other:
    a: {exchange.rule: pairwise}
  seeded:
    b: {seed: 3}
seeds: [1, 1]
`);
    expect(problems).toEqual([
      'vary.exchange.rule: has dpsgd twice; wanted each point once',
      'seeds: has 1 twice; wanted each seed once',
      'vary.other: sets exchange.rule, and so does exchange.rule; wanted one of them only',
      'vary.seeded: sets seed, and so does seeds; wanted one of them only',
    ]);
  });

  it('refuses an empty axis and unknown keys', () => {
    expect(problemsOf('name: a\nexperiment: e.yaml\nvary: {x: {}}\n')).toEqual([
      'vary.x: has no points; wanted at least one',
    ]);
    expect(problemsOf('name: a\nexperiment: e.yaml\nvari: {x: [1]}\n')[0]).toMatch(/vari/);
  });
});
