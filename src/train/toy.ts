/**
 * A Trainer with a known optimum and no machine learning in it: f(x) = ½ Σ aᵢ (xᵢ − bᵢ)², plain gradient steps
 * x ← x − γ (a ∘ (x − b) + noise). Sums are f64; every step's params are rounded once to the layout's precision.
 * The mathematics is synchronous (`quadraticStep`), so that the deterministic core can be tested without waiting.
 */
import { assert } from '../base/assert.ts';
import { InputError, OperatingError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { layoutOf, type Precision, type Vector, zeros } from '../params/layout.ts';
import { learningRateAt } from './schedule.ts';
import type { ScheduleSpec } from './spec.ts';
import type { Trainer } from './trainer.ts';

export interface QuadraticOptions {
  /** b, the minimiser. */
  readonly optimum: ArrayLike<number>;
  /** a ≥ 0, one per coordinate; all ones where absent. */
  readonly curvature?: ArrayLike<number> | undefined;
  readonly learningRate: number;
  readonly precision: Precision;
  /** How it changes with the step. */
  readonly schedule?: ScheduleSpec | undefined;
  /** Normal noise on every gradient, a function of (seed, peerIndex, step). */
  readonly noise?: { readonly seed: number; readonly peerIndex: number; readonly stdDev: number } | undefined;
  /** Initial params; zeros where absent. */
  readonly initial?: ArrayLike<number> | undefined;
  /** Pretended number of training samples, for rules that weigh by it; 1 where absent. */
  readonly sampleCount?: number;
}

export interface QuadraticStepResult {
  readonly params: Vector;
  /** f at the params before the step. */
  readonly loss: number;
  readonly gradientSquaredNorm: number;
}

/** One gradient step from `params` (read, not kept) with the noise of step number `step`; returns new params. */
export function quadraticStep(options: QuadraticOptions, params: Vector, step: number): QuadraticStepResult {
  const gradient = quadraticGradient(options, params, step);
  const next = zeros(options.precision, params.length);
  const rate = learningRateAt(options.learningRate, options.schedule, step);
  let gradientSquaredNorm = 0;
  for (let index = 0; index < next.length; index++) {
    next[index] = params[index]! - rate * gradient[index]!;
    gradientSquaredNorm += gradient[index]! ** 2;
  }
  return { params: next, loss: quadraticLoss(options, params), gradientSquaredNorm };
}

/** a ∘ (x − b) + noise(step), in f64. */
export function quadraticGradient(options: QuadraticOptions, params: Vector, step: number): Float64Array {
  assert(
    params.length === options.optimum.length,
    `${params.length} params for ${options.optimum.length} optima`,
  );
  const { noise } = options;
  const random = noise === undefined ? undefined : Random.of(noise.seed, 'quadratic', noise.peerIndex, step);
  const gradient = new Float64Array(params.length);
  for (let index = 0; index < gradient.length; index++) {
    const curvature = options.curvature?.[index] ?? 1;
    gradient[index] = curvature * (params[index]! - options.optimum[index]!);
    if (noise !== undefined && random !== undefined) gradient[index]! += noise.stdDev * random.normal();
  }
  return gradient;
}

/** f(x), in f64. */
export function quadraticLoss(
  options: Pick<QuadraticOptions, 'optimum' | 'curvature'>,
  params: Vector,
): number {
  let sum = 0;
  for (let index = 0; index < params.length; index++) {
    sum += (options.curvature?.[index] ?? 1) * (params[index]! - options.optimum[index]!) ** 2;
  }
  return sum / 2;
}

/** The toy as a Trainer; no optimiser state, one step per epoch, every evaluation set is f itself. */
export function quadraticTrainer(options: QuadraticOptions): Trainer {
  const size = options.optimum.length;
  const { precision } = options;
  let disposed = false;
  /** Runs the synchronous `action` at once and hands its outcome over as a promise. */
  const answer = async <Result>(action: () => Result): Promise<Result> => {
    if (disposed)
      throw new OperatingError('trainer-disposed', 'the trainer was disposed of before this call');
    return action();
  };
  return {
    layout: layoutOf([{ name: 'x', shape: [size] }]),
    backend: 'toy',
    sampleCount: options.sampleCount ?? 1,
    stepsPerEpoch: 1,
    initialParams: () => answer(() => vectorOf(precision, options.initial ?? new Float64Array(size))),
    train: (params, steps, { firstStep }) =>
      answer(() => {
        let current = vectorOf(precision, params);
        let loss = 0;
        let gradientSquaredNorm = 0;
        for (let step = firstStep; step < firstStep + steps; step++) {
          const result = quadraticStep(options, current, step);
          current = result.params;
          loss += result.loss;
          gradientSquaredNorm += result.gradientSquaredNorm;
        }
        const count = Math.max(steps, 1);
        return {
          params: current,
          loss: loss / count,
          gradientSquaredNorm: gradientSquaredNorm / count,
          sampleCount: steps,
        };
      }),
    gradient: (params, { firstStep }) =>
      answer(() => vectorOf(precision, quadraticGradient(options, params, firstStep))),
    evaluate: (params) =>
      answer(() => ({ accuracy: undefined, loss: quadraticLoss(options, params), sampleCount: 1 })),
    snapshot: () => answer(() => new Uint8Array(0)),
    restore: (snapshot) =>
      answer(() => {
        if (snapshot.length === 0) return;
        throw new InputError(
          'snapshot-mismatch',
          `got ${snapshot.length} bytes of optimiser state, but the quadratic toy has none: restore an empty snapshot`,
        );
      }),
    dispose: async () => {
      disposed = true;
    },
  };
}

function vectorOf(precision: Precision, values: ArrayLike<number>): Vector {
  return precision === 'f32' ? Float32Array.from(values) : Float64Array.from(values);
}
