/**
 * Softmax regression and multi-layer perceptrons with a hand-written backward pass: half the time of autodiff, since
 * at this size every operation costs more in calls than in arithmetic.
 *
 * Layer l is one part Wₗ of shape [in + 1, out] whose last row is the bias; activations carry a last column of ones,
 * so that bias and its gradient need no operation of their own:
 *   a₀ = [x 1],  hₗ = relu(aₗ₋₁ Wₗ),  aₗ = [hₗ 1],  z = a_{L−1} W_L,  loss = mean cross-entropy(softmax z, y)
 *   δ_L = f (softmax z − y) / n,  δₗ = (δₗ₊₁ Wₗ₊₁ᵀ without the bias row) ∘ [hₗ > 0],  f ∂Wₗ = aₗ₋₁ᵀ δₗ
 * The factor f (the negative learning rate, for plain SGD) costs nothing at δ_L, and a pass over all params at the end.
 * δ_L is made on the host, where the loss is read from the same logits: a few hundred numbers cost less there than two operations.
 */
import { type Layout, layoutOf } from '../params/layout.ts';
import type { Device, DeviceArray } from './device.ts';
import { type Initializer, initialParams } from './initial.ts';
import { lossAndErrors } from './loss.ts';
import type { Backward, DeviceBatch, DeviceModel, DeviceParams, Shape } from './model.ts';

/** Names and shapes of the tensors; `dense1/kernel`, `dense1/bias`, `dense2/kernel`, … */
export function denseLayout(featureCount: number, hidden: readonly number[], classCount: number): Layout {
  const widths = [featureCount, ...hidden, classCount];
  return layoutOf(
    widths.slice(1).flatMap((out, index) => [
      { name: `dense${index + 1}/kernel`, shape: [widths[index]!, out] },
      { name: `dense${index + 1}/bias`, shape: [out] },
    ]),
  );
}

export function denseModel(
  device: Device,
  shape: { featureCount: number; hidden: readonly number[]; classCount: number },
): DeviceModel {
  const layout = denseLayout(shape.featureCount, shape.hidden, shape.classCount);
  const kernels = layout.tensors.filter(({ name }) => name.endsWith('/kernel'));
  const blocks = kernels.map(({ shape: [inputs, outputs] }): Shape => [inputs! + 1, outputs!]);
  return {
    layout,
    parts: { trainable: blocks, statistics: [] },
    inputShape: [shape.featureCount + 1],
    columnOfOnes: true,
    initialParams: (seed) => initialParams(layout, denseInitializers(layout), seed),
    backward: (params, batch, _noiseSeed, factor) => backwardPass(device, params, batch, factor),
    logits: (params, features) => forwardPass(device, params, features).logits,
    dispose: () => undefined,
  };
}

/**
 * Kernels and biases start uniform in ± this: PyTorch's default for linear layers, so that runs compare with those of the
 * frameworks built on it. (Glorot's wider kernels learn a little faster from very skewed silos.)
 */
export function denseInitialLimit(fanIn: number): number {
  return 1 / Math.sqrt(fanIn);
}

function denseInitializers({ tensors }: Layout): ReadonlyMap<string, Initializer> {
  const initializers = new Map<string, Initializer>();
  let limit = 0;
  for (const { name, shape } of tensors) {
    // A bias follows its kernel, whose fan-in it shares.
    if (shape.length === 2) limit = denseInitialLimit(shape[0]!);
    initializers.set(name, { kind: 'uniform', low: -limit, high: limit });
  }
  return initializers;
}

interface Pass {
  /** aₗ₋₁. // [count, in + 1] */
  readonly inputs: readonly DeviceArray[];
  /** hₗ of the hidden layers. // [count, out] */
  readonly activations: readonly DeviceArray[];
  readonly logits: DeviceArray;
}

function forwardPass(device: Device, { trainable }: DeviceParams, features: DeviceArray): Pass {
  const inputs = [features];
  const activations: DeviceArray[] = [];
  for (const matrix of trainable.slice(0, -1)) {
    const activation = device.relu(device.matMul(inputs.at(-1)!, matrix, false, false));
    activations.push(activation);
    inputs.push(device.appendOnes(activation));
  }
  return { inputs, activations, logits: device.matMul(inputs.at(-1)!, trainable.at(-1)!, false, false) };
}

function backwardPass(
  device: Device,
  params: DeviceParams,
  { features, labels }: DeviceBatch,
  factor: number,
): Backward {
  const { inputs, activations, logits } = forwardPass(device, params, features);
  const [count, classCount] = logits.shape as [number, number];
  const { lossSum, errors } = lossAndErrors(device.download(logits), labels, factor / count, classCount);
  let delta = device.upload(errors, [count, classCount]);
  const gradient: DeviceArray[] = [];
  for (let layer = params.trainable.length - 1; layer >= 0; layer--) {
    gradient.unshift(device.matMul(inputs[layer]!, delta, true, false));
    if (layer === 0) break;
    const matrix = params.trainable[layer]!;
    const withoutBias = device.firstRows(matrix, matrix.shape[0]! - 1);
    const upstream = device.matMul(delta, withoutBias, false, true);
    delta = device.reluGradient(upstream, activations[layer - 1]!);
  }
  return { lossSum, gradient, statistics: [] };
}
