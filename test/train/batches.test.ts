import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchSampler } from '../../src/train/batches.ts';
import { learningRateAt } from '../../src/train/schedule.ts';

describe('BatchSampler', () => {
  it('visits every sample once an epoch, in an order of its own each epoch and peer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (sampleCount, batchSize) => {
          const sampler = new BatchSampler({ seed: 1, peerIndex: 0, sampleCount, batchSize });
          const seen = Array.from({ length: sampler.stepsPerEpoch }, (_, step) => [
            ...sampler.at(sampler.stepsPerEpoch + step),
          ]).flat();
          expect(seen.sort((a, b) => a - b)).toEqual(
            Array.from({ length: sampleCount }, (_, index) => index),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is a function of (seed, peer, step): the order of calls changes nothing', () => {
    const make = (peerIndex: number) =>
      new BatchSampler({ seed: 3, peerIndex, sampleCount: 100, batchSize: 10 });
    const forwards = make(1);
    const backwards = make(1);
    const steps = [0, 5, 12, 27, 30];
    const taken = steps.map((step) => [...forwards.at(step)]);
    const other = steps.toReversed().map((step) => [...backwards.at(step)]);
    expect(other.reverse()).toEqual(taken);
    expect([...make(2).at(0)]).not.toEqual(taken[0]);
  });
});

describe('learningRateAt', () => {
  it('follows each schedule’s formula', () => {
    expect(learningRateAt(0.5, undefined, 99)).toBe(0.5);
    expect(learningRateAt(1, { kind: 'step', everySteps: 10, factor: 0.5 }, 25)).toBe(0.25);
    expect(learningRateAt(1, { kind: 'cosine', steps: 10 }, 5)).toBeCloseTo(0.5, 12);
    expect(learningRateAt(1, { kind: 'cosine', steps: 10, floor: 0.1 }, 20)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(1, { kind: 'inverse-sqrt', afterSteps: 4 }, 16)).toBe(0.5);
    expect(learningRateAt(1, { kind: 'constant', warmupSteps: 4 }, 1)).toBe(0.5);
  });
});
