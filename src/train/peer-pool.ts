/**
 * What batched training and batched evaluation share: the samples on the device, params of many peers as arrays [peers, in + 1, out]
 * there and back, chunks of bounded memory. A peer's result depends neither on who else is in its chunk nor on how many are.
 */
import type { Samples } from '../data/dataset.ts';
import type { Vector } from '../params/layout.ts';
import type { Device, DeviceArray } from './device.ts';
import { type DeviceModel, sizeOf } from './model.ts';

/** What one chunk may take, about: larger ones gain nothing more. */
const CHUNK_BYTES = 8 * 2 ** 20;

export class PeerPool {
  readonly device: Device;
  readonly classCount: number;
  readonly #model: DeviceModel;
  readonly #labels: Int32Array;
  /** [pool, features + 1] */
  readonly #features: DeviceArray;

  /** Keeps a copy of the samples on the device until dispose(). */
  constructor(device: Device, model: DeviceModel, samples: Samples, classCount: number) {
    this.device = device;
    this.classCount = classCount;
    this.#model = model;
    this.#labels = samples.labels;
    const [columns] = model.inputShape;
    this.#features = device.upload(withOnes(samples, columns!), [samples.count, columns!]);
  }

  /** Frees the model too. */
  dispose(): void {
    this.device.free(this.#features);
    this.#model.dispose();
  }

  /** Rows of the pool, inside the caller's scope. // [...shape, features + 1] */
  features(rows: Int32Array, shape: readonly number[]): DeviceArray {
    return this.device.gatherRows(this.#features, rows, shape);
  }

  labels(rows: Int32Array): Int32Array {
    const labels = new Int32Array(rows.length);
    for (let index = 0; index < rows.length; index++) labels[index] = this.#labels[rows[index]!]!;
    return labels;
  }

  /** By layer; outside any scope, to be freed by free(). // [peers, in + 1, out] */
  upload(vectors: readonly Vector[]): readonly DeviceArray[] {
    let offset = 0;
    return this.#model.parts.trainable.map((shape) => {
      const size = sizeOf(shape);
      const values = new Float32Array(vectors.length * size);
      for (let peer = 0; peer < vectors.length; peer++) {
        values.set(vectors[peer]!.subarray(offset, offset + size), peer * size);
      }
      offset += size;
      return this.device.upload(values, [vectors.length, ...shape]);
    });
  }

  download(layers: readonly DeviceArray[], peerCount: number): Float32Array[] {
    const vectors = Array.from({ length: peerCount }, () => new Float32Array(this.#model.layout.size));
    let offset = 0;
    for (const layer of layers) {
      const values = this.device.download(layer);
      const size = values.length / peerCount;
      for (let peer = 0; peer < peerCount; peer++) {
        vectors[peer]!.set(values.subarray(peer * size, (peer + 1) * size), offset);
      }
      offset += size;
    }
    return vectors;
  }

  free(arrays: readonly DeviceArray[]): void {
    for (const array of arrays) this.device.free(array);
  }

  /**
   * `action` on `items`, chunk after chunk; each item takes `copies` vectors of params and `rows` samples. A lone item goes twice:
   * TensorFlow multiplies a single matrix another way than several, with other last bits.
   */
  inChunks<Item, Result>(
    items: readonly Item[],
    { rows, copies }: { readonly rows: number; readonly copies: number },
    action: (chunk: readonly Item[]) => Result[],
  ): Result[] {
    const size = this.#chunkSize(rows, copies);
    const results: Result[] = [];
    for (let start = 0; start < items.length; start += size) {
      const chunk = items.slice(start, start + size);
      const done = action(chunk.length === 1 ? [chunk[0]!, chunk[0]!] : chunk);
      for (let index = 0; index < chunk.length; index++) results.push(done[index]!);
    }
    return results;
  }

  #chunkSize(rows: number, copies: number): number {
    const widths = this.#model.parts.trainable.map(([inputs, outputs]) => inputs! + 2 * outputs!);
    const activations = rows * widths.reduce((sum, width) => sum + width, 0);
    const bytes = Float32Array.BYTES_PER_ELEMENT * (activations + copies * this.#model.layout.size);
    return Math.max(2, Math.floor(CHUNK_BYTES / bytes));
  }
}

/** Few different numbers of rows, each a function of the peer's own: results must not depend on what else is in a chunk. */
export function paddedCount(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, count)));
}

export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** The features with a last column of ones. */
function withOnes({ features, count }: Samples, columns: number): Float32Array {
  const filled = new Float32Array(count * columns).fill(1);
  const size = columns - 1;
  for (let row = 0; row < count; row++) {
    filled.set(features.subarray(row * size, (row + 1) * size), row * columns);
  }
  return filled;
}
