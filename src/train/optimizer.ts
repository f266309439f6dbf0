/**
 * Optimisers on the parts of the trainable params. Their state is local: it is never exchanged, it is part of
 * snapshot()/restore(), and it resumes bit for bit.
 *   clip      g ← g · min(1, clipNorm / ‖g‖)                        then g ← gradientScale · g
 *   sgd       u = g
 *   momentum  v ← μ v + g;  u = v, or with Nesterov g + μ v         (Sutskever et al. 2013)
 *   adam      m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²;
 *             u = (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε)          (Kingma, Ba 2015), t counting updates
 *   x ← x − γ u − γ λ x                                             decoupled decay λ (Loshchilov, Hutter 2019)
 */
import { unreachable } from '../base/assert.ts';
import type { Device, DeviceArray } from './device.ts';
import type { Shape } from './model.ts';
import { OptimizerState } from './optimizer-state.ts';
import type { OptimizerSpec, TrainSpec } from './spec.ts';

export interface Optimizer {
  /** What update() wants the gradient multiplied by: −γ s for SGD without clipping (which is then one sum), else 1. */
  gradientFactor(learningRate: number): number;
  /** One update inside the caller's scope; `norm` is ‖g‖ before clipping and without that factor. Returns new params. */
  update(
    params: readonly DeviceArray[],
    gradient: readonly DeviceArray[],
    norm: number,
    learningRate: number,
  ): DeviceArray[];
  snapshot(): Uint8Array;
  restore(snapshot: Uint8Array): void;
  dispose(): void;
}

/** Number of state vectors of each kind. */
const SLOTS = { sgd: 0, momentum: 1, adam: 2 } as const satisfies Record<OptimizerSpec['kind'], number>;

export function optimizerOf(device: Device, train: TrainSpec, shapes: readonly Shape[]): Optimizer {
  const { optimizer: spec, clipNorm, weightDecay = 0, gradientScale = 1 } = train;
  const state = new OptimizerState(device, SLOTS[spec.kind], shapes);
  const shrunk = (array: DeviceArray, learningRate: number): DeviceArray =>
    weightDecay === 0 ? array : device.scale(array, 1 - learningRate * weightDecay);
  // A rate of 0 would take the norm with it.
  const gradientFactor = (learningRate: number): number =>
    spec.kind === 'sgd' && clipNorm === undefined && learningRate > 0 ? -learningRate * gradientScale : 1;
  return {
    gradientFactor,
    update(params, gradient, norm, learningRate) {
      if (gradientFactor(learningRate) !== 1) {
        return params.map((array, part) => device.add(shrunk(array, learningRate), gradient[part]!));
      }
      const clip = clipNorm === undefined || norm <= clipNorm ? 1 : clipNorm / norm;
      const slots = state.slots();
      const scale = clip * gradientScale;
      const count = state.updateCount + 1;
      const results = params.map((_, part) =>
        direction(device, spec, gradient[part]!, slots[part]!, scale, count),
      );
      state.advance(results.map((result) => result.slots));
      return params.map((array, part) => {
        const { update, factor } = results[part]!;
        return device.addScaled(shrunk(array, learningRate), update, -learningRate * factor);
      });
    },
    snapshot: () => state.snapshot(),
    restore: (snapshot) => state.restore(snapshot),
    dispose: () => state.dispose(),
  };
}

interface Direction {
  /** u is factor · update. */
  readonly update: DeviceArray;
  readonly factor: number;
  /** The state after this update. */
  readonly slots: readonly DeviceArray[];
}

/** One part's update direction from `scale` · gradient, as update number `count` (from 1). */
function direction(
  device: Device,
  spec: OptimizerSpec,
  gradient: DeviceArray,
  slots: readonly DeviceArray[],
  scale: number,
  count: number,
): Direction {
  switch (spec.kind) {
    case 'sgd':
      return { update: gradient, factor: scale, slots: [] };
    case 'momentum': {
      const velocity = device.addScaled(device.scale(slots[0]!, spec.momentum), gradient, scale);
      if (spec.nesterov !== true) return { update: velocity, factor: 1, slots: [velocity] };
      const ahead = device.addScaled(device.scale(gradient, scale), velocity, spec.momentum);
      return { update: ahead, factor: 1, slots: [velocity] };
    }
    case 'adam': {
      const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = spec;
      const first = device.addScaled(device.scale(slots[0]!, beta1), gradient, (1 - beta1) * scale);
      const squared = device.square(gradient);
      const second = device.addScaled(device.scale(slots[1]!, beta2), squared, (1 - beta2) * scale ** 2);
      const root = device.squareRoot(device.scale(second, 1 / (1 - beta2 ** count)));
      const update = device.divide(first, device.shift(root, epsilon));
      return { update, factor: 1 / (1 - beta1 ** count), slots: [first, second] };
    }
    default:
      return unreachable(spec);
  }
}
