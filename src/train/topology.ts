/**
 * Layers-model JSON ("topology") as data: reading and checking it, taking its final softmax off for training, and the
 * JSON of our own models. Keys are those of Keras and tfjs: class_name, config, layers.
 */
import { readFile, stat } from 'node:fs/promises';
import { describeError, InputError } from '../base/errors.ts';
import { denseInitialLimit, denseLayout } from './dense.ts';

/** A JSON object whose shape has been checked only as far as the functions here need. */
export type Json = { readonly [key: string]: unknown };

export interface Topology {
  readonly class_name: string;
  readonly config: Json;
}

const MODEL_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Layers whose gradients WebAssembly has. */
const DENSE_LAYERS = new Set(['InputLayer', 'Dense', 'Flatten', 'Activation', 'ReLU', 'Reshape', 'Dropout']);
/** Chance that no seed of ours reaches, or models inside models. */
const UNSUPPORTED_LAYERS = new Set([
  ...['GaussianNoise', 'GaussianDropout', 'AlphaDropout'],
  ...['Sequential', 'Model', 'Functional', 'Bidirectional', 'TimeDistributed'],
]);

/** Reads a layers-model JSON file: a tfjs model.json or a bare topology. InputError `model-file-missing`, `model-invalid`. */
export async function readTopology(path: string): Promise<Topology> {
  let text: string;
  try {
    if ((await stat(path)).size > MODEL_FILE_BYTES_MAX) throw new Error('the file is larger than 16 MiB');
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new InputError('model-file-missing', `cannot read model file ${path}: ${describeError(error)}`, {
      path,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError('model-invalid', `${path} is not JSON: ${describeError(error)}`, { path });
  }
  return topologyOf(json, path);
}

/** Unwraps and checks a layers model. InputError `model-invalid`, `model-unsupported`. */
export function topologyOf(json: unknown, path: string): Topology {
  let inner = json;
  for (const wrapper of ['modelTopology', 'model_config']) {
    if (isObject(inner) && isObject(inner[wrapper])) inner = inner[wrapper];
  }
  if (!isObject(inner) || typeof inner.class_name !== 'string' || inner.config === undefined) {
    throw new InputError(
      'model-invalid',
      `${path} is no layers model: wanted {modelTopology: {class_name, config}} as written by model.save()`,
      { path },
    );
  }
  // Old files hold a Sequential's layers as a bare array.
  const config = Array.isArray(inner.config) ? { layers: inner.config } : inner.config;
  const topology = { class_name: inner.class_name, config: config as Json };
  const problems = layersOf(topology, path).flatMap(layerProblems);
  if (problems.length === 0) return topology;
  throw new InputError('model-unsupported', `${path}: ${problems.join('; ')}`, { path, problems });
}

interface LayerJson {
  readonly class_name: string;
  readonly config: Json;
}

function layersOf({ config }: Topology, path = 'the model'): LayerJson[] {
  const layers: unknown = isObject(config) ? config.layers : undefined;
  const sound = (layer: unknown): layer is LayerJson =>
    isObject(layer) && typeof layer.class_name === 'string' && isObject(layer.config);
  if (Array.isArray(layers) && layers.length > 0 && layers.every(sound)) return layers;
  throw new InputError('model-invalid', `${path} is no layers model: wanted a list config.layers of layers`, {
    path,
  });
}

function layerProblems({ class_name, config }: LayerJson): string[] {
  const name = `layer ${String(config.name ?? class_name)}`;
  const problems: string[] = [];
  if (UNSUPPORTED_LAYERS.has(class_name)) problems.push(`${name} is a ${class_name}, which is not supported`);
  for (const [key, value] of Object.entries(config)) {
    if (/regularizer$/i.test(key) && value !== null) {
      problems.push(`${name} has a ${key}: use weightDecay of the training instead`);
    }
    if (/constraint$/i.test(key) && value !== null)
      problems.push(`${name} has a ${key}, which is not supported`);
  }
  return problems;
}

/** Whether all layers are such that the WebAssembly backend can train them. */
export function isDenseOnly(topology: Topology): boolean {
  return layersOf(topology).every(({ class_name }) => DENSE_LAYERS.has(class_name));
}

/** A copy whose last layer gives logits: a final softmax becomes linear. InputError `model-unsupported`. */
export function withLogits(topology: Topology): Topology {
  const copy = structuredClone(topology) as { class_name: string; config: { layers: unknown[] } };
  const last = lastLayer(copy as unknown as Topology) as {
    class_name: string;
    config: Record<string, unknown>;
  };
  const { class_name, config } = last;
  if (class_name === 'Softmax') {
    last.class_name = 'Activation';
    last.config = { name: config.name, activation: 'linear' };
  } else if (config.activation === 'softmax') {
    config.activation = 'linear';
  } else if (class_name !== 'Dense' || ![undefined, 'linear'].includes(config.activation as string)) {
    throw new InputError(
      'model-unsupported',
      `the model's last layer is ${class_name} with activation ${String(config.activation)}: ` +
        'wanted softmax over the classes, or a linear Dense layer that gives logits',
    );
  }
  return copy as unknown as Topology;
}

function lastLayer(topology: Topology): LayerJson {
  const layers = layersOf(topology);
  const outputs = topology.config.output_layers;
  const name: unknown = Array.isArray(outputs) ? [outputs[0]].flat()[0] : undefined;
  return layers.find(({ config }) => name !== undefined && config.name === name) ?? layers.at(-1)!;
}

/** Softmax regression or a multi-layer perceptron as a layers model, with the tensor names of dense.ts. */
export function denseTopology(
  featureShape: readonly number[],
  hidden: readonly number[],
  classCount: number,
): Topology {
  const featureCount = featureShape.reduce((product, dimension) => product * dimension, 1);
  const kernels = denseLayout(featureCount, hidden, classCount).tensors.filter(
    ({ shape }) => shape.length === 2,
  );
  const layers = kernels.map(({ name, shape }, index) => {
    const activation = index === kernels.length - 1 ? 'softmax' : 'relu';
    const initializer = uniformInitializer(denseInitialLimit(shape[0]!));
    return layer('Dense', name.split('/')[0]!, {
      ...{ units: shape[1], activation },
      ...{ kernel_initializer: initializer, bias_initializer: initializer },
    });
  });
  if (featureShape.length > 1) layers.unshift(layer('Flatten', 'flatten', {}));
  return sequential('dense', featureShape, layers);
}

/**
 * LeNet-like (LeCun et al. 1998, with ReLU and max pooling): conv 5×5×8, pool 2, conv 5×5×16, pool 2, dense 64.
 * InputError `model-unsupported` where samples are no images of at least 4×4.
 */
export function cnnTopology(featureShape: readonly number[], classCount: number): Topology {
  const [height = 0, width = 0, channels = 1] = featureShape;
  if (![2, 3].includes(featureShape.length) || height < 4 || width < 4) {
    throw new InputError(
      'model-unsupported',
      `model cnn wants images [height, width, channels] of at least 4×4, got samples of shape [${featureShape.join(', ')}]`,
    );
  }
  const conv = (name: string, filters: number): LayerJson =>
    layer('Conv2D', name, {
      ...{ filters, kernel_size: [5, 5], strides: [1, 1], padding: 'same', activation: 'relu' },
      kernel_initializer: { class_name: 'GlorotUniform', config: {} },
    });
  const pool = (name: string): LayerJson =>
    layer('MaxPooling2D', name, { pool_size: [2, 2], strides: [2, 2], padding: 'same' });
  return sequential(
    'lenet',
    [height, width, channels],
    [
      conv('conv1', 8),
      pool('pool1'),
      conv('conv2', 16),
      pool('pool2'),
      layer('Flatten', 'flatten', {}),
      layer('Dense', 'dense1', { units: 64, activation: 'relu' }),
      layer('Dense', 'dense2', { units: classCount, activation: 'softmax' }),
    ],
  );
}

function uniformInitializer(limit: number): Json {
  return { class_name: 'RandomUniform', config: { minval: -limit, maxval: limit } };
}

function layer(class_name: string, name: string, config: Json): LayerJson {
  const initializer =
    class_name === 'Dense' ? { kernel_initializer: { class_name: 'GlorotUniform', config: {} } } : {};
  return { class_name, config: { name, trainable: true, ...initializer, ...config } };
}

function sequential(name: string, inputShape: readonly number[], layers: readonly LayerJson[]): Topology {
  const [first, ...rest] = layers;
  const config = { ...first!.config, batch_input_shape: [null, ...inputShape], dtype: 'float32' };
  return { class_name: 'Sequential', config: { name, layers: [{ ...first!, config }, ...rest] } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
