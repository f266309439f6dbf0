/**
 * Learning rate γ(t) as a function of the step number t alone, so that a resumed peer continues where it was.
 *   constant      γ
 *   step          γ · factor^⌊t / everySteps⌋
 *   cosine        γ · (floor + (1 − floor) · ½(1 + cos(π · min(t / steps, 1))))
 *   inverse-sqrt  γ · min(1, √(afterSteps / t))
 * each times the warm-up factor min(1, (t + 1) / warmupSteps).
 */
import { unreachable } from '../base/assert.ts';
import type { ScheduleSpec } from './spec.ts';

/** The learning rate of step `step` (0-based). */
export function learningRateAt(base: number, schedule: ScheduleSpec | undefined, step: number): number {
  if (schedule === undefined) return base;
  const warmup = schedule.warmupSteps === undefined ? 1 : Math.min(1, (step + 1) / schedule.warmupSteps);
  return base * warmup * decay(schedule, step);
}

function decay(schedule: ScheduleSpec, step: number): number {
  switch (schedule.kind) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor(step / schedule.everySteps);
    case 'cosine': {
      const floor = schedule.floor ?? 0;
      return floor + ((1 - floor) * (1 + Math.cos(Math.PI * Math.min(step / schedule.steps, 1)))) / 2;
    }
    case 'inverse-sqrt':
      return step <= schedule.afterSteps ? 1 : Math.sqrt(schedule.afterSteps / step);
    default:
      return unreachable(schedule);
  }
}
