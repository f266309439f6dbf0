/** Trained params as a tfjs layers model (model.json and one weights file), with softmax outputs. No tfjs needed. */
import { resolve } from 'node:path';
import { unreachable } from '../base/assert.ts';
import { bytesOf, type Layout, type Vector } from '../params/layout.ts';
import { quadraticHasNoTensors } from './models.ts';
import type { ModelShape } from './spec.ts';
import { cnnTopology, denseTopology, readTopology, type Topology } from './topology.ts';

export interface ExportedModel {
  /** For a file called model.json. */
  readonly json: string;
  /** For a file called weights.bin beside it. */
  readonly weights: Uint8Array;
}

/** The model with `params` in it; f64 params are rounded to f32. InputError as readTopology. */
export async function exportLayersModel(
  shape: ModelShape,
  layout: Layout,
  params: Vector,
): Promise<ExportedModel> {
  const modelTopology = await topologyFor(shape);
  const weights = layout.tensors.map((tensor) => ({
    name: tensor.name,
    shape: tensor.shape,
    dtype: 'float32',
  }));
  const model = {
    format: 'layers-model',
    generatedBy: 'grapevine',
    convertedBy: null,
    modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  return { json: `${JSON.stringify(model, undefined, 2)}\n`, weights: bytesOf(Float32Array.from(params)) };
}

async function topologyFor({ model, featureShape, classCount, baseFolder }: ModelShape): Promise<Topology> {
  switch (model.kind) {
    case 'softmax':
      return denseTopology(featureShape, [], classCount);
    case 'mlp':
      return denseTopology(featureShape, model.hidden, classCount);
    case 'cnn':
      return cnnTopology(featureShape, classCount);
    case 'quadratic':
      throw quadraticHasNoTensors();
    case 'layers':
      return readTopology(resolve(baseFolder, model.path));
    default:
      return unreachable(model);
  }
}
