/**
 * Optimisers on the flat vector of trainable params, on the device. Their state is local: it is never exchanged, it
 * is part of snapshot()/restore(), and it resumes bit for bit.
 *   clip      g ← g · min(1, clipNorm / ‖g‖)                        then g ← gradientScale · g
 *   sgd       u = g
 *   momentum  v ← μ v + g;  u = v, or with Nesterov g + μ v         (Sutskever et al. 2013)
 *   adam      m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²;
 *             u = (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε)          (Kingma, Ba 2015), t counting updates
 *   x ← x − γ u − γ λ x                                             decoupled decay λ (Loshchilov, Hutter 2019)
 */
import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core';
import { unreachable } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import type { Tf } from './engine.ts';
import type { OptimizerSpec, TrainSpec } from './spec.ts';

export interface Optimizer {
  /** One update, inside the caller's tf.tidy. `squaredNorm` is ‖g‖² before clipping. Returns the new params. */
  update(params: Tensor1D, gradient: Tensor1D, squaredNorm: Scalar, learningRate: number): Tensor1D;
  snapshot(): Uint8Array;
  restore(snapshot: Uint8Array): void;
  dispose(): void;
}

/** Number of state vectors of each kind. */
const SLOTS = { sgd: 0, momentum: 1, adam: 2 } as const satisfies Record<OptimizerSpec['kind'], number>;

export function optimizerOf(tf: Tf, train: TrainSpec, size: number): Optimizer {
  const { optimizer: spec, clipNorm, weightDecay = 0, gradientScale = 1 } = train;
  const state = new OptimizerState(tf, SLOTS[spec.kind], size);
  return {
    update(params, gradient, squaredNorm, learningRate) {
      let scaled = gradient;
      if (clipNorm !== undefined) {
        const norm = tf.maximum(tf.sqrt(squaredNorm), 1e-30);
        scaled = tf.mul(scaled, tf.minimum(tf.div(clipNorm, norm), 1));
      }
      if (gradientScale !== 1) scaled = tf.mul(scaled, gradientScale);
      const direction = updateDirection(tf, spec, state, scaled);
      const shrunk = weightDecay === 0 ? params : tf.mul(params, 1 - learningRate * weightDecay);
      return tf.sub(shrunk, tf.mul(direction, learningRate));
    },
    snapshot: () => state.snapshot(),
    restore: (snapshot) => state.restore(snapshot),
    dispose: () => state.dispose(),
  };
}

function updateDirection(tf: Tf, spec: OptimizerSpec, state: OptimizerState, gradient: Tensor1D): Tensor1D {
  switch (spec.kind) {
    case 'sgd':
      return gradient;
    case 'momentum': {
      const velocity = tf.add(tf.mul(state.slot(0), spec.momentum), gradient) as Tensor1D;
      state.advance([velocity]);
      return spec.nesterov === true ? tf.add(gradient, tf.mul(velocity, spec.momentum)) : velocity;
    }
    case 'adam': {
      const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = spec;
      const first = tf.add(tf.mul(state.slot(0), beta1), tf.mul(gradient, 1 - beta1)) as Tensor1D;
      const second = tf.add(tf.mul(state.slot(1), beta2), tf.mul(tf.square(gradient), 1 - beta2)) as Tensor1D;
      state.advance([first, second]);
      const root = tf.sqrt(tf.div(second, 1 - beta2 ** state.updateCount));
      return tf.div(tf.div(first, 1 - beta1 ** state.updateCount), tf.add(root, epsilon));
    }
    default:
      return unreachable(spec);
  }
}

/** State vectors on the device, zero until the first update, and the number of updates. */
class OptimizerState {
  readonly #tf: Tf;
  readonly #slotCount: number;
  readonly #size: number;
  #slots: readonly Tensor1D[] = [];
  #updateCount = 0;

  constructor(tf: Tf, slotCount: number, size: number) {
    this.#tf = tf;
    this.#slotCount = slotCount;
    this.#size = size;
  }

  get updateCount(): number {
    return this.#updateCount;
  }

  slot(index: number): Tensor1D {
    return this.#slots[index] ?? this.#tf.zeros([this.#size]);
  }

  advance(slots: readonly Tensor1D[]): void {
    const before = this.#slots;
    this.#slots = slots.map((slot) => this.#tf.keep(slot));
    for (const slot of before) slot.dispose();
    this.#updateCount++;
  }

  /** f64 update count, then the f32 state vectors one after another; empty before the first update. */
  snapshot(): Uint8Array {
    if (this.#slots.length === 0) return new Uint8Array(0);
    const bytes = new Uint8Array(this.#bytes);
    new Float64Array(bytes.buffer, 0, 1)[0] = this.#updateCount;
    this.#slots.forEach((slot, index) => {
      new Float32Array(bytes.buffer, 8 + index * this.#size * 4, this.#size).set(slot.dataSync());
    });
    return bytes;
  }

  restore(snapshot: Uint8Array): void {
    if (snapshot.length !== 0 && (this.#slotCount === 0 || snapshot.length !== this.#bytes)) {
      throw new InputError(
        'snapshot-mismatch',
        `got ${snapshot.length} bytes of optimiser state, wanted ${this.#slotCount === 0 ? 0 : this.#bytes}: ` +
          'the snapshot belongs to another optimiser or model',
      );
    }
    this.dispose();
    if (snapshot.length === 0) return;
    const copy = Uint8Array.from(snapshot);
    this.#updateCount = new Float64Array(copy.buffer, 0, 1)[0]!;
    this.#slots = Array.from({ length: this.#slotCount }, (_, index) =>
      this.#tf.tensor1d(new Float32Array(copy.buffer, 8 + index * this.#size * 4, this.#size)),
    );
  }

  dispose(): void {
    for (const slot of this.#slots) slot.dispose();
    this.#slots = [];
    this.#updateCount = 0;
  }

  get #bytes(): number {
    return 8 + this.#slotCount * this.#size * 4;
  }
}
