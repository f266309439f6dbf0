import { describe, expect, it } from 'vitest';
import { quadraticStep, quadraticTrainer } from '../../src/train/toy.ts';
import { trainerConformance } from './trainer.conformance.ts';

const options = { optimum: [1, -2, 3], curvature: [1, 2, 0.5], learningRate: 0.1 } as const;

trainerConformance({
  name: 'quadratic toy (f32)',
  make: async () => quadraticTrainer({ ...options, precision: 'f32' }),
  stateful: false,
});
trainerConformance({
  name: 'quadratic toy (f64, with noise)',
  make: async () =>
    quadraticTrainer({ ...options, precision: 'f64', noise: { seed: 1, peerIndex: 2, stdDev: 0.1 } }),
  stateful: false,
});

describe('quadraticStep', () => {
  it('is x − γ a (x − b), with the loss and squared gradient norm before it', () => {
    const { params, loss, gradientSquaredNorm } = quadraticStep(
      { ...options, precision: 'f64' },
      Float64Array.of(0, 0, 1),
      0,
    );
    expect([...params]).toEqual([0.1, -0.4, 1.1]);
    expect(loss).toBeCloseTo(0.5 * (1 + 2 * 4 + 0.5 * 4), 12);
    expect(gradientSquaredNorm).toBeCloseTo(1 + 16 + 1, 12);
  });

  it('reaches the optimum', async () => {
    const trainer = quadraticTrainer({ ...options, precision: 'f64' });
    const { params } = await trainer.train(await trainer.initialParams(), 600, { firstStep: 0 });
    params.forEach((value, index) => {
      expect(value).toBeCloseTo(options.optimum[index] as number, 9);
    });
  });
});
