/**
 * The engine seam: the dozen array operations that models, optimisers and evaluation need, on arrays that live in
 * the engine's memory. Implementations: native-device.ts (TensorFlow's library, directly), tf-device.ts (any tfjs
 * backend). All operations are synchronous; all arrays are f32.
 *
 * Ownership: arrays made inside `scope` are freed at its end unless `keep` was called on them; arrays made outside a
 * scope, and kept ones, are freed by `free`.
 */

/** tfjs's core, handed around so that nothing of it is imported before an engine is chosen. */
export type Tf = typeof import('@tensorflow/tfjs-core');

export interface DeviceArray {
  readonly shape: readonly number[];
}

export interface Device {
  /** Host values; the engine may share their memory: they must not change until the array is freed. */
  upload(values: Float32Array, shape: readonly number[]): DeviceArray;
  /** A copy that belongs to the caller. */
  download(array: DeviceArray): Float32Array;
  free(array: DeviceArray): void;
  scope<Result>(action: () => Result): Result;
  keep<Kept extends DeviceArray>(array: Kept): Kept;
  /** Arrays that are now alive. */
  arrayCount(): number;

  /** a·b of matrices, either one transposed first. */
  matMul(a: DeviceArray, b: DeviceArray, transposeA: boolean, transposeB: boolean): DeviceArray;
  /** Products of matrices, peer by peer: [peers, m, k]·[peers, k, n]; a first dimension of 1 stands for all peers. */
  batchMatMul(a: DeviceArray, b: DeviceArray, transposeA: boolean, transposeB: boolean): DeviceArray;
  /** Rows of a matrix by number, as [...shape, columns]; `rows` must not change until the scope ends. */
  gatherRows(matrix: DeviceArray, rows: Int32Array, shape: readonly number[]): DeviceArray;
  /** The first `count` rows of a matrix, or of each of several ([peers, rows, columns]). */
  firstRows(matrix: DeviceArray, count: number): DeviceArray;
  /** A matrix, or several, with one more column, of ones. */
  appendOnes(matrix: DeviceArray): DeviceArray;
  relu(array: DeviceArray): DeviceArray;
  /** upstream where the unit was active (activation > 0), 0 elsewhere. */
  reluGradient(upstream: DeviceArray, activation: DeviceArray): DeviceArray;
  /** Along the last dimension. */
  softmax(logits: DeviceArray): DeviceArray;

  /** factor · a */
  scale(a: DeviceArray, factor: number): DeviceArray;
  /** a + term */
  shift(a: DeviceArray, term: number): DeviceArray;
  /** a + factor · b */
  addScaled(a: DeviceArray, b: DeviceArray, factor: number): DeviceArray;
  /** a + b */
  add(a: DeviceArray, b: DeviceArray): DeviceArray;
  /** a · b; dimensions of 1 are stretched. */
  multiply(a: DeviceArray, b: DeviceArray): DeviceArray;
  divide(a: DeviceArray, b: DeviceArray): DeviceArray;
  square(a: DeviceArray): DeviceArray;
  squareRoot(a: DeviceArray): DeviceArray;
  /** Σ over all arrays and elements of the squares. */
  squaredNorm(arrays: readonly DeviceArray[]): number;
  /** Euclidean norm of each matrix: [peers, rows, columns] → [peers]. */
  norms(matrices: DeviceArray): DeviceArray;
}
