/**
 * The Trainer on TensorFlow.js, in the calling thread (worker-trainer.ts puts it into a worker). Mathematics is
 * synchronous inside each call, so overlapping calls run one after another in call order.
 */
import '../base/runtime.ts';
import { InputError, OperatingError } from '../base/errors.ts';
import { loadSamples, type Samples } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import { type Engine, loadEngine } from './engine.ts';
import { evaluateOnDevice } from './evaluate.ts';
import { freeParams, LocalSteps, uploadParams } from './local-steps.ts';
import type { DeviceModel } from './model.ts';
import { modelOf, needsOf } from './models.ts';
import { optimizerOf } from './optimizer.ts';
import type { SampleSelection, SiloData, TrainerSpec } from './spec.ts';
import type { EvaluationSet, Trainer } from './trainer.ts';

/** A Trainer that knows more about its engine than its name. */
export interface EngineTrainer extends Trainer {
  /** One line: which engine runs and why not a faster one. */
  readonly backendNote: string;
  /** Tensors that the engine holds now, for all trainers of this thread together. */
  tensorCount(): Promise<number>;
}

/** A silo's samples by evaluation set; `own` and `global` may be missing. */
export type SiloSamples = { readonly [set in EvaluationSet]?: Samples } & { readonly train: Samples };

/** Loads engine, model and data. InputError: codes of data, `backend-…`, `model-…`, `silo-empty`. */
export async function tfjsTrainer(spec: TrainerSpec): Promise<EngineTrainer> {
  const [samples, needs] = await Promise.all([loadSiloSamples(spec.data, spec.baseFolder), needsOf(spec)]);
  const engine = await loadEngine(spec.backend, needs, spec.threads);
  return trainerOn(engine, await modelOf(engine, spec), samples, spec);
}

async function loadSiloSamples(data: SiloData, baseFolder: string): Promise<SiloSamples> {
  const dataset = await openDataset(data.dataset, { baseFolder });
  const load = async ({ split, indices }: SampleSelection): Promise<Samples> => {
    const count = split === 'train' ? dataset.trainCount : dataset.testCount;
    const chosen = indices === 'all' ? Array.from({ length: count }, (_, index) => index) : indices;
    return loadSamples(dataset, split, chosen);
  };
  return {
    train: await load(data.train),
    ...(data.own === undefined ? {} : { own: await load(data.own) }),
    ...(data.global === undefined ? {} : { global: await load(data.global) }),
  };
}

/** A Trainer over parts that are already there; owns the model from now on. */
export function trainerOn(
  { device, backend, note }: Engine,
  model: DeviceModel,
  samples: SiloSamples,
  spec: TrainerSpec,
): EngineTrainer {
  if (samples.train.count === 0) {
    throw new InputError(
      'silo-empty',
      `silo ${spec.peerIndex} has no training samples: give it some, or leave it out`,
    );
  }
  const local = new LocalSteps(device, spec, model, samples.train);
  const optimizer = optimizerOf(device, spec.train, model.parts.trainable);
  let disposed = false;
  /** Runs the synchronous `action` at once and hands its outcome over as a promise. */
  const answer = async <Result>(action: () => Result): Promise<Result> => {
    if (disposed)
      throw new OperatingError('trainer-disposed', 'the trainer was disposed of before this call');
    return action();
  };
  return {
    layout: model.layout,
    backend,
    backendNote: note,
    sampleCount: samples.train.count,
    stepsPerEpoch: local.sampler.stepsPerEpoch,
    initialParams: () => answer(() => model.initialParams(spec.seed)),
    train: (params, steps, { firstStep }) => answer(() => local.train(params, steps, firstStep, optimizer)),
    gradient: (params, { firstStep }) => answer(() => local.gradient(params, firstStep)),
    evaluate: (params, set) =>
      answer(() => {
        const chosen = samples[set];
        if (chosen === undefined) return { accuracy: undefined, loss: undefined, sampleCount: 0 };
        const uploaded = uploadParams(device, model, params);
        const evaluation = evaluateOnDevice(device, model, uploaded, chosen, spec.classCount);
        freeParams(device, uploaded);
        return evaluation;
      }),
    tensorCount: () => answer(() => device.arrayCount()),
    snapshot: () => answer(() => optimizer.snapshot()),
    restore: (snapshot) => answer(() => optimizer.restore(snapshot)),
    dispose: async () => {
      if (disposed) return;
      disposed = true;
      optimizer.dispose();
      model.dispose();
    },
  };
}
