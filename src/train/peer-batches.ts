/**
 * Local updates and evaluations of many peers in one: a few dozen batched operations instead of as many for each peer. Peers come
 * in chunks of bounded memory. The same mini-batches, formulas and statistics as local-steps.ts and evaluate.ts, equal to
 * rounding (1e-5 in tests, not bit for bit); here each peer's result depends neither on who else is in its chunk nor on how many are.
 *   x ← (1 − γ λ) x − γ s c g,   c = min(1, clipNorm / ‖g‖),  s the objective's scale
 */
import type { Samples } from '../data/dataset.ts';
import type { Vector } from '../params/layout.ts';
import { backwardPeers, forwardPeers } from './batched-dense.ts';
import type { BatchSampler } from './batches.ts';
import type { Device, DeviceArray } from './device.ts';
import { correctCount, crossEntropySum, toErrors } from './loss.ts';
import { type DeviceModel, sizeOf } from './model.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainSpec } from './spec.ts';
import type { Evaluation, TrainResult } from './trainer.ts';

/** What one chunk may take, about: larger ones gain nothing more, and results arrive in memory anyway. */
const CHUNK_BYTES = 32 * 2 ** 20;
/** Rows of one forward pass of one peer. */
const EVALUATED_ROWS_MAX = 512;

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
  /** Others are evaluated on the same array of rows. */
  readonly shared: boolean;
}

interface ScoredPass {
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

interface Tally {
  loss: number;
  squaredNorm: number;
  sampleCount: number;
}

/** One mini-batch of each peer. */
interface HostBatches {
  /** Rows in the pool; any where they only fill up. // [peers · capacity] */
  readonly rows: Int32Array;
  /** Real rows of each peer. // [peers] */
  readonly counts: Int32Array;
}

export class PeerBatches {
  readonly #device: Device;
  readonly #model: DeviceModel;
  readonly #labels: Int32Array;
  readonly #classCount: number;
  /** [pool, features + 1] */
  readonly #features: DeviceArray;

  /** Keeps a copy of the pool on the device until dispose(). */
  constructor(device: Device, model: DeviceModel, pool: Samples, classCount: number) {
    this.#device = device;
    this.#model = model;
    this.#labels = pool.labels;
    this.#classCount = classCount;
    const [columns] = model.inputShape;
    this.#features = device.upload(withOnes(pool, columns!), [pool.count, columns!]);
  }

  dispose(): void {
    this.#device.free(this.#features);
  }

  /** `steps` updates of each call, all members of one capacity; results in their order. */
  train(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const rows = calls[0]!.member.capacity;
    return inChunks(calls, this.#chunkSize(rows, 4), (chunk) => this.#trainChunk(chunk, steps));
  }

  /** The mini-batch gradient of step `firstStep`. // [layout.size] */
  gradient(call: TrainCall): Float32Array {
    const layers = this.#upload([call.params]);
    const gradient = this.#device.scope(() => {
      const batch = this.#batch([call], 0);
      return this.#download(this.#gradient(layers, batch, [1], [noTally()]), 1)[0]!;
    });
    this.#free(layers);
    return gradient;
  }

  /** Each call's params on its rows; results in their order. */
  evaluate(calls: readonly EvaluateCall[]): Evaluation[] {
    const results = new Map<EvaluateCall, Evaluation>();
    const keyOf = ({ rows, shared }: EvaluateCall) => (shared ? rows : paddedCount(rows.length));
    for (const [key, alike] of groupBy(calls, keyOf)) {
      const length = typeof key === 'number' ? key : key.length;
      const perPass = Math.ceil(length / Math.ceil(length / EVALUATED_ROWS_MAX));
      const score = typeof key === 'number' ? this.#scoreEach : this.#scoreShared;
      const done = inChunks(alike, this.#chunkSize(perPass, 1), (chunk) => score.call(this, chunk, perPass));
      for (const [index, call] of alike.entries()) results.set(call, done[index]!);
    }
    return calls.map((call) => results.get(call)!);
  }

  #trainChunk(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const tallies = calls.map(noTally);
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
      const rates = calls.map(({ member: { train }, firstStep }) =>
        learningRateAt(train.learningRate, train.schedule, firstStep + offset),
      );
      const factors = calls.map(({ member: { train } }, peer) => gradientFactor(train, rates[peer]!));
      const gradient = this.#gradient(layers, this.#batch(calls, offset), factors, tallies);
      const norms = this.#norms(gradient, factors);
      for (const [peer, norm] of norms.entries()) tallies[peer]!.squaredNorm += norm ** 2;
      const rest = calls.map(({ member: { train } }, peer) =>
        restOfFactor(train, rates[peer]!, factors[peer]!, norms[peer]!),
      );
      const shrinkage = calls.map(
        ({ member: { train } }, peer) => 1 - rates[peer]! * (train.weightDecay ?? 0),
      );
      const next = layers.map((matrices, layer) =>
        device.add(this.#scaled(matrices, shrinkage), this.#scaled(gradient[layer]!, rest)),
      );
      for (const matrices of next) device.keep(matrices);
      return next;
    });
  }

  /** Each peer's ‖g‖ from factor · g. */
  #norms(gradient: readonly DeviceArray[], factors: readonly number[]): number[] {
    const parts = gradient.map((part) => this.#device.download(this.#device.norms(part)));
    return factors.map(
      (factor, peer) => Math.sqrt(parts.reduce((sum, part) => sum + part[peer]! ** 2, 0)) / Math.abs(factor),
    );
  }

  /** Each peer's matrix by its own factor. */
  #scaled(matrices: DeviceArray, factors: readonly number[]): DeviceArray {
    const common = commonValue(factors);
    if (common === 1) return matrices;
    if (common !== undefined) return this.#device.scale(matrices, common);
    const array = this.#device.upload(Float32Array.from(factors), [factors.length, 1, 1]);
    return this.#device.multiply(matrices, array);
  }

  /** The mini-batches of step firstStep + offset, filled up to the members' capacity. */
  #batch(calls: readonly TrainCall[], offset: number): HostBatches {
    const { capacity } = calls[0]!.member;
    const rows = new Int32Array(calls.length * capacity);
    const counts = new Int32Array(calls.length);
    for (let peer = 0; peer < calls.length; peer++) {
      const { member, firstStep } = calls[peer]!;
      const positions = member.sampler.at(firstStep + offset);
      counts[peer] = positions.length;
      const start = peer * capacity;
      for (let index = 0; index < positions.length; index++) {
        rows[start + index] = member.rows[positions[index]!]!;
      }
    }
    return { rows, counts };
  }

  /** Each peer's factor times its mean gradient, by layer; adds its loss to its tally. // [peers, in + 1, out] */
  #gradient(
    layers: readonly DeviceArray[],
    { rows, counts }: HostBatches,
    factors: readonly number[],
    tallies: readonly Tally[],
  ): readonly DeviceArray[] {
    const device = this.#device;
    const capacity = rows.length / counts.length;
    const features = device.gatherRows(this.#features, rows, [counts.length, capacity]);
    const pass = forwardPeers(device, layers, features);
    const probabilities = device.download(device.softmax(pass.logits));
    let logits: Float32Array | undefined;
    const logitsOnHost = (): Float32Array => {
      logits ??= device.download(pass.logits);
      return logits;
    };
    for (let peer = 0; peer < counts.length; peer++) {
      const count = counts[peer]!;
      const start = peer * capacity;
      const labels = this.#labelsOf(rows.subarray(start, start + count));
      const lossSum = crossEntropySum(probabilities, logitsOnHost, start, labels, this.#classCount);
      tallies[peer]!.loss += lossSum / count;
      tallies[peer]!.sampleCount += count;
      const own = probabilities.subarray(start * this.#classCount, (start + capacity) * this.#classCount);
      toErrors(own, labels, factors[peer]! / count, this.#classCount);
    }
    const delta = device.upload(probabilities, [counts.length, capacity, this.#classCount]);
    return backwardPeers(device, layers, pass, delta);
  }

  /** All on the same rows. */
  #scoreShared(calls: readonly EvaluateCall[], perPass: number): Evaluation[] {
    const { rows } = calls[0]!;
    return this.#score(calls, (layers, score) => {
      for (let start = 0; start < rows.length; start += perPass) {
        const seen = rows.subarray(start, start + perPass);
        const labels = this.#labelsOf(seen);
        const pass = this.#pass(layers, seen, [1, seen.length]);
        for (let peer = 0; peer < calls.length; peer++) score(peer, pass, peer * seen.length, labels);
      }
    });
  }

  /** Each on its own rows, filled up to the same number. */
  #scoreEach(calls: readonly EvaluateCall[], perPass: number): Evaluation[] {
    const longest = Math.max(...calls.map(({ rows }) => rows.length));
    return this.#score(calls, (layers, score) => {
      for (let start = 0; start < longest; start += perPass) {
        const seen = calls.map(({ rows }) => rows.subarray(start, start + perPass));
        const filled = new Int32Array(calls.length * perPass);
        for (const [peer, rows] of seen.entries()) filled.set(rows, peer * perPass);
        const pass = this.#pass(layers, filled, [calls.length, perPass]);
        for (const [peer, rows] of seen.entries()) score(peer, pass, peer * perPass, this.#labelsOf(rows));
      }
    });
  }

  #score(
    calls: readonly EvaluateCall[],
    passes: (
      layers: readonly DeviceArray[],
      score: (peer: number, pass: ScoredPass, firstRow: number, labels: Int32Array) => void,
    ) => void,
  ): Evaluation[] {
    const layers = this.#upload(calls.map(({ params }) => params));
    const totals = calls.map(() => ({ lossSum: 0, correctCount: 0 }));
    passes(layers, (peer, { logits, probabilities }, firstRow, labels) => {
      const total = totals[peer]!;
      total.lossSum += crossEntropySum(probabilities, () => logits, firstRow, labels, this.#classCount);
      total.correctCount += correctCount(logits, firstRow, labels, this.#classCount);
    });
    this.#free(layers);
    return totals.map(({ lossSum, correctCount }, peer) => {
      const sampleCount = calls[peer]!.rows.length;
      return { accuracy: correctCount / sampleCount, loss: lossSum / sampleCount, sampleCount };
    });
  }

  #pass(layers: readonly DeviceArray[], rows: Int32Array, shape: readonly number[]): ScoredPass {
    const device = this.#device;
    return device.scope(() => {
      const { logits } = forwardPeers(device, layers, device.gatherRows(this.#features, rows, shape));
      return { logits: device.download(logits), probabilities: device.download(device.softmax(logits)) };
    });
  }

  #labelsOf(rows: Int32Array): Int32Array {
    const labels = new Int32Array(rows.length);
    for (let index = 0; index < rows.length; index++) labels[index] = this.#labels[rows[index]!]!;
    return labels;
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

function noTally(): Tally {
  return { loss: 0, squaredNorm: 0, sampleCount: 0 };
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

/** What the gradient is multiplied by before its norm is known: all there is, where nothing depends on the norm. */
function gradientFactor({ clipNorm, gradientScale = 1 }: TrainSpec, rate: number): number {
  return clipNorm === undefined && rate > 0 ? -rate * gradientScale : 1;
}

/** What is left to multiply by, of −γ s c. */
function restOfFactor(train: TrainSpec, rate: number, factor: number, norm: number): number {
  const { clipNorm, gradientScale = 1 } = train;
  const clip = clipNorm === undefined || norm <= clipNorm ? 1 : clipNorm / norm;
  return (-rate * gradientScale * clip) / factor;
}

function commonValue(values: readonly number[]): number | undefined {
  const [first] = values;
  return values.every((value) => Object.is(value, first)) ? first : undefined;
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
