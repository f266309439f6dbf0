import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/params/safetensors.ts';
import { loadEngine } from '../../src/train/engine.ts';
import { exportLayersModel } from '../../src/train/export.ts';
import { modelOf, needsOf } from '../../src/train/models.ts';
import { evaluateParams, loadParams } from '../../src/train/saved.ts';
import type { ModelSpec } from '../../src/train/spec.ts';
import { trainerOn } from '../../src/train/tfjs-trainer.ts';
import { isDenseOnly, topologyOf, withLogits } from '../../src/train/topology.ts';
import { blobs, specOf } from './samples.ts';
import { trainerConformance } from './trainer.conformance.ts';

const samples = blobs(40, 6, 3, 3);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grapevine-layers-'));
});
afterAll(() => rm(folder, { recursive: true }));

const dense = (name: string, units: number, extra: object = {}) => ({
  class_name: 'Dense',
  config: { name, units, activation: 'relu', ...extra },
});
const sequential = (...layers: object[]) => ({ class_name: 'Sequential', config: { name: 'm', layers } });
const first = { batch_input_shape: [null, 6] };
const noisy = sequential(
  dense('a', 5, first),
  { class_name: 'BatchNormalization', config: { name: 'bn' } },
  { class_name: 'Dropout', config: { name: 'drop', rate: 0.3 } },
  dense('b', 3, { activation: 'softmax' }),
);

async function trainerFor(topology: object, name: string, backend: 'cpu' | 'wasm' = 'cpu') {
  await writeFile(join(folder, name), JSON.stringify({ modelTopology: topology }));
  const spec = specOf({ model: { kind: 'layers', path: name }, baseFolder: folder, backend });
  const engine = await loadEngine(backend, await needsOf(spec));
  return trainerOn(engine, await modelOf(engine, spec), { train: samples }, spec);
}

trainerConformance({
  name: 'a layers model with BatchNorm and dropout, cpu',
  make: () => trainerFor(noisy, 'noisy.json'),
  stateful: false,
});

describe('a layers model', () => {
  it('carries BatchNorm’s moving statistics at the end of the vector, moved by training, without gradient', async () => {
    const trainer = await trainerFor(noisy, 'noisy.json');
    const names = trainer.layout.tensors.map(({ name }) => name);
    expect(names.slice(-2)).toEqual(['bn/moving_mean', 'bn/moving_variance']);
    const initial = await trainer.initialParams();
    expect([...initial.slice(-10)]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    const { params } = await trainer.train(initial, 3, { firstStep: 0 });
    expect(params.slice(-10)).not.toEqual(initial.slice(-10));
    const gradient = await trainer.gradient(initial, { firstStep: 0 });
    expect([...gradient.slice(-10)].every((value) => value === 0)).toBe(true);
  });

  it('of dense layers trains on wasm as the built-in mlp does', async () => {
    const path = 'plain.json';
    const uniform = (fanIn: number) => {
      const limit = 1 / Math.sqrt(fanIn);
      const initializer = { class_name: 'RandomUniform', config: { minval: -limit, maxval: limit } };
      return { kernel_initializer: initializer, bias_initializer: initializer };
    };
    const layers = await trainerFor(
      sequential(
        dense('dense1', 5, { ...first, ...uniform(6) }),
        dense('dense2', 3, { activation: 'linear', ...uniform(5) }),
      ),
      path,
      'wasm',
    );
    const engine = await loadEngine('wasm', { autodiff: false, convolutions: false });
    const builtIn = trainerOn(engine, await modelOf(engine, specOf()), { train: samples }, specOf());
    const initial = await layers.initialParams();
    expect(initial).toEqual(await builtIn.initialParams());
    const one = await layers.train(initial, 10, { firstStep: 0 });
    const two = await builtIn.train(initial, 10, { firstStep: 0 });
    one.params.forEach((value, index) => {
      expect(value).toBeCloseTo(two.params[index] as number, 5);
    });
  });

  it('is refused with a reason when it has what we cannot do', async () => {
    const refusals: [object, string, RegExp][] = [
      [sequential(dense('a', 3, { ...first, kernel_regularizer: {} })), 'model-unsupported', /weightDecay/],
      [sequential(dense('a', 4, { ...first, activation: 'softmax' })), 'model-unsupported', /\[6\] to \[3\]/],
      [sequential(dense('a', 3, first)), 'model-unsupported', /softmax over the classes/],
      [
        sequential({ class_name: 'GaussianNoise', config: { name: 'g' } }),
        'model-unsupported',
        /GaussianNoise/,
      ],
      [{ class_name: 'Sequential', config: {} }, 'model-invalid', /config.layers/],
      [{ some: 'thing' }, 'model-invalid', /no layers model/],
      [
        sequential(
          dense('a', 3, {
            ...first,
            activation: 'softmax',
            kernel_initializer: { class_name: 'Orthogonal', config: {} },
          }),
        ),
        'model-unsupported',
        /initialiser/,
      ],
    ];
    for (const [topology, code, message] of refusals) {
      const attempt = trainerFor(topology, 'refused.json');
      await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    const missing = specOf({ model: { kind: 'layers', path: 'nowhere.json' }, baseFolder: folder });
    await expect(needsOf(missing)).rejects.toMatchObject({ code: 'model-file-missing' });
  });

  it('loses its final softmax for training only', () => {
    const topology = topologyOf({ modelTopology: noisy }, 'm');
    expect(JSON.stringify(withLogits(topology))).not.toContain('softmax');
    expect(JSON.stringify(topology)).toContain('softmax');
    expect(isDenseOnly(topology)).toBe(false);
  });
});

describe('exported params', () => {
  const kinds: ModelSpec[] = [{ kind: 'softmax' }, { kind: 'mlp', hidden: [5, 4] }, { kind: 'cnn' }];
  for (const model of kinds) {
    it(`of ${model.kind} predict in plain tfjs what evaluate scores`, async () => {
      const featureShape = model.kind === 'cnn' ? [4, 4, 1] : [6];
      const spec = specOf({ model, featureShape });
      const data = blobs(30, featureShape.length === 1 ? 6 : 16, 3, 9);
      const engine = await loadEngine('cpu', await needsOf(spec));
      const trainer = trainerOn(engine, await modelOf(engine, spec), { train: data }, spec);
      const { params } = await trainer.train(await trainer.initialParams(), 8, { firstStep: 0 });
      const { json, weights } = await exportLayersModel(spec, trainer.layout, params);
      const { modelTopology, weightsManifest } = JSON.parse(json);
      const loaded = await tf.loadLayersModel(
        tf.io.fromMemory({
          modelTopology,
          weightSpecs: weightsManifest[0].weights,
          weightData: weights.slice().buffer,
        }),
      );
      const probabilities = loaded.predict(tf.tensor(data.features, [30, ...featureShape])) as tf.Tensor2D;
      const predicted = await probabilities.argMax(1).data();
      const correct = [...predicted].filter((label, row) => label === data.labels[row]).length;
      const path = join(folder, `${model.kind}.safetensors`);
      await writeFile(path, encodeSafetensors({ layout: trainer.layout, params, metadata: {} }));
      const evaluation = await evaluateParams(spec, await loadParams(path), data);
      expect(evaluation.accuracy).toBeCloseTo(correct / 30, 12);
      expect(await trainer.evaluate(params, 'train')).toMatchObject({ loss: evaluation.loss });
    });
  }

  it('of another model are refused with code layout-mismatch', async () => {
    const engine = await loadEngine('cpu', { autodiff: false, convolutions: false });
    const { layout } = await modelOf(engine, specOf());
    const saved = { layout, params: new Float32Array(layout.size) };
    await expect(
      evaluateParams(specOf({ model: { kind: 'softmax' } }), saved, samples),
    ).rejects.toMatchObject({ code: 'layout-mismatch' });
  });
});
