/** Accuracy and loss of many peers' params in one: as evaluate.ts, equal to rounding. */
import type { Vector } from '../params/layout.ts';
import { forwardPeers } from './batched-dense.ts';
import type { DeviceArray } from './device.ts';
import { correctCount, crossEntropySum } from './loss.ts';
import { groupBy, type PeerPool, paddedCount } from './peer-pool.ts';
import type { Evaluation } from './trainer.ts';

/** Rows of one forward pass of one peer. */
const ROWS_PER_PASS_MAX = 512;

export interface EvaluateCall {
  readonly params: Vector;
  /** Rows in the pool, at least one. */
  readonly rows: Int32Array;
  /** Others are evaluated on the same array of rows. */
  readonly shared: boolean;
}

interface Pass {
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

type Score = (peer: number, pass: Pass, firstRow: number, labels: Int32Array) => void;

/** Each call's params on its rows; results in their order. */
export function evaluatePeers(pool: PeerPool, calls: readonly EvaluateCall[]): Evaluation[] {
  const results = new Map<EvaluateCall, Evaluation>();
  const keyOf = ({ rows, shared }: EvaluateCall) => (shared ? rows : paddedCount(rows.length));
  for (const [key, alike] of groupBy(calls, keyOf)) {
    const length = typeof key === 'number' ? key : key.length;
    const perPass = Math.ceil(length / Math.ceil(length / ROWS_PER_PASS_MAX));
    const passes = typeof key === 'number' ? ownPasses : sharedPasses;
    const done = pool.inChunks(alike, { rows: perPass, copies: 1 }, (chunk) =>
      scored(pool, chunk, (layers, score) => passes(pool, chunk, perPass, layers, score)),
    );
    for (const [index, call] of alike.entries()) results.set(call, done[index]!);
  }
  return calls.map((call) => results.get(call)!);
}

function scored(
  pool: PeerPool,
  calls: readonly EvaluateCall[],
  passes: (layers: readonly DeviceArray[], score: Score) => void,
): Evaluation[] {
  const layers = pool.upload(calls.map(({ params }) => params));
  const totals = calls.map(() => ({ lossSum: 0, correctCount: 0 }));
  passes(layers, (peer, { logits, probabilities }, firstRow, labels) => {
    const total = totals[peer]!;
    total.lossSum += crossEntropySum(probabilities, () => logits, firstRow, labels, pool.classCount);
    total.correctCount += correctCount(logits, firstRow, labels, pool.classCount);
  });
  pool.free(layers);
  return totals.map(({ lossSum, correctCount }, peer) => {
    const sampleCount = calls[peer]!.rows.length;
    return { accuracy: correctCount / sampleCount, loss: lossSum / sampleCount, sampleCount };
  });
}

/** All on the same rows. */
function sharedPasses(
  pool: PeerPool,
  calls: readonly EvaluateCall[],
  perPass: number,
  layers: readonly DeviceArray[],
  score: Score,
): void {
  const { rows } = calls[0]!;
  for (let start = 0; start < rows.length; start += perPass) {
    const seen = rows.subarray(start, start + perPass);
    const labels = pool.labels(seen);
    const pass = forward(pool, layers, seen, [1, seen.length]);
    for (let peer = 0; peer < calls.length; peer++) score(peer, pass, peer * seen.length, labels);
  }
}

/** Each on its own rows, filled up to the same number. */
function ownPasses(
  pool: PeerPool,
  calls: readonly EvaluateCall[],
  perPass: number,
  layers: readonly DeviceArray[],
  score: Score,
): void {
  const longest = calls.reduce((most, { rows }) => Math.max(most, rows.length), 0);
  for (let start = 0; start < longest; start += perPass) {
    const seen = calls.map(({ rows }) => rows.subarray(start, start + perPass));
    const filled = new Int32Array(calls.length * perPass);
    for (const [peer, rows] of seen.entries()) filled.set(rows, peer * perPass);
    const pass = forward(pool, layers, filled, [calls.length, perPass]);
    for (const [peer, rows] of seen.entries()) score(peer, pass, peer * perPass, pool.labels(rows));
  }
}

function forward(
  pool: PeerPool,
  layers: readonly DeviceArray[],
  rows: Int32Array,
  shape: readonly number[],
): Pass {
  const { device } = pool;
  return device.scope(() => {
    const { logits } = forwardPeers(device, layers, pool.features(rows, shape));
    return { logits: device.download(logits), probabilities: device.download(device.softmax(logits)) };
  });
}
