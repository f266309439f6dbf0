/** The engine seam on any tfjs backend. */
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Device, DeviceArray, Tf } from './device.ts';

/** A tfjs tensor is a DeviceArray; those that a tfDevice is given are always tensors. */
export function tensorOf(array: DeviceArray): Tensor {
  return array as Tensor;
}

/** `transposeFirst`: tfjs's WebAssembly product takes a slow path for transposed operands. */
export function tfDevice(tf: Tf, transposeFirst: boolean): Device {
  const operand = (array: DeviceArray, transposed: boolean): Tensor2D =>
    (transposed ? tf.transpose(tensorOf(array)) : tensorOf(array)) as Tensor2D;
  const operands = (array: DeviceArray, transposed: boolean): Tensor3D =>
    (transposed ? tf.transpose(tensorOf(array), [0, 2, 1]) : tensorOf(array)) as Tensor3D;
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
    batchMatMul: (a, b, transposeA, transposeB) =>
      transposeFirst
        ? tf.matMul(operands(a, transposeA), operands(b, transposeB))
        : tf.matMul(tensorOf(a), tensorOf(b), transposeA, transposeB),
    gatherRows: (matrix, rows, shape) => {
      const gathered = tf.gather(tensorOf(matrix), tf.tensor(rows, [rows.length], 'int32'));
      return tf.reshape(gathered, [...shape, matrix.shape[1]!]);
    },
    firstRows: (matrix, count) => {
      const size = [...matrix.shape];
      size[size.length - 2] = count;
      return tf.slice(tensorOf(matrix), new Array<number>(size.length).fill(0), size);
    },
    appendOnes: (matrix) =>
      tf.concat([tensorOf(matrix), tf.ones([...matrix.shape.slice(0, -1), 1])], matrix.shape.length - 1),
    relu: (array) => tf.relu(tensorOf(array)),
    // sign(h) is 1 where the unit was active and 0 elsewhere, since h ≥ 0.
    reluGradient: (upstream, activation) => tf.mul(tensorOf(upstream), tf.sign(tensorOf(activation))),
    softmax: (logits) => tf.softmax(tensorOf(logits)),
    scale: (a, factor) => tf.mul(tensorOf(a), factor),
    shift: (a, term) => tf.add(tensorOf(a), term),
    addScaled: (a, b, factor) => tf.add(tensorOf(a), tf.mul(tensorOf(b), factor)),
    add: (a, b) => tf.add(tensorOf(a), tensorOf(b)),
    multiply: (a, b) => tf.mul(tensorOf(a), tensorOf(b)),
    divide: (a, b) => tf.div(tensorOf(a), tensorOf(b)),
    square: (a) => tf.square(tensorOf(a)),
    squareRoot: (a) => tf.sqrt(tensorOf(a)),
    squaredNorm: (arrays) =>
      arrays.reduce((sum, array) => sum + tf.sum(tf.square(tensorOf(array))).dataSync()[0]!, 0),
    norms: (matrices) => tf.sqrt(tf.sum(tf.square(tensorOf(matrices)), [1, 2])),
  };
}
