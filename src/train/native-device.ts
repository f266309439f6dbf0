/**
 * TensorFlow's native library through tfjs-node's binding, without the tfjs modules on top: for models of this size
 * they cost several times the arithmetic, at start-up and at every operation. One operation of the library per call.
 */
import { createRequire } from 'node:module';
import type { TFEOpAttr, TFJSBinding } from '@tensorflow/tfjs-node/dist/tfjs_binding.js';
import type { Device, DeviceArray } from './device.ts';

/** Different scalars kept on the device. */
const SCALARS_MAX = 16;

interface NativeArray extends DeviceArray {
  readonly id: number;
}

/** Throws where the binding or the library is not there. */
export function nativeDevice(): Device {
  const require = createRequire(import.meta.url);
  return deviceOn(require('@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node') as TFJSBinding);
}

function deviceOn(binding: TFJSBinding): Device {
  const type = (name: string, value: number): TFEOpAttr => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name: string, value: boolean): TFEOpAttr => ({ name, type: binding.TF_ATTR_BOOL, value });
  const float = type('T', binding.TF_FLOAT);
  const indexed = [float, type('Index', binding.TF_INT32)];
  const products = [0, 1, 2, 3].map((code) => [
    float,
    flag('transpose_a', (code & 2) !== 0),
    flag('transpose_b', (code & 1) !== 0),
  ]);
  const batchProducts = [0, 1, 2, 3].map((code) => [
    float,
    flag('adj_x', (code & 2) !== 0),
    flag('adj_y', (code & 1) !== 0),
  ]);
  const gathered = [
    type('Tparams', binding.TF_FLOAT),
    type('Tindices', binding.TF_INT32),
    type('Taxis', binding.TF_INT32),
  ];
  const padded = [float, type('Tpaddings', binding.TF_INT32)];
  const reduced = [float, type('Tidx', binding.TF_INT32), flag('keep_dims', false)];
  const memory = new Memory(binding);
  const constants = new Map<string, number>();
  const scalars = new Map<number, NativeArray>();

  const run = (name: string, attributes: TFEOpAttr[], inputs: number[]): NativeArray => {
    const [output] = binding.executeOp(name, attributes, inputs, 1);
    return memory.track(output as NativeArray);
  };
  const unary = (name: string, a: DeviceArray): NativeArray => run(name, [float], [idOf(a)]);
  const binary = (name: string, a: DeviceArray, b: DeviceArray): NativeArray =>
    run(name, [float], [idOf(a), idOf(b)]);
  /** A small constant operand, made once: there are few different ones. */
  const integers = (values: readonly number[], shape: readonly number[]): number => {
    const key = `${shape.length}:${values.join()}`;
    const id =
      constants.get(key) ?? binding.createTensor([...shape], binding.TF_INT32, Int32Array.from(values));
    constants.set(key, id);
    return id;
  };
  /** A scalar operand: the learning rate and 1/n come back every step; what a schedule makes anew each time is not kept. */
  const number = (value: number): NativeArray => {
    const found = scalars.get(value);
    if (found !== undefined) return found;
    const made = upload(Float32Array.of(value), []);
    if (scalars.size < SCALARS_MAX) scalars.set(value, memory.keep(made));
    return made;
  };
  const upload = (values: Float32Array, shape: readonly number[]): NativeArray =>
    memory.track({ id: binding.createTensor([...shape], binding.TF_FLOAT, values), shape });
  return {
    upload,
    // The binding copies.
    download: (array) => binding.tensorDataSync(idOf(array)) as Float32Array,
    free: (array) => binding.deleteTensor(idOf(array)),
    scope: (action) => memory.scope(action),
    keep: (array) => memory.keep(array),
    arrayCount: () => binding.getNumOfTensors(),
    matMul: (a, b, transposeA, transposeB) =>
      run('MatMul', products[(transposeA ? 2 : 0) + (transposeB ? 1 : 0)]!, [idOf(a), idOf(b)]),
    batchMatMul: (a, b, transposeA, transposeB) =>
      run('BatchMatMulV2', batchProducts[(transposeA ? 2 : 0) + (transposeB ? 1 : 0)]!, [idOf(a), idOf(b)]),
    gatherRows: (matrix, rows, shape) => {
      const indices = binding.createTensor([...shape], binding.TF_INT32, rows);
      const result = run('GatherV2', gathered, [idOf(matrix), indices, integers([0], [])]);
      binding.deleteTensor(indices);
      return result;
    },
    firstRows: (matrix, rows) => {
      // −1: the whole dimension.
      const [begin, size] =
        matrix.shape.length === 2
          ? [
              [0, 0],
              [rows, -1],
            ]
          : [
              [0, 0, 0],
              [-1, rows, -1],
            ];
      return run('Slice', indexed, [
        idOf(matrix),
        integers(begin!, [begin!.length]),
        integers(size!, [size!.length]),
      ]);
    },
    appendOnes: (matrix) => {
      const rank = matrix.shape.length;
      const paddings = [...new Array<number>(2 * rank - 1).fill(0), 1];
      return run('PadV2', padded, [idOf(matrix), integers(paddings, [rank, 2]), number(1).id]);
    },
    relu: (array) => unary('Relu', array),
    reluGradient: (upstream, activation) => binary('ReluGrad', upstream, activation),
    softmax: (logits) => unary('Softmax', logits),
    scale: (a, factor) => binary('Mul', a, number(factor)),
    shift: (a, term) => binary('AddV2', a, number(term)),
    addScaled: (a, b, factor) => binary('AddV2', a, binary('Mul', b, number(factor))),
    add: (a, b) => binary('AddV2', a, b),
    multiply: (a, b) => binary('Mul', a, b),
    divide: (a, b) => binary('RealDiv', a, b),
    square: (a) => unary('Square', a),
    squareRoot: (a) => unary('Sqrt', a),
    squaredNorm: (arrays) =>
      arrays.reduce((sum, array) => {
        const half = binding.tensorDataSync(unary('L2Loss', array).id) as Float32Array;
        return sum + 2 * half[0]!;
      }, 0),
    norms: (matrices) => run('EuclideanNorm', reduced, [idOf(matrices), integers([1, 2], [2])]),
  };
}

function idOf(array: DeviceArray): number {
  return (array as NativeArray).id;
}

/** Which arrays belong to the open scope. */
class Memory {
  readonly #binding: TFJSBinding;
  #open: Set<DeviceArray> | undefined;

  constructor(binding: TFJSBinding) {
    this.#binding = binding;
  }

  track<Tracked extends NativeArray>(array: Tracked): Tracked {
    this.#open?.add(array);
    return array;
  }

  keep<Kept extends DeviceArray>(array: Kept): Kept {
    this.#open?.delete(array);
    return array;
  }

  scope<Result>(action: () => Result): Result {
    const outer = this.#open;
    const own = new Set<DeviceArray>();
    this.#open = own;
    try {
      return action();
    } finally {
      this.#open = outer;
      for (const array of own) this.#binding.deleteTensor(idOf(array));
    }
  }
}
