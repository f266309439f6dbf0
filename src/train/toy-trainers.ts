/**
 * The quadratic toy as an experiment's Trainer, in f64 and without TensorFlow: silo i minimises ½ a ‖x − b_i‖², b_i the mean of its
 * points (one, normally). Evaluated on
 *   train    ½ a ‖x − b_i‖²
 *   global   ½ a ‖x − b̄‖², b̄ the mean of all points: how far the sum of all silos' functions is above its least value; with
 *            curvature a = 1 the squared distance to the common optimum is twice that
 * There is no accuracy, and nobody holds points out. With start `optimum` peer i starts at b_i and not where the others do, which with
 * no local steps is the averaging of the b_i and nothing else.
 */

import { assert } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import { type ToySpec, toyPoint } from '../data/toy.ts';
import type { SampleSelection, TrainerSpec } from './spec.ts';
import type { EngineTrainer } from './tfjs-trainer.ts';
import { quadraticLoss, quadraticTrainer } from './toy.ts';

type Points = readonly number[] | 'all';

/** One Trainer per spec, all of data set toy and model quadratic. InputError `model-unsupported`. */
export function toyTrainers(specs: readonly TrainerSpec[]): readonly EngineTrainer[] {
  const means = new Map<SampleSelection, Float64Array>();
  const shared = (data: ToySpec, selection: SampleSelection): Float64Array => {
    const mean = means.get(selection) ?? meanPoint(data, selection.indices);
    means.set(selection, mean);
    return mean;
  };
  return specs.map((spec) => {
    const { dataset, train, global } = spec.data;
    if (dataset.kind !== 'toy') {
      const message = `model quadratic is for data set toy, got ${dataset.kind}`;
      throw new InputError('model-unsupported', message);
    }
    const common = global === undefined ? undefined : shared(dataset, global);
    return toyTrainer(spec, dataset, meanPoint(dataset, train.indices), common);
  });
}

function toyTrainer(
  { model, train, data, seed, peerIndex }: TrainerSpec,
  { noise }: ToySpec,
  optimum: Float64Array,
  common: Float64Array | undefined,
): EngineTrainer {
  assert(model.kind === 'quadratic', `the toy trains no ${model.kind}`);
  const curvature = new Float64Array(optimum.length).fill(model.curvature);
  const trainer = quadraticTrainer({
    optimum,
    curvature,
    learningRate: train.learningRate * (train.gradientScale ?? 1),
    schedule: train.schedule,
    precision: 'f64',
    noise: noise === 0 ? undefined : { seed, peerIndex, stdDev: noise },
    initial: model.start === 'optimum' ? optimum : undefined,
    sampleCount: data.train.indices.length,
  });
  return {
    ...trainer,
    backendNote: 'toy runs: a quadratic function in f64',
    tensorCount: async () => 0,
    evaluate: async (params, set) => {
      if (set === 'train') return trainer.evaluate(params, set);
      const sampleCount = (set === 'global' ? data.global : data.own)?.indices.length ?? 0;
      if (set === 'own' || common === undefined)
        return { accuracy: undefined, loss: undefined, sampleCount: 0 };
      const loss = quadraticLoss({ optimum: common, curvature }, params);
      return { accuracy: undefined, loss, sampleCount };
    },
  };
}

function meanPoint(data: ToySpec, selected: Points): Float64Array {
  const count = data.optima?.length ?? data.points ?? 0;
  const indices = selected === 'all' ? Array.from({ length: count }, (_, index) => index) : selected;
  if (indices.length === 0) {
    throw new InputError('silo-empty', 'a silo of the toy data has no point: give each silo one');
  }
  const sum = toyPoint(data, indices[0]!);
  for (const index of indices.slice(1)) {
    toyPoint(data, index).forEach((value, coordinate) => {
      sum[coordinate]! += value;
    });
  }
  return sum.map((value) => value / indices.length);
}
