/** Accuracy and loss of params on samples, in batches of bounded memory. */
import type { Samples } from '../data/dataset.ts';
import { BatchBuffer } from './batches.ts';
import type { Device } from './device.ts';
import { scoreLogits } from './loss.ts';
import type { DeviceModel, DeviceParams } from './model.ts';
import type { Evaluation } from './trainer.ts';

/** Rows of one forward pass: bounds the memory of activations. */
const ROWS_PER_BATCH = 250;

/** Scores params that are already on the device. */
export function evaluateOnDevice(
  device: Device,
  model: DeviceModel,
  params: DeviceParams,
  samples: Samples,
  classCount: number,
): Evaluation {
  if (samples.count === 0) return { accuracy: undefined, loss: undefined, sampleCount: 0 };
  const capacity = Math.min(ROWS_PER_BATCH, samples.count);
  const featureCount = samples.features.length / samples.count;
  const buffer = new BatchBuffer({ capacity, featureCount, columnOfOnes: model.columnOfOnes });
  let lossSum = 0;
  let correctCount = 0;
  for (let start = 0; start < samples.count; start += capacity) {
    const count = Math.min(capacity, samples.count - start);
    const positions = Uint32Array.from({ length: count }, (_, index) => start + index);
    const { features } = buffer.fill(samples, positions);
    const logits = device.scope(() =>
      device.download(model.logits(params, device.upload(features, [count, ...model.inputShape]))),
    );
    const score = scoreLogits(logits, samples.labels.subarray(start, start + count), classCount);
    lossSum += score.lossSum;
    correctCount += score.correctCount;
  }
  return {
    accuracy: correctCount / samples.count,
    loss: lossSum / samples.count,
    sampleCount: samples.count,
  };
}
