/**
 * Mini-batches as a function of (seed, peer, step): epoch e = ⌊step / stepsPerEpoch⌋ visits every sample once in the
 * order of a Fisher–Yates permutation drawn from the stream (seed, 'batch', peer, e); the last batch may be short.
 */
import { assert } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import type { Samples } from '../data/dataset.ts';

export class BatchSampler {
  readonly stepsPerEpoch: number;
  readonly #seed: number;
  readonly #peerIndex: number;
  readonly #batchSize: number;
  readonly #order: Uint32Array;
  #epoch = -1;

  constructor(options: { seed: number; peerIndex: number; sampleCount: number; batchSize: number }) {
    const { sampleCount, batchSize } = options;
    assert(sampleCount > 0 && batchSize > 0, `${sampleCount} samples in batches of ${batchSize}`);
    this.#seed = options.seed;
    this.#peerIndex = options.peerIndex;
    this.#batchSize = batchSize;
    this.#order = new Uint32Array(sampleCount);
    this.stepsPerEpoch = Math.ceil(sampleCount / batchSize);
  }

  /** Positions of the samples of step `step`; valid until the next call. */
  at(step: number): Uint32Array {
    assert(Number.isSafeInteger(step) && step >= 0, `step ${step}`);
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.#epoch) this.#permute(epoch);
    const start = (step % this.stepsPerEpoch) * this.#batchSize;
    return this.#order.subarray(start, start + this.#batchSize);
  }

  #permute(epoch: number): void {
    for (let index = 0; index < this.#order.length; index++) this.#order[index] = index;
    Random.of(this.#seed, 'batch', this.#peerIndex, epoch).shuffle(this.#order);
    this.#epoch = epoch;
  }
}

/** One mini-batch in host memory. */
export interface HostBatch {
  /** [count, columns], row after row; columns is featureCount, plus a last column of ones where asked for. */
  readonly features: Float32Array;
  /** [count]. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** Copies chosen samples into buffers that it uses again: a batch is valid until the next `fill`. */
export class BatchBuffer {
  readonly #columns: number;
  readonly #featureCount: number;
  readonly #features: Float32Array;
  readonly #labels: Int32Array;

  constructor(options: {
    capacity: number;
    featureCount: number;
    columnOfOnes: boolean;
  }) {
    this.#featureCount = options.featureCount;
    this.#columns = options.featureCount + (options.columnOfOnes ? 1 : 0);
    this.#features = new Float32Array(options.capacity * this.#columns).fill(1);
    this.#labels = new Int32Array(options.capacity);
  }

  fill(samples: Samples, positions: ArrayLike<number>): HostBatch {
    const count = positions.length;
    const [size, columns] = [this.#featureCount, this.#columns];
    for (let row = 0; row < count; row++) {
      const position = positions[row]!;
      this.#features.set(samples.features.subarray(position * size, (position + 1) * size), row * columns);
      this.#labels[row] = samples.labels[position]!;
    }
    return {
      features: this.#features.subarray(0, count * columns),
      labels: this.#labels.subarray(0, count),
      count,
    };
  }
}
