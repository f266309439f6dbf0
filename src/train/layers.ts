/**
 * Any tfjs layers model, by autodiff. The layers' own variables are only a scratch place: each step copies the flat
 * params in, so that the model is a function of them. Initial values in the file are not used: every tensor is drawn
 * again from the seed by the initialiser that its layer declares (initial.ts), the same on all peers.
 * Layout: trainable tensors in the model's order, then the rest (BatchNorm's moving statistics, frozen tensors).
 */
import { createRequire } from 'node:module';
import type { LayersModel, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import { present } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import { type Layout, layoutOf, type TensorEntry } from '../params/layout.ts';
import type { DeviceArray, Tf } from './device.ts';
import type { Engine } from './engine.ts';
import { type Initializer, initialParams } from './initial.ts';
import { scoreLogits } from './loss.ts';
import type { Backward, DeviceBatch, DeviceModel, DeviceParams, Shape } from './model.ts';
import { tensorOf } from './tf-device.ts';
import { type Topology, withLogits } from './topology.ts';

// As in engine.ts; and a program with a code cache (scripts/set-up/cached-program.cjs) cannot import().
const require = createRequire(import.meta.url);

/** A layers variable: `val` is protected in the typings, but the only way to give autodiff its variables. */
interface LayerVariable {
  readonly originalName: string;
  readonly shape: readonly number[];
  readonly val: Variable;
}

/** Builds the model. InputError `model-invalid`, `model-unsupported`. */
export async function layersModel(
  engine: Engine,
  topology: Topology,
  shape: { featureShape: readonly number[]; classCount: number },
): Promise<DeviceModel> {
  const tf = present(engine.tf, 'tfjs for a layers model');
  const built = await build(topology);
  const inputShape = checkShapes(built, shape);
  const trainable = built.trainableWeights as unknown as LayerVariable[];
  const statistics = built.nonTrainableWeights as unknown as LayerVariable[];
  const layout = layoutOf(
    [...trainable, ...statistics].map((variable) => ({ name: variable.originalName, shape: variable.shape })),
  );
  const initializers = declaredInitializers(built, layout);
  const dropouts = built.layers.filter((one) => /Dropout/.test(one.getClassName())) as unknown as {
    seed: number;
  }[];

  const load = (params: DeviceParams): void => {
    assign(trainable, params.trainable);
    assign(statistics, params.statistics);
  };
  const shapes = (variables: readonly LayerVariable[]): Shape[] =>
    variables.map((variable) => variable.shape);
  return {
    layout,
    parts: { trainable: shapes(trainable), statistics: shapes(statistics) },
    inputShape,
    columnOfOnes: false,
    initialParams: (seed) => initialParams(layout, initializers, seed),
    backward(params, batch, noiseSeed, factor): Backward {
      load(params);
      if (dropouts.length > 0) {
        const seed = noiseSeed();
        dropouts.forEach((dropout, index) => {
          dropout.seed = seed + index;
        });
      }
      const { logits, gradient } = differentiate(tf, built, trainable, batch);
      const scores = logits.dataSync() as Float32Array;
      const { lossSum } = scoreLogits(scores, batch.labels, shape.classCount);
      const scaled = factor === 1 ? gradient : gradient.map((part) => tf.mul(part, factor));
      return { lossSum, gradient: scaled, statistics: statistics.map(({ val }) => tf.clone(val)) };
    },
    logits(params, features) {
      load(params);
      return built.apply(tensorOf(features), { training: false }) as Tensor2D;
    },
    dispose: () => {
      built.dispose();
    },
  };
}

async function build(topology: Topology): Promise<LayersModel> {
  // The union package, since layers call methods of tensors that only it registers.
  const union = require('@tensorflow/tfjs') as typeof import('@tensorflow/tfjs');
  try {
    const modelTopology = withLogits(topology) as object;
    return await union.loadLayersModel(union.io.fromMemory({ modelTopology }));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('model-invalid', `tfjs cannot build the model: ${(error as Error).message}`);
  }
}

/** The model's input shape, after a check that samples and classes fit. */
function checkShapes(
  model: LayersModel,
  { featureShape, classCount }: { featureShape: readonly number[]; classCount: number },
): number[] {
  const single = model.inputs.length === 1 && model.outputs.length === 1;
  const input = model.inputs[0]!.shape.slice(1);
  const output = model.outputs[0]!.shape.slice(1);
  const product = (shape: readonly (number | null)[]): number =>
    shape.reduce<number>((all, n) => all * (n ?? 0), 1);
  if (single && product(input) === product(featureShape) && output.length === 1 && output[0] === classCount) {
    return input as number[];
  }
  throw new InputError(
    'model-unsupported',
    `the model maps [${input.join(', ')}] to [${output.join(', ')}]` +
      `${single ? '' : ' and has several inputs or outputs'}, ` +
      `but the data wants [${featureShape.join(', ')}] to [${classCount}]`,
  );
}

/** The variables share the arrays' memory; nothing is copied. */
function assign(variables: readonly LayerVariable[], arrays: readonly DeviceArray[]): void {
  variables.forEach(({ val }, index) => {
    val.assign(tensorOf(arrays[index]!));
  });
}

function differentiate(
  tf: Tf,
  model: LayersModel,
  trainable: readonly LayerVariable[],
  { features, labels }: DeviceBatch,
): { logits: Tensor2D; gradient: Tensor[] } {
  const variables = trainable.map(({ val }) => val);
  let kept: Tensor2D | undefined;
  const { grads } = tf.variableGrads(() => {
    kept = tf.keep(model.apply(tensorOf(features), { training: true }) as Tensor2D);
    const oneHot = tf.oneHot(tf.tensor1d(labels, 'int32'), kept.shape[1]);
    return tf.losses.softmaxCrossEntropy(oneHot, kept) as Scalar;
  }, variables);
  const logits = tf.clone(kept as Tensor2D);
  kept?.dispose();
  const gradient = variables.map(
    (variable) => (grads[variable.name] as Tensor | null | undefined) ?? tf.zeros(variable.shape),
  );
  return { logits, gradient };
}

/** Each tensor's initialiser, from the configuration of the layer that owns it. InputError `model-unsupported`. */
function declaredInitializers(model: LayersModel, layout: Layout): Map<string, Initializer> {
  const configs = new Map(model.layers.map((one) => [one.name, one.getConfig()]));
  const problems: string[] = [];
  const entries = layout.tensors.map((tensor): [string, Initializer] => {
    const initializer = initializerOf(tensor, configs);
    if (initializer === undefined) problems.push(tensor.name);
    return [tensor.name, initializer ?? { kind: 'constant', value: 0 }];
  });
  if (problems.length === 0) return new Map(entries);
  throw new InputError(
    'model-unsupported',
    `no initialiser of ours for ${problems.join(', ')}: use glorot, he, lecun, uniform, normal, zeros, ones or constant`,
    { tensors: problems },
  );
}

/** `dense/recurrent_kernel` is drawn by its layer's recurrentInitializer, `bn/moving_mean` by movingMeanInitializer. */
function initializerOf(tensor: TensorEntry, configs: ReadonlyMap<string, object>): Initializer | undefined {
  const cut = tensor.name.lastIndexOf('/');
  const config = configs.get(tensor.name.slice(0, cut)) as Record<string, unknown> | undefined;
  const camel = tensor.name.slice(cut + 1).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const declared = (config?.[`${camel}Initializer`] ??
    config?.[`${camel.replace(/Kernel$/, '')}Initializer`]) as
    | { className: string; config: Record<string, unknown> }
    | undefined;
  return declared === undefined ? undefined : parseInitializer(declared.className, declared.config);
}

function parseInitializer(className: string, config: Record<string, unknown>): Initializer | undefined {
  const number = (key: string, fallback: number): number =>
    typeof config[key] === 'number' ? (config[key] as number) : fallback;
  switch (className) {
    case 'Zeros':
      return { kind: 'constant', value: 0 };
    case 'Ones':
      return { kind: 'constant', value: 1 };
    case 'Constant':
      return { kind: 'constant', value: number('value', 0) };
    case 'RandomUniform':
      return { kind: 'uniform', low: number('minval', -0.05), high: number('maxval', 0.05) };
    case 'RandomNormal':
    case 'TruncatedNormal':
      return {
        kind: 'normal',
        mean: number('mean', 0),
        stdDev: number('stddev', 0.05),
        truncated: className === 'TruncatedNormal',
      };
    case 'VarianceScaling':
      return {
        kind: 'variance-scaling',
        scale: number('scale', 1),
        mode: config.mode as 'fanIn' | 'fanOut' | 'fanAvg',
        distribution: config.distribution === 'uniform' ? 'uniform' : 'normal',
      };
    default:
      return undefined;
  }
}
