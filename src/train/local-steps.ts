/**
 * The inner loop: mini-batch in, gradient, optimiser update. Params go up to the device once and come down once per
 * call; of each step only the logits, by the model, and the gradient's norm are read (all engines compute synchronously, so
 * that reading is a small copy and no wait).
 */
import { assert } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import type { Samples } from '../data/dataset.ts';
import type { Vector } from '../params/layout.ts';
import { BatchBuffer, BatchSampler } from './batches.ts';
import type { Device, DeviceArray } from './device.ts';
import { type Backward, type DeviceModel, type DeviceParams, type Shape, sizeOf } from './model.ts';
import type { Optimizer } from './optimizer.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainerSpec } from './spec.ts';
import type { TrainResult } from './trainer.ts';

export class LocalSteps {
  readonly sampler: BatchSampler;
  readonly #device: Device;
  readonly #spec: TrainerSpec;
  readonly #model: DeviceModel;
  readonly #samples: Samples;
  readonly #buffer: BatchBuffer;

  constructor(device: Device, spec: TrainerSpec, model: DeviceModel, samples: Samples) {
    this.#device = device;
    this.#spec = spec;
    this.#model = model;
    this.#samples = samples;
    const { batchSize } = spec.train;
    const { seed, peerIndex } = spec;
    this.sampler = new BatchSampler({ seed, peerIndex, sampleCount: samples.count, batchSize });
    this.#buffer = new BatchBuffer({
      capacity: Math.min(batchSize, samples.count),
      featureCount: samples.features.length / samples.count,
      columnOfOnes: model.columnOfOnes,
    });
  }

  /** `stepCount` optimiser updates from `params`, numbered from `firstStep`. */
  train(params: Vector, stepCount: number, firstStep: number, optimizer: Optimizer): TrainResult {
    let current = uploadParams(this.#device, this.#model, params);
    let lossSum = 0;
    let squaredNormSum = 0;
    let sampleCount = 0;
    for (let step = firstStep; step < firstStep + stepCount; step++) {
      const result = this.#step(current, step, optimizer);
      freeParams(this.#device, current);
      current = result.params;
      lossSum += result.loss;
      squaredNormSum += result.squaredNorm;
      sampleCount += result.sampleCount;
    }
    const after = downloadParams(this.#device, this.#model, current);
    freeParams(this.#device, current);
    const steps = Math.max(1, stepCount);
    return { params: after, loss: lossSum / steps, gradientSquaredNorm: squaredNormSum / steps, sampleCount };
  }

  /** The mini-batch gradient of step `step` at `params`; zero for statistics. // [layout.size] */
  gradient(params: Vector, step: number): Float32Array {
    const device = this.#device;
    const current = uploadParams(device, this.#model, params);
    const gradient = new Float32Array(this.#model.layout.size);
    device.scope(() => {
      let offset = 0;
      for (const part of this.#backward(current, this.sampler.at(step), step, 1).gradient) {
        const values = device.download(part);
        gradient.set(values, offset);
        offset += values.length;
      }
    });
    freeParams(device, current);
    return gradient;
  }

  #step(
    params: DeviceParams,
    step: number,
    optimizer: Optimizer,
  ): { params: DeviceParams; loss: number; squaredNorm: number; sampleCount: number } {
    const device = this.#device;
    const positions = this.sampler.at(step);
    return device.scope(() => {
      const { learningRate, schedule } = this.#spec.train;
      const rate = learningRateAt(learningRate, schedule, step);
      const factor = optimizer.gradientFactor(rate);
      const backward = this.#backward(params, positions, step, factor);
      const squaredNorm = device.squaredNorm(backward.gradient) / factor ** 2;
      const norm = Math.sqrt(squaredNorm);
      const trainable = optimizer.update(params.trainable, backward.gradient, norm, rate);
      for (const array of [...trainable, ...backward.statistics]) device.keep(array);
      return {
        params: { trainable, statistics: backward.statistics },
        loss: backward.lossSum / positions.length,
        squaredNorm,
        sampleCount: positions.length,
      };
    });
  }

  #backward(params: DeviceParams, positions: Uint32Array, step: number, factor: number): Backward {
    const { features, labels, count } = this.#buffer.fill(this.#samples, positions);
    const batch = { features: this.#device.upload(features, [count, ...this.#model.inputShape]), labels };
    const { seed, peerIndex } = this.#spec;
    const noiseSeed = () => Random.of(seed, 'dropout', peerIndex, step).uint32();
    return this.#model.backward(params, batch, noiseSeed, factor);
  }
}

/** Copies a flat vector to the device, outside any scope; free it with freeParams. */
export function uploadParams(device: Device, { layout, parts }: DeviceModel, params: Vector): DeviceParams {
  assert(params.length === layout.size, `${params.length} params for a layout of ${layout.size}`);
  const values = Float32Array.from(params);
  let offset = 0;
  const upload = (shape: Shape): DeviceArray => {
    const start = offset;
    offset += sizeOf(shape);
    return device.upload(values.subarray(start, offset), shape);
  };
  return { trainable: parts.trainable.map(upload), statistics: parts.statistics.map(upload) };
}

export function freeParams(device: Device, { trainable, statistics }: DeviceParams): void {
  for (const array of [...trainable, ...statistics]) device.free(array);
}

function downloadParams(device: Device, { layout }: DeviceModel, params: DeviceParams): Float32Array {
  const values = new Float32Array(layout.size);
  let offset = 0;
  for (const array of [...params.trainable, ...params.statistics]) {
    const part = device.download(array);
    values.set(part, offset);
    offset += part.length;
  }
  return values;
}
