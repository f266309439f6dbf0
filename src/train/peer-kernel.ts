/**
 * Local updates of many peers by our own native code (native/dense-steps.cc, which states the formulas): all steps of all peers in one
 * call. The same mini-batches, schedule and statistics as peer-steps.ts, equal to rounding. A peer's numbers depend on nothing but the peer
 * and the processor's instructions (the note names them): with others they differ in the last bits.
 */
import { createRequire } from 'node:module';
import { describeError } from '../base/errors.ts';
import type { Samples } from '../data/dataset.ts';
import type { TrainCall } from './peer-steps.ts';
import { learningRateAt } from './schedule.ts';
import type { BackendName } from './spec.ts';
import type { TrainResult } from './trainer.ts';

/** Where set-up puts it (scripts/set-up/dense-steps.mjs): as far above src/train/ as above dist/train/ and dist/bundle/. */
const PLACE = '../../node_modules/.grapevine/dense-steps.node';
const LANES = 8;
/** Numbers of rows in one call. */
const ROWS_MAX = 2 ** 20;

/** What native/dense-steps.cc exports; shapes and units are said there. RangeError `dense-steps-refused`, nothing changed. */
export interface DenseSteps {
  train(
    widths: Int32Array,
    features: Float32Array,
    labels: Int32Array,
    vectors: readonly Float32Array[],
    rows: Int32Array,
    counts: Int32Array,
    rates: Float64Array,
    settings: Float64Array,
    results: Float64Array,
    plain: boolean,
  ): void;
  instructions(): string;
}

/** What computes the updates of a batch. */
export interface BatchArithmetic {
  /** Absent: the engine's device (peer-steps.ts). */
  readonly native?: DenseSteps;
  /** `native` without the processor's own instructions. */
  readonly plain?: boolean;
  /** For people: which it is, and why not the faster one. */
  readonly note: string;
}

/** Beside TensorFlow the native code, where set-up could build it; the other engines compute what they are asked to. */
export function batchArithmetic(backend: BackendName): BatchArithmetic {
  const note = 'peers of one shape in one batch';
  if (backend !== 'tensorflow') return { note };
  try {
    const native = createRequire(import.meta.url)(PLACE) as DenseSteps;
    return { native, note: `${note} of native updates (${native.instructions()})` };
  } catch (error) {
    const [reason] = describeError(error).split('\n', 1);
    return {
      note: `${note} of TensorFlow's operations; the native updates, several times faster, cannot be loaded (${reason}): \`npm run setup\` builds them`,
    };
  }
}

export class PeerKernel {
  readonly #native: DenseSteps;
  readonly #plain: boolean;
  readonly #widths: Int32Array;
  readonly #features: Float32Array;
  readonly #labels: Int32Array;

  /** `widths`: of the features, each hidden layer, the classes. `plain`: without the processor's own instructions. */
  constructor(native: DenseSteps, widths: readonly number[], samples: Samples, { plain = false } = {}) {
    this.#native = native;
    this.#plain = plain;
    this.#widths = Int32Array.from(widths);
    this.#features = filledUp(samples, widths[0]!);
    this.#labels = samples.labels;
  }

  /** `steps` updates of each call, all members of one capacity; results in their order. */
  train(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const perCall = Math.max(1, steps * calls[0]!.member.capacity);
    const size = Math.max(1, Math.floor(ROWS_MAX / perCall));
    const results: TrainResult[] = [];
    for (let start = 0; start < calls.length; start += size) {
      for (const result of this.#trainChunk(calls.slice(start, start + size), steps)) results.push(result);
    }
    return results;
  }

  #trainChunk(calls: readonly TrainCall[], steps: number): TrainResult[] {
    const { capacity } = calls[0]!.member;
    const vectors = calls.map(({ params }) => Float32Array.from(params));
    const rows = new Int32Array(calls.length * steps * capacity);
    const counts = new Int32Array(calls.length * steps);
    const rates = new Float64Array(calls.length * steps);
    const settings = new Float64Array(calls.length * 3);
    const sums = new Float64Array(calls.length * 2);
    for (const [peer, { member, firstStep }] of calls.entries()) {
      const { learningRate, schedule, weightDecay, clipNorm, gradientScale } = member.train;
      settings.set([weightDecay ?? 0, clipNorm ?? Number.POSITIVE_INFINITY, gradientScale ?? 1], 3 * peer);
      for (let offset = 0; offset < steps; offset++) {
        const at = peer * steps + offset;
        const positions = member.sampler.at(firstStep + offset);
        counts[at] = positions.length;
        rates[at] = learningRateAt(learningRate, schedule, firstStep + offset);
        const start = at * capacity;
        for (let index = 0; index < positions.length; index++) {
          rows[start + index] = member.rows[positions[index]!]!;
        }
      }
    }
    const [widths, features, labels] = [this.#widths, this.#features, this.#labels];
    this.#native.train(widths, features, labels, vectors, rows, counts, rates, settings, sums, this.#plain);
    const divisor = Math.max(1, steps);
    return vectors.map((params, peer) => ({
      params,
      loss: sums[2 * peer]! / divisor,
      gradientSquaredNorm: sums[2 * peer + 1]! / divisor,
      sampleCount: counts.subarray(peer * steps, (peer + 1) * steps).reduce((sum, count) => sum + count, 0),
    }));
  }
}

/** Rows of zeros at the end up to a multiple of LANES; the samples' own array where there is nothing to add. // [count, padded] */
function filledUp({ features, count }: Samples, width: number): Float32Array {
  const columns = Math.ceil(width / LANES) * LANES;
  if (columns === width) return features;
  const filled = new Float32Array(count * columns);
  for (let row = 0; row < count; row++) {
    filled.set(features.subarray(row * width, (row + 1) * width), row * columns);
  }
  return filled;
}
