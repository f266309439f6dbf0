import { describe, expect, it } from 'vitest';
import type { Samples } from '../../src/data/dataset.ts';
import { BatchSampler } from '../../src/train/batches.ts';
import { batchArithmetic, type DenseSteps, PeerKernel } from '../../src/train/peer-kernel.ts';
import type { Member, TrainCall } from '../../src/train/peer-steps.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import type { TrainSpec } from '../../src/train/spec.ts';
import { blobs } from './samples.ts';

const { native, note } = batchArithmetic('tensorflow');
const STEPS = 4;
const plainToo = [false, true] as const;

/** The formulas in f64, without any of the kernel's arrangements: what it must come to. */
function byHand(widths: readonly number[], samples: Samples, call: TrainCall, steps: number) {
  const { train, sampler, rows } = call.member;
  let params = Float64Array.from(call.params);
  let [loss, squaredNorm, sampleCount] = [0, 0, 0];
  for (let offset = 0; offset < steps; offset++) {
    const batch = Array.from(sampler.at(call.firstStep + offset), (position) => rows[position] as number);
    const gradient = new Float64Array(params.length);
    for (const row of batch) loss += gradientOf(widths, samples, params, row, gradient) / batch.length;
    for (const [index, value] of gradient.entries()) gradient[index] = value / batch.length;
    const square = gradient.reduce((sum, value) => sum + value * value, 0);
    const rate = learningRateAt(train.learningRate, train.schedule, call.firstStep + offset);
    const clip = Math.min(1, (train.clipNorm ?? Number.POSITIVE_INFINITY) / Math.sqrt(square));
    params = params.map(
      (value, index) =>
        (1 - rate * (train.weightDecay ?? 0)) * value -
        rate * (train.gradientScale ?? 1) * clip * (gradient[index] as number),
    );
    squaredNorm += square;
    sampleCount += batch.length;
  }
  return { params, loss: loss / steps, gradientSquaredNorm: squaredNorm / steps, sampleCount };
}

/** Adds one sample's gradient; returns its loss. */
function gradientOf(
  widths: readonly number[],
  { features, labels }: Samples,
  params: Float64Array,
  row: number,
  gradient: Float64Array,
): number {
  const first = widths[0] as number;
  const activations: number[][] = [[...features.slice(row * first, (row + 1) * first)]];
  const starts: number[] = [];
  let start = 0;
  for (let layer = 1; layer < widths.length; layer++) {
    const [inputs, out] = [[...(activations[layer - 1] as number[]), 1], widths[layer] as number];
    starts.push(start);
    const sums = Array.from({ length: out }, (_, o) =>
      inputs.reduce((sum, input, i) => sum + input * (params[start + i * out + o] as number), 0),
    );
    start += inputs.length * out;
    activations.push(layer < widths.length - 1 ? sums.map((sum) => Math.max(0, sum)) : sums);
  }
  const logits = activations.pop() as number[];
  const most = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  const label = labels[row] as number;
  let errors = logits.map((logit, c) => Math.exp(logit - most) / total - (c === label ? 1 : 0));
  for (let layer = widths.length - 2; layer >= 0; layer--) {
    const inputs = [...(activations[layer] as number[]), 1];
    const at = starts[layer] as number;
    const out = errors.length;
    const upstream = inputs.map((input, i) =>
      errors.reduce((sum, error, o) => {
        const index = at + i * out + o;
        gradient[index] = (gradient[index] as number) + input * error;
        return sum + error * (params[index] as number);
      }, 0),
    );
    errors = (activations[layer] as number[]).map((input, i) => (input > 0 ? (upstream[i] as number) : 0));
  }
  return Math.log(total) + most - (logits[label] as number);
}

const sizeOf = (widths: readonly number[]): number =>
  widths.slice(1).reduce((sum, out, layer) => sum + ((widths[layer] as number) + 1) * out, 0);

function callOf(
  widths: readonly number[],
  count: number,
  { batchSize, peerIndex = 0, ...rest }: Partial<TrainSpec> & { batchSize: number; peerIndex?: number },
): TrainCall {
  const train: TrainSpec = { optimizer: { kind: 'sgd' }, learningRate: 0.2, batchSize, ...rest };
  const sampler = new BatchSampler({ seed: 5, peerIndex, sampleCount: count, batchSize });
  const rows = Int32Array.from({ length: count }, (_, index) => (index * 3 + peerIndex) % count);
  const member: Member = { train, sampler, rows, capacity: Math.min(batchSize, count) };
  const params = Float32Array.from({ length: sizeOf(widths) }, (_, index) => Math.sin(index * 1.7) * 0.4);
  return { member, params, firstStep: 3 };
}

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got.length).toBe(wanted.length);
  const most = Array.from(got).reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (wanted[index] as number))),
    0,
  );
  expect(most).toBeLessThan(1e-5);
}

const cases: readonly (readonly [readonly number[], number, Partial<TrainSpec> & { batchSize: number }])[] = [
  [[4, 3], 40, { batchSize: 8 }],
  [[64, 10], 64, { batchSize: 32 }],
  [[5, 2], 13, { batchSize: 5, clipNorm: 0.3 }],
  [[1, 1], 9, { batchSize: 4 }],
  [[7, 5, 3], 31, { batchSize: 13, weightDecay: 0.02, gradientScale: 1.7 }],
  [[9, 32, 16, 4], 50, { batchSize: 17, clipNorm: 0.5, schedule: { kind: 'cosine', steps: 9 } }],
  [[30, 1, 6], 20, { batchSize: 1 }],
  [[16, 8, 8, 8, 2], 24, { batchSize: 24 }],
  [[131, 9, 5], 140, { batchSize: 135, learningRate: 0 }],
  [[131, 9, 5], 140, { batchSize: 140, clipNorm: 1e-3 }],
];

describe.skipIf(native === undefined)(`native updates (${note})`, () => {
  for (const plain of plainToo) {
    for (const [widths, count, changes] of cases) {
      const { batchSize, ...rest } = changes;
      it(`come to the formulas: ${widths.join('-')}, ${batchSize} of ${count} samples, ${JSON.stringify(rest)}, plain ${plain}`, () => {
        const samples = blobs(count, widths[0] as number, widths.at(-1) as number, 4);
        const kernel = new PeerKernel(native as DenseSteps, widths, samples, { plain });
        const calls = [0, 1, 2].map((peerIndex) => callOf(widths, count, { ...changes, peerIndex }));
        const before = calls.map(({ params }) => params.slice());
        const results = kernel.train(calls, STEPS);
        for (const [peer, result] of results.entries()) {
          const wanted = byHand(widths, samples, calls[peer] as TrainCall, STEPS);
          expectClose(result.params, wanted.params);
          expect(result.loss).toBeCloseTo(wanted.loss, 5);
          expect(result.gradientSquaredNorm).toBeCloseTo(wanted.gradientSquaredNorm, 5);
          expect(result.sampleCount).toBe(wanted.sampleCount);
          expect((calls[peer] as TrainCall).params).toEqual(before[peer]);
          // Whoever else is there.
          expect(kernel.train([calls[peer] as TrainCall], STEPS)[0]).toEqual(result);
        }
      });
    }

    it(`keep a loss of hundreds, and let NaN and infinity through as NaN, plain ${plain}`, () => {
      const widths = [2, 3];
      const samples = { features: Float32Array.of(1, 0), labels: Int32Array.of(2), count: 1 };
      const kernel = new PeerKernel(native as DenseSteps, widths, samples, { plain });
      const call = callOf(widths, 1, { batchSize: 1 });
      const from = (...params: number[]) =>
        kernel.train([{ ...call, params: Float32Array.from(params) }], 1)[0];
      // Logits 300, −300, 0: the loss is 300, the probability of class 2 nothing in f32.
      const far = from(300, -300, 0, 0, 0, 0, 0, 0, 0);
      expect(far?.loss).toBe(300);
      expectClose(far?.params ?? [], [Math.fround(299.8), -300, 0.2, 0, 0, 0, -0.2, 0, 0.2]);
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const result = from(bad, bad, bad, 0, 0, 0, 0, 0, 0);
        expect(result?.loss).toBeNaN();
        expect([...(result?.params.slice(0, 3) ?? [])]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
      }
    });
  }

  it('by hand: one step from zero on x = 2 of class 1 of three goes (1/3, −2/3, 1/3) against the gradient', () => {
    const samples = { features: Float32Array.of(2), labels: Int32Array.of(1), count: 1 };
    const call = { ...callOf([1, 3], 1, { batchSize: 4, learningRate: 0.3 }), params: new Float32Array(6) };
    const [result] = new PeerKernel(native as DenseSteps, [1, 3], samples).train([call], 1);
    expectClose(result?.params ?? [], [-0.2, 0.4, -0.2, -0.1, 0.2, -0.1]);
    expect(result?.loss).toBeCloseTo(Math.log(3), 6);
    expect(result?.gradientSquaredNorm).toBeCloseTo(5 * (6 / 9), 5);
  });

  it('refuse lengths, kinds and numbers that do not fit, and change nothing', () => {
    const good = () => ({
      widths: Int32Array.of(3, 2, 2),
      features: new Float32Array(5 * 8).fill(1),
      labels: Int32Array.of(0, 1, 0, 1, 1),
      vectors: [new Float32Array(14).fill(0.5), new Float32Array(14).fill(0.5)] as unknown,
      rows: Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2),
      counts: Int32Array.of(2, 1, 2, 2),
      rates: new Float64Array(4).fill(0.1),
      settings: Float64Array.of(0, 1, 1, 0, 1, 1),
      results: new Float64Array(4),
      plain: false as unknown,
    });
    type Arguments = ReturnType<typeof good>;
    const run = (changes: Partial<Record<keyof Arguments, unknown>>): Float32Array[] => {
      const given = { ...good(), ...changes };
      const vectors = given.vectors as Float32Array[];
      (native as unknown as { train(...given: unknown[]): void }).train(...Object.values(given));
      return vectors;
    };
    const detached = new Float32Array(14);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const bad: readonly Partial<Record<keyof Arguments, unknown>>[] = [
      { widths: Int32Array.of(3) },
      { widths: Int32Array.of(3, 2, 3) },
      { widths: Int32Array.of(3, 0, 2) },
      { widths: Int32Array.of(3, -2, 2) },
      { widths: Int32Array.of(1 << 24, 1 << 24, 1 << 24, 1 << 24) },
      { widths: [3, 2, 2] },
      { features: new Float32Array(39) },
      { features: new Float64Array(40) },
      { labels: Int32Array.of(0, 1, 0, 1) },
      { labels: Int32Array.of(0, 1, 0, 1, 2) },
      { labels: Int32Array.of(-1, 1, 0, 1, 1) },
      { vectors: [new Float32Array(14), new Float32Array(13)] },
      { vectors: [new Float32Array(14), detached] },
      { vectors: [new Float32Array(14), undefined] },
      { vectors: [new Float32Array(14)] },
      { vectors: new Float32Array(14) },
      { rows: Int32Array.of(0, 1, 2, 3, 5, 0, 1, 2) },
      { rows: Int32Array.of(0, 1, 2, 3, -1, 0, 1, 2) },
      { rows: new Int32Array(7) },
      { rows: new Int32Array(0) },
      { counts: Int32Array.of(2, 3, 2, 2) },
      { counts: Int32Array.of(2, 0, 2, 2) },
      { counts: new Int32Array(3) },
      { rates: new Float64Array(3) },
      { rates: new Float64Array(6) },
      { settings: new Float64Array(5) },
      { results: new Float64Array(3) },
      { plain: 1 },
    ];
    for (const changes of bad) {
      const untouched = good().vectors as Float32Array[];
      const vectors = 'vectors' in changes ? changes.vectors : untouched;
      const said = `${Object.keys(changes)[0]} ${JSON.stringify(Object.values(changes)[0])}`;
      expect(() => run({ ...changes, vectors }), said).toThrow(
        expect.objectContaining({ code: 'dense-steps-refused' }),
      );
      expect(untouched[0], said).toEqual(new Float32Array(14).fill(0.5));
    }
    expect(() => (native as unknown as { train(): void }).train()).toThrow(/10 arguments/);
    expect(run({})[0]).not.toEqual(new Float32Array(14).fill(0.5));
    expect(
      run({ rates: new Float64Array(0), counts: new Int32Array(0), rows: new Int32Array(0) })[0],
    ).toEqual(new Float32Array(14).fill(0.5));
  });
});
