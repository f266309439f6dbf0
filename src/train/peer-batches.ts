/**
 * Local updates and evaluations of many peers in one: a few dozen batched operations instead of as many for each peer. Peers come
 * in chunks of bounded memory. The same mini-batches, formulas and statistics as local-steps.ts and evaluate.ts, equal to
 * rounding (1e-5 in tests, not bit for bit); here each peer's result depends neither on who else is in its chunk nor on how many are.
 *   x ← (1 − γ λ) x − γ s c / n · ∂Σloss,   c = min(1, clipNorm / ‖g‖),  g = ∂Σloss / n,  s the objective's scale
 */
import type { Samples } from '../data/dataset.ts';
import type { Vector } from '../params/layout.ts';
import { backwardPeers, forwardPeers, type PeersBatch } from './batched-dense.ts';
import type { BatchSampler } from './batches.ts';
import type { Device, DeviceArray } from './device.ts';
import { crossEntropy, scoreProbabilities } from './loss.ts';
import { type DeviceModel, sizeOf } from './model.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainSpec } from './spec.ts';
import type { Evaluation, TrainResult } from './trainer.ts';

/** What one chunk may take, about: more than a processor's caches hold only makes it slower. */
const CHUNK_BYTES = 8 * 2 ** 20;
/** Rows of one forward pass of one peer. */
const EVALUATED_ROWS_MAX = 256;

/** What is particular to one peer. */
export interface Member {
  readonly train: TrainSpec;
  readonly sampler: BatchSampler;
  /** Row in the pool of each training sample. */
  readonly rows: Int32Array;
  /** Rows of its mini-batches, real ones and fillers: the batch size, or less for a small silo. */
  readonly capacity: number;
}

export interface TrainCall {
  readonly member: Member;
  readonly params: Vector;
  readonly firstStep: number;
}

export interface EvaluateCall {
  readonly params: Vector;
  /** Rows in the pool. */
  readonly rows: Int32Array;
}

interface Tally {
  loss: number;
  squaredNorm: number;
  sampleCount: number;
}

export class PeerBatches {
  readonly #device: Device;
  readonly #model: DeviceModel;
  readonly #labels: Int32Array;
  readonly #classCount: number;
  /** [pool, features + 1] */
  readonly #features: DeviceArray;
  /** [pool, classCount] */
  readonly #oneHot: DeviceArray;

  /** Keeps a copy of the pool on the device until dispose(). */
  constructor(device: Device, model: DeviceModel, pool: Samples, classCount: number) {
    this.#device = device;
    this.#model = model;
    this.#labels = pool.labels;
    this.#classCount = classCount;
    const [columns] = model.inputShape;
    this.#features = device.upload(withOnes(pool, columns!), [pool.count, columns!]);
    const oneHot = new Float32Array(pool.count * classCount);
    for (let row = 0; row < pool.count; row++) oneHot[row * classCount + pool.labels[row]!] = 1;
    this.#oneHot = device.upload(oneHot, [pool.count, classCount]);
  }

  dispose(): void {
    this.#device.free(this.#features);
    this.#device.free(this.#oneHot);
  }

  /** `steps` updates of each call, all members of one capacity; results in their order. */
  train(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const rows = calls[0]!.member.capacity;
    return inChunks(calls, this.#chunkSize(rows, 4), (chunk) => this.#trainChunk(chunk, steps));
  }

  /** The mini-batch gradient of step `firstStep`. // [layout.size] */
  gradient({ member, params, firstStep }: TrainCall): Float32Array {
    const layers = this.#upload([params]);
    const gradient = this.#device.scope(() => {
      const { batch, counts } = this.#fill([{ member, params, firstStep }], 0);
      const sums = backwardPeers(this.#device, layers, batch).gradient;
      return this.#download(
        sums.map((part) => this.#device.scale(part, 1 / counts[0]!)),
        1,
      )[0]!;
    });
    this.#free(layers);
    return gradient;
  }

  /** Each call's params on its own rows; results in their order. */
  evaluate(calls: readonly EvaluateCall[]): Evaluation[] {
    const results = new Map<EvaluateCall, Evaluation>();
    for (const [rows, alike] of groupBy(calls, ({ rows }) => paddedCount(rows.length))) {
      const shared = alike.every((call) => call.rows === alike[0]!.rows);
      const perPass = Math.min(rows, EVALUATED_ROWS_MAX);
      const done = inChunks(alike, this.#chunkSize(perPass, 1), (chunk) =>
        this.#score(chunk, perPass, shared),
      );
      for (const [index, call] of alike.entries()) results.set(call, done[index]!);
    }
    return calls.map((call) => results.get(call)!);
  }

  #trainChunk(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const tallies = calls.map((): Tally => ({ loss: 0, squaredNorm: 0, sampleCount: 0 }));
    let layers = this.#upload(calls.map(({ params }) => params));
    for (let offset = 0; offset < steps; offset++) {
      const next = this.#step(layers, calls, offset, tallies);
      this.#free(layers);
      layers = next;
    }
    const vectors = this.#download(layers, calls.length);
    this.#free(layers);
    const divisor = Math.max(1, steps);
    return tallies.map(({ loss, squaredNorm, sampleCount }, index) => ({
      params: vectors[index]!,
      loss: loss / divisor,
      gradientSquaredNorm: squaredNorm / divisor,
      sampleCount,
    }));
  }

  #step(
    layers: readonly DeviceArray[],
    calls: readonly TrainCall[],
    offset: number,
    tallies: readonly Tally[],
  ): readonly DeviceArray[] {
    const device = this.#device;
    return device.scope(() => {
      const { batch, rows, counts } = this.#fill(calls, offset);
      const { logits, probabilities, gradient } = backwardPeers(device, layers, batch);
      const norms = gradient.map((part) => device.download(device.squaredNorms(part)));
      let downloaded: Float32Array | undefined;
      const lazyLogits = (): Float32Array => (downloaded ??= device.download(logits));
      this.#addLosses(tallies, counts, rows, device.download(probabilities), lazyLogits);
      const factors = new Float32Array(calls.length);
      const shrinkage = new Float32Array(calls.length);
      calls.forEach(({ member: { train }, firstStep }, peer) => {
        const count = counts[peer]!;
        const squaredNorm = norms.reduce((sum, part) => sum + part[peer]!, 0) / count ** 2;
        tallies[peer]!.squaredNorm += squaredNorm;
        const rate = learningRateAt(train.learningRate, train.schedule, firstStep + offset);
        factors[peer] = (-rate * (train.gradientScale ?? 1) * clipFactor(train, squaredNorm)) / count;
        shrinkage[peer] = 1 - rate * (train.weightDecay ?? 0);
      });
      const next = layers.map((matrix, layer) => {
        const shrunk = shrinkage.every((factor) => factor === 1) ? matrix : this.#scaled(matrix, shrinkage);
        return device.add(shrunk, this.#scaled(gradient[layer]!, factors));
      });
      for (const matrix of next) device.keep(matrix);
      return next;
    });
  }

  /** Each peer's matrix by its own factor. */
  #scaled(matrices: DeviceArray, factors: Float32Array): DeviceArray {
    const [first] = factors;
    if (factors.every((factor) => Object.is(factor, first))) return this.#device.scale(matrices, first!);
    return this.#device.multiply(matrices, this.#device.upload(factors, [factors.length, 1, 1]));
  }

  /** The mini-batches of step firstStep + offset, filled up to the members' capacity. */
  #fill(
    calls: readonly TrainCall[],
    offset: number,
  ): { batch: PeersBatch; rows: Int32Array; counts: Int32Array } {
    const { capacity } = calls[0]!.member;
    const rows = new Int32Array(calls.length * capacity);
    const counts = new Int32Array(calls.length);
    calls.forEach(({ member, firstStep }, peer) => {
      const positions = member.sampler.at(firstStep + offset);
      counts[peer] = positions.length;
      const start = peer * capacity;
      for (let index = 0; index < positions.length; index++) {
        rows[start + index] = member.rows[positions[index]!]!;
      }
    });
    const shape = [calls.length, capacity];
    return {
      batch: {
        features: this.#device.gatherRows(this.#features, rows, shape),
        oneHot: this.#device.gatherRows(this.#oneHot, rows, shape),
        mask: this.#mask(counts, capacity),
      },
      rows,
      counts,
    };
  }

  #mask(counts: Int32Array, capacity: number): DeviceArray | undefined {
    if (counts.every((count) => count === capacity)) return undefined;
    const mask = new Float32Array(counts.length * capacity);
    for (const [peer, count] of counts.entries()) mask.fill(1, peer * capacity, peer * capacity + count);
    return this.#device.upload(mask, [counts.length, capacity, 1]);
  }

  #addLosses(
    tallies: readonly Tally[],
    counts: Int32Array,
    rows: Int32Array,
    probabilities: Float32Array,
    logits: () => Float32Array,
  ): void {
    const capacity = rows.length / counts.length;
    counts.forEach((count, peer) => {
      let sum = 0;
      for (let row = peer * capacity; row < peer * capacity + count; row++) {
        sum += crossEntropy(probabilities, logits, row, this.#labels[rows[row]!]!, this.#classCount);
      }
      tallies[peer]!.loss += sum / count;
      tallies[peer]!.sampleCount += count;
    });
  }

  #score(calls: readonly EvaluateCall[], perPass: number, shared: boolean): Evaluation[] {
    const device = this.#device;
    const layers = this.#upload(calls.map(({ params }) => params));
    const totals = calls.map(() => ({ lossSum: 0, correctCount: 0 }));
    const longest = Math.max(...calls.map(({ rows }) => rows.length));
    for (let start = 0; start < longest; start += perPass) {
      const seen = shared ? calls.slice(0, 1) : calls;
      const rows = new Int32Array(seen.length * perPass);
      for (const [peer, call] of seen.entries()) {
        rows.set(call.rows.subarray(start, start + perPass), peer * perPass);
      }
      const [logits, probabilities] = device.scope(() => {
        const features = device.gatherRows(this.#features, rows, [seen.length, perPass]);
        const result = forwardPeers(device, layers, features).logits;
        return [device.download(result), device.download(device.softmax(result))] as const;
      });
      calls.forEach((call, peer) => {
        const labels = call.rows.subarray(start, start + perPass).map((row) => this.#labels[row]!);
        const score = scoreProbabilities(probabilities, logits, peer * perPass, labels, this.#classCount);
        totals[peer]!.lossSum += score.lossSum;
        totals[peer]!.correctCount += score.correctCount;
      });
    }
    this.#free(layers);
    return totals.map(({ lossSum, correctCount }, peer) => {
      const sampleCount = calls[peer]!.rows.length;
      return { accuracy: correctCount / sampleCount, loss: lossSum / sampleCount, sampleCount };
    });
  }

  /** By layer. // [peers, in + 1, out] */
  #upload(vectors: readonly Vector[]): readonly DeviceArray[] {
    let offset = 0;
    return this.#model.parts.trainable.map((shape) => {
      const size = sizeOf(shape);
      const values = new Float32Array(vectors.length * size);
      for (let peer = 0; peer < vectors.length; peer++) {
        values.set(vectors[peer]!.subarray(offset, offset + size), peer * size);
      }
      offset += size;
      return this.#device.upload(values, [vectors.length, ...shape]);
    });
  }

  #download(layers: readonly DeviceArray[], peerCount: number): Float32Array[] {
    const vectors = Array.from({ length: peerCount }, () => new Float32Array(this.#model.layout.size));
    let offset = 0;
    for (const layer of layers) {
      const values = this.#device.download(layer);
      const size = values.length / peerCount;
      for (let peer = 0; peer < peerCount; peer++) {
        vectors[peer]!.set(values.subarray(peer * size, (peer + 1) * size), offset);
      }
      offset += size;
    }
    return vectors;
  }

  #free(arrays: readonly DeviceArray[]): void {
    for (const array of arrays) this.#device.free(array);
  }

  /** Peers of one chunk, with `copies` vectors of params and their mini-batch each. */
  #chunkSize(rows: number, copies: number): number {
    const widths = this.#model.parts.trainable.map(([inputs, outputs]) => inputs! + 2 * outputs!);
    const activations = rows * widths.reduce((sum, width) => sum + width, 0);
    const bytes = Float32Array.BYTES_PER_ELEMENT * (activations + copies * this.#model.layout.size);
    return Math.max(2, Math.floor(CHUNK_BYTES / bytes));
  }
}

/** The same for equal counts, and few different ones: results must not depend on what else is in a chunk. */
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

function clipFactor({ clipNorm }: TrainSpec, squaredNorm: number): number {
  const norm = Math.sqrt(squaredNorm);
  return clipNorm === undefined || norm <= clipNorm ? 1 : clipNorm / norm;
}

/** A lone item goes twice: TensorFlow multiplies a single matrix another way than several, with other last bits. */
function inChunks<Item, Result>(
  items: readonly Item[],
  size: number,
  action: (chunk: readonly Item[]) => Result[],
): Result[] {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += size) {
    const chunk = items.slice(start, start + size);
    const done = action(chunk.length === 1 ? [chunk[0]!, chunk[0]!] : chunk);
    for (let index = 0; index < chunk.length; index++) results.push(done[index]!);
  }
  return results;
}

/** The pool's features with a last column of ones. */
function withOnes({ features, count }: Samples, columns: number): Float32Array {
  const filled = new Float32Array(count * columns).fill(1);
  const size = columns - 1;
  for (let row = 0; row < count; row++) {
    filled.set(features.subarray(row * size, (row + 1) * size), row * columns);
  }
  return filled;
}
