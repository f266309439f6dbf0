import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/base/schema-problems.ts';

describe('what a mistyped name most likely meant', () => {
  it.each([
    ['bset', ['mst', 'ring', 'best'], 'best'],
    ['rnig', ['king', 'ring'], 'ring'],
    ['dp-sgd', ['choco', 'dpsgd'], 'dpsgd'],
    ['Ring', ['king', 'ring'], 'ring'],
    ['localStep', ['localSteps', 'learningRate'], 'localSteps'],
    ['zzzzzzzz', ['ring', 'best'], undefined],
    ['ring', [], undefined],
  ])('%s of %j: %s', (name, candidates, meant) => {
    expect(nearest(name, candidates)).toBe(meant);
  });
});
