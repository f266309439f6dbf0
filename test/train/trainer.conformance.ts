/** What every Trainer must hold, as trainer.ts says; each implementation's test calls this with a way to make one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allFinite } from '../../src/params/kernels.ts';
import { precisionOf, type Vector } from '../../src/params/layout.ts';
import type { Trainer } from '../../src/train/trainer.ts';

export interface TrainerCase {
  readonly name: string;
  /** A fresh trainer; equal in all that matters to every other one this makes. */
  make(): Promise<Trainer>;
  /** The optimiser has state. */
  readonly stateful: boolean;
}

export function trainerConformance({ name, make, stateful }: TrainerCase): void {
  describe(`${name} as a Trainer`, () => {
    let trainer: Trainer;
    let initial: Vector;
    beforeAll(async () => {
      trainer = await make();
      initial = await trainer.initialParams();
    });
    afterAll(async () => trainer.dispose());

    it('gives initial params of the layout, finite and the same every time', async () => {
      expect(initial.length).toBe(trainer.layout.size);
      expect(allFinite(initial)).toBe(true);
      expect(await trainer.initialParams()).toEqual(initial);
    });

    it('trains as a function of params, state and step number, bit for bit, in another trainer too', async () => {
      await trainer.restore(new Uint8Array(0));
      const first = await trainer.train(initial, 5, { firstStep: 3 });
      await trainer.restore(new Uint8Array(0));
      expect(await trainer.train(initial, 5, { firstStep: 3 })).toEqual(first);
      const other = await make();
      expect(await other.train(initial, 5, { firstStep: 3 })).toEqual(first);
      await other.dispose();
    });

    it('gives the same params in one call as in two', async () => {
      await trainer.restore(new Uint8Array(0));
      const whole = await trainer.train(initial, 6, { firstStep: 0 });
      await trainer.restore(new Uint8Array(0));
      const half = await trainer.train(initial, 2, { firstStep: 0 });
      const rest = await trainer.train(half.params, 4, { firstStep: 2 });
      expect(rest.params).toEqual(whole.params);
    });

    it('keeps the vectors it is given as they were, and gives away those it returns', async () => {
      const given = initial.slice();
      const { params } = await trainer.train(given, 2, { firstStep: 0 });
      expect(given).toEqual(initial);
      params.fill(Number.NaN);
      await trainer.evaluate(initial, 'train');
      const again = await trainer.train(given, 2, { firstStep: 0 });
      expect(allFinite(again.params)).toBe(true);
      expect(precisionOf(again.params)).toBe(precisionOf(initial));
    });

    it('lowers the loss over three epochs and reports finite statistics', async () => {
      await trainer.restore(new Uint8Array(0));
      const before = await trainer.evaluate(initial, 'train');
      const steps = Math.max(10, 3 * trainer.stepsPerEpoch);
      const result = await trainer.train(initial, steps, { firstStep: 0 });
      const after = await trainer.evaluate(result.params, 'train');
      expect(after.loss).toBeLessThan(before.loss as number);
      expect(after.sampleCount).toBe(trainer.sampleCount);
      expect(result.gradientSquaredNorm).toBeGreaterThan(0);
      expect(Number.isFinite(result.loss)).toBe(true);
    });

    it('computes gradients that do not depend on earlier calls and change no state', async () => {
      const state = await trainer.snapshot();
      const gradient = await trainer.gradient(initial, { firstStep: 4 });
      expect(gradient.length).toBe(trainer.layout.size);
      expect(await trainer.gradient(initial, { firstStep: 4 })).toEqual(gradient);
      expect(await trainer.snapshot()).toEqual(state);
    });

    it('resumes bit for bit from a snapshot', async () => {
      await trainer.restore(new Uint8Array(0));
      const half = await trainer.train(initial, 3, { firstStep: 0 });
      const snapshot = await trainer.snapshot();
      expect(snapshot.length > 0).toBe(stateful);
      const straight = await trainer.train(half.params, 3, { firstStep: 3 });
      const end = await trainer.snapshot();
      await trainer.restore(snapshot);
      expect(await trainer.train(half.params, 3, { firstStep: 3 })).toEqual(straight);
      expect(await trainer.snapshot()).toEqual(end);
    });

    it('rejects a snapshot of something else with code snapshot-mismatch', async () => {
      await expect(trainer.restore(new Uint8Array(13))).rejects.toMatchObject({ code: 'snapshot-mismatch' });
    });

    it('performs overlapping calls in call order', async () => {
      await trainer.restore(new Uint8Array(0));
      const apart = await trainer.train(initial, 2, { firstStep: 0 });
      const apartAgain = await trainer.train(initial, 2, { firstStep: 2 });
      await trainer.restore(new Uint8Array(0));
      const overlapping = await Promise.all([
        trainer.train(initial, 2, { firstStep: 0 }),
        trainer.train(initial, 2, { firstStep: 2 }),
      ]);
      expect(overlapping).toEqual([apart, apartAgain]);
    });

    it('rejects calls after dispose, which may be called twice', async () => {
      const other = await make();
      await other.dispose();
      await other.dispose();
      await expect(other.initialParams()).rejects.toMatchObject({ code: 'trainer-disposed' });
    });
  });
}
