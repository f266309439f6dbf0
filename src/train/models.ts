/** The models by kind: which file computes what; a new kind is one line here. */
import { resolve } from 'node:path';
import { unreachable } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import { denseModel } from './dense.ts';
import type { Engine, EngineNeeds } from './engine.ts';
import type { DeviceModel } from './model.ts';
import type { ModelShape } from './spec.ts';
import { cnnTopology, isDenseOnly, readTopology } from './topology.ts';

/** The model on the engine. InputError `model-invalid`, `model-unsupported`. */
export async function modelOf(engine: Engine, shape: ModelShape): Promise<DeviceModel> {
  const { model, featureShape, classCount, baseFolder } = shape;
  const featureCount = featureShape.reduce((product, dimension) => product * dimension, 1);
  switch (model.kind) {
    case 'softmax':
      return denseModel(engine.device, { featureCount, hidden: [], classCount });
    case 'mlp':
      return denseModel(engine.device, { featureCount, hidden: model.hidden, classCount });
    case 'cnn':
    case 'layers': {
      const { layersModel } = await import('./layers.ts');
      const topology =
        model.kind === 'cnn'
          ? cnnTopology(featureShape, classCount)
          : await readTopology(resolve(baseFolder, model.path));
      return layersModel(engine, topology, shape);
    }
    case 'quadratic':
      throw quadraticHasNoTensors();
    default:
      return unreachable(model);
  }
}

/** InputError `model-unsupported`. */
export function quadraticHasNoTensors(): InputError {
  return new InputError(
    'model-unsupported',
    'the quadratic model is a toy without layers: it can be trained, but neither scored on samples nor exported',
  );
}

/** What the model asks of an engine. InputError as readTopology. */
export async function needsOf({ model, baseFolder }: ModelShape): Promise<EngineNeeds> {
  if (model.kind === 'softmax' || model.kind === 'mlp') return { autodiff: false, convolutions: false };
  if (model.kind === 'quadratic') throw quadraticHasNoTensors();
  if (model.kind === 'cnn') return { autodiff: true, convolutions: true };
  return { autodiff: true, convolutions: !isDenseOnly(await readTopology(resolve(baseFolder, model.path))) };
}
