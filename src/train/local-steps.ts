/**
 * The inner loop: mini-batch in, gradient, optimiser update. Params go up to the device once and come down once per
 * call; logits and gradient norms stay there and are read a few dozen steps at a time.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { assert } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import type { Samples } from '../data/dataset.ts';
import type { Vector } from '../params/layout.ts';
import { BatchBuffer, BatchSampler } from './batches.ts';
import type { Tf } from './engine.ts';
import { scoreLogits } from './loss.ts';
import type { Backward, DeviceModel, DeviceParams } from './model.ts';
import type { Optimizer } from './optimizer.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainerSpec } from './spec.ts';
import type { TrainResult } from './trainer.ts';

/** Steps between two reads from the device. */
const STEPS_PER_READ = 64;

export class LocalSteps {
  readonly sampler: BatchSampler;
  readonly #tf: Tf;
  readonly #spec: TrainerSpec;
  readonly #model: DeviceModel;
  readonly #samples: Samples;
  readonly #buffer: BatchBuffer;

  constructor(tf: Tf, spec: TrainerSpec, model: DeviceModel, samples: Samples) {
    this.#tf = tf;
    this.#spec = spec;
    this.#model = model;
    this.#samples = samples;
    const { batchSize } = spec.train;
    this.sampler = new BatchSampler({
      seed: spec.seed,
      peerIndex: spec.peerIndex,
      sampleCount: samples.count,
      batchSize,
    });
    this.#buffer = new BatchBuffer({
      capacity: Math.min(batchSize, samples.count),
      featureCount: samples.features.length / samples.count,
      classCount: spec.classCount,
      columnOfOnes: model.columnOfOnes,
    });
  }

  /** `stepCount` optimiser updates from `params`, numbered from `firstStep`. */
  train(params: Vector, stepCount: number, firstStep: number, optimizer: Optimizer): TrainResult {
    const tf = this.#tf;
    const tally = new Tally(tf, this.#samples.labels, this.#spec.classCount);
    let current = uploadParams(tf, this.#model, params);
    for (let step = firstStep; step < firstStep + stepCount; step++) {
      const positions = this.sampler.at(step);
      const before = current;
      const [next, logits, squaredNorm] = tf.tidy(() => {
        const backward = this.#backward(before, positions, step);
        const norm = tf.sum(tf.square(backward.gradient)) as Scalar;
        const rate = learningRateAt(this.#spec.train.learningRate, this.#spec.train.schedule, step);
        const trainable = optimizer.update(before.trainable, backward.gradient, norm, rate);
        tf.keep(trainable);
        if (backward.statistics !== undefined) tf.keep(backward.statistics);
        return [
          { trainable, statistics: backward.statistics },
          tf.keep(backward.logits),
          tf.keep(norm),
        ] as const;
      });
      disposeParams(before);
      current = next;
      tally.add(logits, squaredNorm, positions);
    }
    const result = tally.result();
    const after = downloadParams(this.#model, current);
    disposeParams(current);
    return { params: after, ...result };
  }

  /** The mini-batch gradient of step `step` at `params`; zero for statistics. // [layout.size] */
  gradient(params: Vector, step: number): Float32Array {
    const current = uploadParams(this.#tf, this.#model, params);
    const trainable = this.#tf.tidy(() =>
      this.#backward(current, this.sampler.at(step), step).gradient.dataSync(),
    );
    disposeParams(current);
    const gradient = new Float32Array(this.#model.layout.size);
    gradient.set(trainable);
    return gradient;
  }

  #backward(params: DeviceParams, positions: Uint32Array, step: number): Backward {
    const { features, oneHot, count } = this.#buffer.fill(this.#samples, positions);
    const batch = {
      features: this.#tf.tensor(features, [count, ...this.#model.inputShape]),
      oneHot: this.#tf.tensor2d(oneHot, [count, this.#spec.classCount]),
    };
    const noiseSeed = Random.of(this.#spec.seed, 'dropout', this.#spec.peerIndex, step).uint32();
    return this.#model.backward(params, batch, noiseSeed);
  }
}

/** Sums of loss and squared gradient norm over steps whose tensors are read some at a time. */
class Tally {
  readonly #tf: Tf;
  readonly #labels: Int32Array;
  readonly #classCount: number;
  #logits: Tensor2D[] = [];
  #squaredNorms: Scalar[] = [];
  #batchLabels: Int32Array[] = [];
  #stepCount = 0;
  #sampleCount = 0;
  #lossSum = 0;
  #squaredNormSum = 0;

  constructor(tf: Tf, labels: Int32Array, classCount: number) {
    this.#tf = tf;
    this.#labels = labels;
    this.#classCount = classCount;
  }

  add(logits: Tensor2D, squaredNorm: Scalar, positions: Uint32Array): void {
    this.#logits.push(logits);
    this.#squaredNorms.push(squaredNorm);
    this.#batchLabels.push(Int32Array.from(positions, (position) => this.#labels[position]!));
    this.#stepCount++;
    this.#sampleCount += positions.length;
    if (this.#logits.length === STEPS_PER_READ) this.#read();
  }

  result(): Omit<TrainResult, 'params'> {
    this.#read();
    const steps = Math.max(1, this.#stepCount);
    return {
      loss: this.#lossSum / steps,
      gradientSquaredNorm: this.#squaredNormSum / steps,
      sampleCount: this.#sampleCount,
    };
  }

  #read(): void {
    if (this.#logits.length === 0) return;
    const [logits, squaredNorms] = this.#tf.tidy(() => [
      this.#tf.concat2d(this.#logits, 0).dataSync(),
      this.#tf.stack(this.#squaredNorms).dataSync(),
    ]) as unknown as [Float32Array, Float32Array];
    let row = 0;
    for (const labels of this.#batchLabels) {
      const batch = logits.subarray(row * this.#classCount, (row + labels.length) * this.#classCount);
      this.#lossSum += scoreLogits(batch, labels, this.#classCount).lossSum / labels.length;
      row += labels.length;
    }
    for (const squaredNorm of squaredNorms) this.#squaredNormSum += squaredNorm;
    for (const tensor of [...this.#logits, ...this.#squaredNorms]) tensor.dispose();
    this.#logits = [];
    this.#squaredNorms = [];
    this.#batchLabels = [];
  }
}

/** Copies a flat vector to the device, outside any tf.tidy; free it with disposeParams. */
export function uploadParams(tf: Tf, model: DeviceModel, params: Vector): DeviceParams {
  const { layout, trainableSize } = model;
  assert(params.length === layout.size, `${params.length} params for a layout of ${layout.size}`);
  const copy = Float32Array.from(params);
  const rest = layout.size - trainableSize;
  return {
    trainable: tf.tensor1d(copy.subarray(0, trainableSize)),
    statistics: rest === 0 ? undefined : tf.tensor1d(copy.subarray(trainableSize)),
  };
}

export function disposeParams({ trainable, statistics }: DeviceParams): void {
  trainable.dispose();
  statistics?.dispose();
}

function downloadParams(model: DeviceModel, { trainable, statistics }: DeviceParams): Float32Array {
  const params = new Float32Array(model.layout.size);
  params.set((trainable as Tensor1D).dataSync());
  if (statistics !== undefined) params.set(statistics.dataSync(), model.trainableSize);
  return params;
}
