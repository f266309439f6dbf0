import { describe, expect, it } from 'vitest';
import type { SampleSelection, TrainerSpec } from '../../src/train/spec.ts';
import { toyTrainers } from '../../src/train/toy-trainers.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { specOf } from './samples.ts';
import { trainerConformance } from './trainer.conformance.ts';

const optima = [
  [1, 2],
  [3, -2],
  [2, 6],
];
const global: SampleSelection = { split: 'test', indices: [0, 1, 2] };

function specs(start: 'zero' | 'optimum' = 'zero', noise = 0): TrainerSpec[] {
  return optima.map((_, peerIndex) =>
    specOf({
      model: { kind: 'quadratic', start, curvature: 1 },
      featureShape: [2],
      peerIndex,
      data: {
        dataset: { kind: 'toy', dimension: 2, spread: 1, noise, optima },
        train: { split: 'train', indices: [peerIndex] },
        own: { split: 'train', indices: [] },
        global,
      },
    }),
  );
}

trainerConformance({
  name: 'the toy of an experiment',
  make: async () => toyTrainers(specs('zero', 0.01))[1] as Trainer,
  stateful: false,
});

describe('the toy of an experiment', () => {
  it('starts where it is told to, in f64', async () => {
    const [zero] = toyTrainers(specs());
    expect(await zero?.initialParams()).toEqual(Float64Array.of(0, 0));
    const starts = await Promise.all(toyTrainers(specs('optimum')).map((one) => one.initialParams()));
    expect(starts.map((one) => [...one])).toEqual(optima);
  });

  it('is judged by its own function and by its distance to the common optimum, which is (2, 2)', async () => {
    const [one] = toyTrainers(specs());
    const at = Float64Array.of(2, 4);
    expect(await one?.evaluate(at, 'train')).toEqual({ accuracy: undefined, loss: 2.5, sampleCount: 1 });
    expect(await one?.evaluate(at, 'global')).toEqual({ accuracy: undefined, loss: 2, sampleCount: 3 });
    expect((await one?.evaluate(at, 'own'))?.loss).toBeUndefined();
  });

  it('leaves params as they are with no local steps', async () => {
    const [one] = toyTrainers(specs());
    const { params, sampleCount } = await (one as Trainer).train(Float64Array.of(0.1, 0.2), 0, {
      firstStep: 0,
    });
    expect([...params, sampleCount]).toEqual([0.1, 0.2, 0]);
  });

  it('refuses other data, with code model-unsupported', () => {
    const [first] = specs();
    const data = { ...(first as TrainerSpec).data, dataset: { kind: 'digits' } as const };
    expect(() => toyTrainers([{ ...(first as TrainerSpec), data }])).toThrow(
      expect.objectContaining({ code: 'model-unsupported' }),
    );
  });
});
