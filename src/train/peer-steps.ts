/**
 * Local updates of many peers in one: a few dozen batched operations instead of as many for each peer. The same mini-batches, formulas
 * and statistics as local-steps.ts and optimizer.ts for plain SGD, equal to rounding (1e-5 in tests, not bit for bit):
 *   x ← (1 − γ λ) x − γ s c g,   c = min(1, clipNorm / ‖g‖),  s the objective's scale
 */
import type { Vector } from '../params/layout.ts';
import { backwardPeers, forwardPeers } from './batched-dense.ts';
import type { BatchSampler } from './batches.ts';
import type { Device, DeviceArray } from './device.ts';
import { crossEntropySum, toErrors } from './loss.ts';
import type { PeerPool } from './peer-pool.ts';
import { learningRateAt } from './schedule.ts';
import type { TrainSpec } from './spec.ts';
import type { TrainResult } from './trainer.ts';

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

/** `steps` updates of each call, all members of one capacity; results in their order. */
export function trainPeers(pool: PeerPool, calls: readonly TrainCall[], steps: number): TrainResult[] {
  const rows = calls[0]!.member.capacity;
  return pool.inChunks(calls, { rows, copies: 4 }, (chunk) => trainChunk(pool, chunk, steps));
}

/** The mini-batch gradient of step `firstStep`. // [layout.size] */
export function gradientOfPeer(pool: PeerPool, call: TrainCall): Float32Array {
  const layers = pool.upload([call.params]);
  const gradient = pool.device.scope(() => {
    const sums = gradients(pool, layers, batchesOf([call], 0), [1], [noTally()]);
    return pool.download(sums, 1)[0]!;
  });
  pool.free(layers);
  return gradient;
}

function trainChunk(pool: PeerPool, calls: readonly TrainCall[], steps: number): TrainResult[] {
  const tallies = calls.map(noTally);
  let layers = pool.upload(calls.map(({ params }) => params));
  for (let offset = 0; offset < steps; offset++) {
    const next = updated(pool, layers, calls, offset, tallies);
    pool.free(layers);
    layers = next;
  }
  const vectors = pool.download(layers, calls.length);
  pool.free(layers);
  const divisor = Math.max(1, steps);
  return tallies.map(({ loss, squaredNorm, sampleCount }, index) => ({
    params: vectors[index]!,
    loss: loss / divisor,
    gradientSquaredNorm: squaredNorm / divisor,
    sampleCount,
  }));
}

function updated(
  pool: PeerPool,
  layers: readonly DeviceArray[],
  calls: readonly TrainCall[],
  offset: number,
  tallies: readonly Tally[],
): readonly DeviceArray[] {
  const { device } = pool;
  return device.scope(() => {
    const rates = calls.map(({ member: { train }, firstStep }) =>
      learningRateAt(train.learningRate, train.schedule, firstStep + offset),
    );
    const factors = calls.map(({ member: { train } }, peer) => gradientFactor(train, rates[peer]!));
    const gradient = gradients(pool, layers, batchesOf(calls, offset), factors, tallies);
    const peerNorms = norms(device, gradient, factors);
    for (const [peer, norm] of peerNorms.entries()) tallies[peer]!.squaredNorm += norm ** 2;
    const rest = calls.map(({ member: { train } }, peer) =>
      restOfFactor(train, rates[peer]!, factors[peer]!, peerNorms[peer]!),
    );
    const shrinkage = calls.map(({ member: { train } }, peer) => 1 - rates[peer]! * (train.weightDecay ?? 0));
    const next = layers.map((matrices, layer) =>
      device.add(scaled(device, matrices, shrinkage), scaled(device, gradient[layer]!, rest)),
    );
    for (const matrices of next) device.keep(matrices);
    return next;
  });
}

/** Each peer's ‖g‖ from factor · g. */
function norms(device: Device, gradient: readonly DeviceArray[], factors: readonly number[]): number[] {
  const parts = gradient.map((part) => device.download(device.norms(part)));
  return factors.map(
    (factor, peer) => Math.sqrt(parts.reduce((sum, part) => sum + part[peer]! ** 2, 0)) / Math.abs(factor),
  );
}

/** Each peer's matrix by its own factor. */
function scaled(device: Device, matrices: DeviceArray, factors: readonly number[]): DeviceArray {
  const common = commonValue(factors);
  if (common === 1) return matrices;
  if (common !== undefined) return device.scale(matrices, common);
  const array = device.upload(Float32Array.from(factors), [factors.length, 1, 1]);
  return device.multiply(matrices, array);
}

/** The mini-batches of step firstStep + offset, filled up to the members' capacity. */
function batchesOf(calls: readonly TrainCall[], offset: number): HostBatches {
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
function gradients(
  pool: PeerPool,
  layers: readonly DeviceArray[],
  { rows, counts }: HostBatches,
  factors: readonly number[],
  tallies: readonly Tally[],
): readonly DeviceArray[] {
  const { device } = pool;
  const capacity = rows.length / counts.length;
  const features = pool.features(rows, [counts.length, capacity]);
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
    const labels = pool.labels(rows.subarray(start, start + count));
    const lossSum = crossEntropySum(probabilities, logitsOnHost, start, labels, pool.classCount);
    tallies[peer]!.loss += lossSum / count;
    tallies[peer]!.sampleCount += count;
    const own = probabilities.subarray(start * pool.classCount, (start + capacity) * pool.classCount);
    toErrors(own, labels, factors[peer]! / count, pool.classCount);
  }
  const delta = device.upload(probabilities, [counts.length, capacity, pool.classCount]);
  return backwardPeers(device, layers, pass, delta);
}

function noTally(): Tally {
  return { loss: 0, squaredNorm: 0, sampleCount: 0 };
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
