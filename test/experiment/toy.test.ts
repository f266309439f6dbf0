import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/experiment/parse.ts';
import { resolveExperiment } from '../../src/experiment/resolve.ts';

const text = (data: string, model = 'quadratic', train = 'learningRate: 0.1, localSteps: 0'): string =>
  `{name: toy, seed: 9, data: {dataset: ${data}, silos: 3}, model: ${model}, train: {${train}}, topology: ring, stop: {rounds: 5}}`;
const parse = (...parts: Parameters<typeof text>) => parseExperiment(text(...parts), { file: 'toy.yaml' });

function problemsOf(...parts: Parameters<typeof text>): string[] {
  try {
    parse(...parts);
    return [];
  } catch (error) {
    return (error as { problems: { path: string }[] }).problems.map(({ path }) => path);
  }
}

describe('the toy in an experiment', () => {
  it('has one point for each silo, drawn by the seed of the experiment', () => {
    const { data, model, train } = parse('toy');
    expect(data.dataset).toEqual({ kind: 'toy', dimension: 8, spread: 1, noise: 0, points: 3, seed: 9 });
    expect(data.partition.kind).toBe('natural');
    expect(model).toEqual({ kind: 'quadratic', start: 'zero', curvature: 1 });
    expect(train.localSteps).toBe(0);
  });

  it('reads its resolved form back', () => {
    const experiment = parse('{kind: toy, optima: [[1], [2], [3]]}', '{kind: quadratic, start: optimum}');
    expect(parseExperiment(resolveExperiment(experiment), { file: 'again.yaml' })).toEqual(experiment);
  });

  it('tells what does not go together', () => {
    expect(problemsOf('digits')).toEqual(['model']);
    expect(problemsOf('toy', 'softmax')).toEqual(['model']);
    expect(problemsOf('{kind: toy, optima: [[1], [2]]}')).toEqual(['data.dataset']);
    expect(problemsOf('toy', 'quadratic', 'learningRate: 0.1, optimizer: adam')).toEqual(['train']);
  });
});
