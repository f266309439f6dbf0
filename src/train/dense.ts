/**
 * Softmax regression and multi-layer perceptrons with a hand-written backward pass: half the time of autodiff, since
 * at this size every tensor operation costs more in calls than in arithmetic.
 *
 * Layer l holds one block Wₗ of shape [in + 1, out] whose last row is the bias; activations carry a last column of
 * ones, so that bias and its gradient need no operation of their own:
 *   a₀ = [x 1],  hₗ = relu(aₗ₋₁ Wₗ),  aₗ = [hₗ 1],  z = a_{L−1} W_L,  loss = mean cross-entropy(softmax z, y)
 *   δ_L = (softmax z − y) / n,  δₗ = (δₗ₊₁ Wₗ₊₁ᵀ without the bias row) ∘ sign(hₗ),  ∂Wₗ = aₗ₋₁ᵀ δₗ
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { type Layout, layoutOf } from '../params/layout.ts';
import type { Engine, Tf } from './engine.ts';
import { initialParams, zerosInitializer } from './initial.ts';
import type { Backward, DeviceBatch, DeviceModel, DeviceParams } from './model.ts';

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

interface Block {
  readonly offset: number;
  /** Rows without the bias. */
  readonly inputs: number;
  readonly outputs: number;
}

export function denseModel(
  { tf, backend }: Engine,
  shape: { featureCount: number; hidden: readonly number[]; classCount: number },
): DeviceModel {
  const { featureCount, hidden, classCount } = shape;
  const layout = denseLayout(featureCount, hidden, classCount);
  const kernels = layout.tensors.filter(({ shape: dimensions }) => dimensions.length === 2);
  const blocks: Block[] = kernels.map((entry) => ({
    offset: entry.offset,
    inputs: entry.shape[0]!,
    outputs: entry.shape[1]!,
  }));
  const products = matrixProducts(tf, backend === 'wasm');
  const onesOf = columnsOfOnes(tf);

  const forward = (params: Tensor1D, features: Tensor): Pass => {
    const count = features.shape[0]!;
    const matrices = blocks.map(({ offset, inputs, outputs }) =>
      tf.reshape(tf.slice1d(params, offset, (inputs + 1) * outputs), [inputs + 1, outputs]),
    ) as Tensor2D[];
    const inputs: Tensor2D[] = [features as Tensor2D];
    const activations: Tensor2D[] = [];
    for (const matrix of matrices.slice(0, -1)) {
      const activation = tf.relu(products.plain(inputs.at(-1)!, matrix));
      activations.push(activation);
      inputs.push(tf.concat2d([activation, onesOf.get(count)], 1));
    }
    return { matrices, inputs, activations, logits: products.plain(inputs.at(-1)!, matrices.at(-1)!) };
  };

  return {
    layout,
    trainableSize: layout.size,
    inputShape: [featureCount + 1],
    columnOfOnes: true,
    initialParams: (seed) =>
      initialParams(
        layout,
        new Map(layout.tensors.filter((t) => t.name.endsWith('bias')).map((t) => [t.name, zerosInitializer])),
        seed,
      ),
    backward: ({ trainable }: DeviceParams, { features, oneHot }: DeviceBatch): Backward => {
      const pass = forward(trainable, features);
      const gradient = backwardPass(tf, products, blocks, pass, oneHot);
      return { logits: pass.logits, gradient, statistics: undefined };
    },
    logits: ({ trainable }, features) => forward(trainable, features).logits,
    dispose: () => onesOf.dispose(),
  };
}

interface Pass {
  /** Wₗ. // [in + 1, out] */
  readonly matrices: readonly Tensor2D[];
  /** aₗ₋₁. // [count, in + 1] */
  readonly inputs: readonly Tensor2D[];
  /** hₗ of the hidden layers. // [count, out] */
  readonly activations: readonly Tensor2D[];
  readonly logits: Tensor2D;
}

function backwardPass(
  tf: Tf,
  products: MatrixProducts,
  blocks: readonly Block[],
  pass: Pass,
  oneHot: Tensor2D,
): Tensor1D {
  const count = oneHot.shape[0];
  let delta = tf.div(tf.sub(tf.softmax(pass.logits), oneHot), count) as Tensor2D;
  const gradients: Tensor1D[] = [];
  for (let layer = blocks.length - 1; layer >= 0; layer--) {
    const { inputs, outputs } = blocks[layer]!;
    const gradient = products.leftTransposed(pass.inputs[layer]!, delta);
    gradients.unshift(tf.reshape(gradient, [(inputs + 1) * outputs]));
    if (layer === 0) break;
    const withoutBias = tf.slice2d(pass.matrices[layer]!, [0, 0], [inputs, outputs]);
    const upstream = products.rightTransposed(delta, withoutBias);
    // sign(h) is 1 where the unit was active and 0 elsewhere, since h ≥ 0.
    delta = tf.mul(upstream, tf.sign(pass.activations[layer - 1]!));
  }
  return gradients.length === 1 ? gradients[0]! : tf.concat1d(gradients);
}

interface MatrixProducts {
  plain(a: Tensor2D, b: Tensor2D): Tensor2D;
  /** aᵀ b */
  leftTransposed(a: Tensor2D, b: Tensor2D): Tensor2D;
  /** a bᵀ */
  rightTransposed(a: Tensor2D, b: Tensor2D): Tensor2D;
}

/** tfjs's WebAssembly product takes a slow path for transposed operands: there they are transposed first. */
function matrixProducts(tf: Tf, transposeFirst: boolean): MatrixProducts {
  if (!transposeFirst) {
    return {
      plain: (a, b) => tf.matMul(a, b),
      leftTransposed: (a, b) => tf.matMul(a, b, true, false),
      rightTransposed: (a, b) => tf.matMul(a, b, false, true),
    };
  }
  return {
    plain: (a, b) => tf.matMul(a, b),
    leftTransposed: (a, b) => tf.matMul(tf.transpose(a), b),
    rightTransposed: (a, b) => tf.matMul(a, tf.transpose(b)),
  };
}

/** Columns of ones [count, 1], kept on the device: batches have few different sizes. */
function columnsOfOnes(tf: Tf): { get(count: number): Tensor2D; dispose(): void } {
  const kept = new Map<number, Tensor2D>();
  return {
    get(count) {
      const found = kept.get(count);
      if (found !== undefined) return found;
      const made = tf.keep(tf.ones([count, 1]) as Tensor2D);
      kept.set(count, made);
      return made;
    },
    dispose() {
      for (const tensor of kept.values()) tensor.dispose();
      kept.clear();
    },
  };
}
