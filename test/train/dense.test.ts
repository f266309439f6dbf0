// The union package registers the gradients that the reference needs.
import '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/base/assert.ts';
import { BatchSampler } from '../../src/train/batches.ts';
import type { Engine } from '../../src/train/engine.ts';
import { modelOf } from '../../src/train/models.ts';
import { trainerOn } from '../../src/train/tfjs-trainer.ts';
import { engine, whyWithout } from './engines.ts';
import { blobs, specOf } from './samples.ts';

const samples = blobs(30, 6, 3, 5);
const withoutNative = await whyWithout('tensorflow');

/** Gradient of the mean cross-entropy by tfjs's autodiff, written without our model code. */
async function autodiff(cpu: Engine, params: Float32Array, hidden: readonly number[], rows: Uint32Array) {
  const tf = present(cpu.tf, 'tfjs');
  const widths = [6, ...hidden, 3];
  const features = Array.from(rows, (row) => [...samples.features.slice(row * 6, row * 6 + 6)]);
  const labels = tf.oneHot(
    Array.from(rows, (row) => samples.labels[row] as number),
    3,
  );
  const variables: Tensor[] = [];
  let offset = 0;
  const take = (shape: number[]): Tensor => {
    const size = shape.reduce((product, one) => product * one, 1);
    offset += size;
    return tf.tensor(params.slice(offset - size, offset), shape);
  };
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    variables.push(take([widths[layer] as number, widths[layer + 1] as number]));
    variables.push(take([widths[layer + 1] as number]));
  }
  const loss = (...all: Tensor[]): Tensor => {
    let activation: Tensor = tf.tensor2d(features);
    for (let layer = 0; layer < all.length; layer += 2) {
      activation = tf.add(tf.matMul(activation, all[layer] as Tensor), all[layer + 1] as Tensor);
      if (layer + 2 < all.length) activation = tf.relu(activation);
    }
    return tf.losses.softmaxCrossEntropy(labels, activation);
  };
  return tf
    .grads(loss)(variables)
    .flatMap((gradient) => [...gradient.dataSync()]);
}

describe('the hand-written gradient', () => {
  for (const hidden of [[], [5], [7, 4]]) {
    for (const backend of ['tensorflow', 'wasm', 'cpu'] as const) {
      const skip = backend === 'tensorflow' && withoutNative !== undefined;
      it.skipIf(skip)(`equals autodiff's to 1e-5 with hidden [${hidden}] on ${backend}`, async () => {
        const spec = specOf({ model: { kind: 'mlp', hidden }, backend });
        const loaded = await engine(backend);
        const trainer = trainerOn(loaded, await modelOf(loaded, spec), { train: samples }, spec);
        const params = Float32Array.from(
          await trainer.initialParams(),
          (value, index) => value + 0.01 * (index % 5),
        );
        const step = 3; // the short last batch: 30 samples in batches of 8
        const gradient = await trainer.gradient(params, { firstStep: step });
        const sampler = new BatchSampler({ seed: 7, peerIndex: 2, sampleCount: 30, batchSize: 8 });
        const rows = sampler.at(step).slice();
        expect(rows.length).toBe(6);
        const expected = await autodiff(await engine('cpu'), params, hidden, rows);
        expect(expected.length).toBe(gradient.length);
        expected.forEach((value, index) => {
          expect(Math.abs(value - (gradient[index] as number))).toBeLessThan(1e-5);
        });
      });
    }
  }
});
