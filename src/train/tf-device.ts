/** The engine seam on any tfjs backend. */
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Device, DeviceArray, Tf } from './device.ts';

/** A tfjs tensor is a DeviceArray; those that a tfDevice is given are always tensors. */
export function tensorOf(array: DeviceArray): Tensor {
  return array as Tensor;
}

/** `transposeFirst`: tfjs's WebAssembly product takes a slow path for transposed operands. */
export function tfDevice(tf: Tf, transposeFirst: boolean): Device {
  const operand = (array: DeviceArray, transposed: boolean): Tensor2D =>
    (transposed ? tf.transpose(tensorOf(array)) : tensorOf(array)) as Tensor2D;
  return {
    upload: (values, shape) => tf.tensor(values, [...shape]),
    download: (array) => (tensorOf(array).dataSync() as Float32Array).slice(),
    free: (array) => tensorOf(array).dispose(),
    scope: (action) => {
      tf.engine().startScope();
      try {
        return action();
      } finally {
        tf.engine().endScope();
      }
    },
    keep: (array) => {
      tf.keep(tensorOf(array));
      return array;
    },
    arrayCount: () => tf.memory().numTensors,
    matMul: (a, b, transposeA, transposeB) =>
      transposeFirst
        ? tf.matMul(operand(a, transposeA), operand(b, transposeB))
        : tf.matMul(tensorOf(a), tensorOf(b), transposeA, transposeB),
    firstRows: (matrix, count) => tf.slice2d(operand(matrix, false), [0, 0], [count, matrix.shape[1]!]),
    appendOnes: (matrix) => tf.concat2d([operand(matrix, false), tf.ones([matrix.shape[0]!, 1])], 1),
    relu: (array) => tf.relu(tensorOf(array)),
    // sign(h) is 1 where the unit was active and 0 elsewhere, since h ≥ 0.
    reluGradient: (upstream, activation) => tf.mul(tensorOf(upstream), tf.sign(tensorOf(activation))),
    softmaxMinus: (logits, oneHot) => tf.sub(tf.softmax(tensorOf(logits)), tensorOf(oneHot)),
    scale: (a, factor) => tf.mul(tensorOf(a), factor),
    shift: (a, term) => tf.add(tensorOf(a), term),
    addScaled: (a, b, factor) => tf.add(tensorOf(a), tf.mul(tensorOf(b), factor)),
    divide: (a, b) => tf.div(tensorOf(a), tensorOf(b)),
    square: (a) => tf.square(tensorOf(a)),
    squareRoot: (a) => tf.sqrt(tensorOf(a)),
    halfSquaredNorm: (arrays) =>
      tf.mul(tf.addN(arrays.map((array) => tf.sum(tf.square(tensorOf(array))) as Scalar)), 0.5),
  };
}
