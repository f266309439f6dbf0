/** Rules against known answers computed elsewhere, in f64 from the Trainer to the result. */
import { describe, expect, test } from 'vitest';
import { layoutOf, type Vector } from '../../src/params/layout.ts';
import {
  buildOverlay,
  type MixingMatrix,
  mixingMatrix,
  type Overlay,
  onePeerExponential,
  overlayOf,
  overlayOfRound,
  siloNames,
} from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import consensus from '../fixtures/consensus.json' with { type: 'json' };
import training from '../fixtures/training.json' with { type: 'json' };
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';

interface Setting {
  readonly overlay: Overlay;
  readonly matrix?: MixingMatrix;
  readonly variant: string;
  readonly rounds: number;
  readonly trainer: (peer: number) => Trainer;
}

async function run({ overlay, matrix, variant, rounds, trainer }: Setting): Promise<Vector[]> {
  const given = matrix === undefined ? {} : { matrices: [matrix] };
  const plan = virtualPlan({ options: { variant }, overlay, rounds, ...given });
  const oneStep = virtualPeers(plan, trainer).map(({ config, trainer }) => ({
    config: { ...config, stepsPerRound: 1 },
    trainer,
  }));
  const results = await simulateRecorded(oneStep, virtualLinks);
  for (const { notes } of results) expect(notes.flatMap(({ excluded }) => excluded)).toEqual([]);
  return results.map(({ params }) => params);
}

const firstOf = (vectors: Vector[]) => vectors.map((vector) => vector[0] as number);

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number) {
  expect(got).toHaveLength(wanted.length);
  for (const [index, value] of got.entries()) {
    expect(Math.abs(value - wanted[index]!)).toBeLessThanOrEqual(tolerance);
  }
}

function caseOf<Case extends { id: string }>(cases: Case[], id: string): Case {
  return cases.find((one) => one.id === id)!;
}

describe('dpsgd-quadratic-ring4', () => {
  // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
  const { inputs, expected, tolerance } = caseOf(training.cases, 'dpsgd-quadratic-ring4') as any;
  const overlay = buildOverlay({ kind: 'ring' }, 4);
  const trainer = (peer: number) =>
    quadraticTrainer({
      optimum: [inputs.b[peer]],
      curvature: [inputs.a[peer]],
      learningRate: inputs.eta,
      precision: 'f64',
    });
  // The case's CTA takes the gradient at x, not at Wx: it is Lian et al.'s parallel form.
  test.each([
    ['parallel', 'cta', 1],
    ['parallel', 'cta', 2],
    ['parallel', 'cta', 10],
    ['adapt-then-mix', 'atc', 1],
    ['adapt-then-mix', 'atc', 2],
    ['adapt-then-mix', 'atc', 10],
  ])('%s is the case’s %s after %i rounds', async (variant, prefix, rounds) => {
    const got = firstOf(await run({ overlay, variant, rounds, trainer }));
    expectClose(got, expected[`${prefix}_${rounds}`], tolerance.abs);
  });

  test.each([
    ['parallel', 'cta_fixed_point'],
    ['adapt-then-mix', 'atc_fixed_point'],
  ])('%s ends at its fixed point, %s, which is not the optimum', async (variant, key) => {
    const got = firstOf(await run({ overlay, variant, rounds: 400, trainer }));
    expectClose(got, expected[key], tolerance.abs);
  });

  test('mix-then-adapt from consensus is adapt-then-mix half a round behind', async () => {
    const got = firstOf(await run({ overlay, variant: 'mix-then-adapt', rounds: 11, trainer }));
    // 11 rounds of mix-then-adapt from x = 0 are 10 of adapt-then-mix and then the local updates.
    const adapted = expected.atc_10.map(
      (x: number, peer: number) => x - inputs.eta * inputs.a[peer] * (x - inputs.b[peer]),
    );
    expectClose(got, adapted, tolerance.abs);
  });
});

describe('fedavg-linear', () => {
  // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
  const { inputs, expected, tolerance } = caseOf(training.cases, 'fedavg-linear') as any;
  const counts: number[] = inputs.X.map((rows: unknown[]) => rows.length);
  const total = counts.reduce((sum, count) => sum + count, 0);

  /** E full-batch gradient steps on 1/(2n)·‖Xw − y‖². */
  function localSteps(peer: number, given: Vector): Float64Array {
    const rows: number[][] = inputs.X[peer];
    let w = Array.from(given);
    for (let step = 0; step < inputs.E; step++) {
      const residuals = rows.map((row, k) => row[0]! * w[0]! + row[1]! * w[1]! - inputs.y[peer][k]);
      w = w.map(
        (value, d) =>
          value - (inputs.lr * residuals.reduce((sum, r, k) => sum + r * rows[k]![d]!, 0)) / rows.length,
      );
    }
    return Float64Array.from(w);
  }
  const trainer = (peer: number): Trainer => ({
    ...quadraticTrainer({ optimum: inputs.w0, learningRate: 0, precision: 'f64' }),
    layout: layoutOf([{ name: 'w', shape: [2] }]),
    initialParams: async () => Float64Array.from(inputs.w0),
    train: async (params) => ({
      params: localSteps(peer, params),
      loss: 0,
      gradientSquaredNorm: 0,
      sampleCount: 1,
    }),
  });

  test.each([1, 2, 200])(
    'adapt-then-mix on the complete graph, weighted by samples, is FedAvg after %i rounds',
    async (rounds) => {
      const overlay = buildOverlay({ kind: 'complete' }, 2);
      const row = new Map(counts.map((count, sender) => [sender, count / total]));
      const matrix = counts.map(() => row);
      const results = await run({ overlay, matrix, variant: 'adapt-then-mix', rounds, trainer });
      for (const params of results) expectClose([...params], expected[`w_${rounds}`], tolerance.abs);
    },
  );
});

describe('pure averaging', () => {
  const still = (values: readonly number[]) => (peer: number) =>
    quadraticTrainer({
      optimum: [0],
      learningRate: 0,
      precision: 'f64',
      initial: [values[peer]!],
    });

  test.each(['parallel', 'mix-then-adapt', 'adapt-then-mix'])(
    'gossip-ring8-error: %s without learning averages as W does',
    async (variant) => {
      // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
      const { inputs, expected, tolerance } = caseOf(consensus.cases, 'gossip-ring8-error') as any;
      const overlay = buildOverlay({ kind: 'ring' }, 8);
      for (const [index, rounds] of inputs.k.entries()) {
        if (rounds === 0) continue;
        const got = firstOf(await run({ overlay, variant, rounds, trainer: still(inputs.x0) }));
        const error = Math.hypot(...got.map((value) => value - 3.5));
        expectClose([error], [expected.error[index]], tolerance.abs);
        if (rounds === 5) expectClose(got, expected.x_k5, tolerance.abs);
      }
    },
  );

  test.each([
    [8, 3, 'x_after_3_n8'],
    [6, 3, 'x_after_3_n6'],
    [6, 6, 'x_after_6_n6'],
  ])('onepeer-exp: %i nodes after %i rounds of one-peer averaging', async (count, rounds, key) => {
    // biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
    const { inputs, expected, tolerance } = caseOf(consensus.cases, 'onepeer-exp-8-and-6') as any;
    const schedule = onePeerExponential(count);
    let values: number[] = inputs[`x0_${count}`];
    for (let round = 0; round < rounds; round++) {
      const { arcs } = overlayOfRound(schedule, round);
      // A silent arc keeps the round's graph strong; its weight is zero.
      const ring = siloNames(count).map((_, node) => [(node + 1) % count, node] as [number, number]);
      const all = new Map([...ring, ...arcs].map((arc) => [arc.join(), arc]));
      const overlay = overlayOf({
        name: 'one round',
        source: 'test',
        directed: true,
        nodes: siloNames(count),
        arcs: [...all.values()],
      });
      const matrix = mixingMatrix(overlayOfRound(schedule, round), 'uniform');
      const trainer = still(values);
      values = firstOf(await run({ overlay, matrix, variant: 'adapt-then-mix', rounds: 1, trainer }));
    }
    expectClose(values, expected[key], tolerance.abs);
  });
});
