/** A Trainer whose local updates take longer than they need: after each it waits factor − 1 times as long as it has taken. */
import type { Clock } from '../base/clock.ts';
import type { Trainer } from './trainer.ts';

/** `factor`: asked when an update ends; from 1. */
export function slowTrainer<Slowed extends Trainer>(
  inner: Slowed,
  factor: () => number,
  clock: Clock,
): Slowed {
  return {
    ...inner,
    train: async (params, steps, key) => {
      const beganMs = clock.now();
      const result = await inner.train(params, steps, key);
      const waitMs = (clock.now() - beganMs) * (factor() - 1);
      if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      return result;
    },
  };
}
