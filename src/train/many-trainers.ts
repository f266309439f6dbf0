/**
 * Trainers of many peers in one thread, for simulation:
 *   exactTrainers(specs)    one by one, bit for bit as each alone; engine, data set and equal selections are loaded once
 *   batchedTrainers(specs)  peers of one shape together (peer-kernel.ts or peer-steps.ts, peer-scores.ts): many times faster, equal to rounding
 * Both give one EngineTrainer per spec, in their order. `batchedTrainers` takes dense models (softmax, mlp) with plain SGD; others
 * are trained one by one, and their backendNote says so.
 */
import '../base/runtime.ts';
import { InputError, OperatingError } from '../base/errors.ts';
import { type Dataset, loadSamples, type Samples } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import { poolSamples, type SamplePool } from '../data/pool.ts';
import { BatchGroup } from './batch-group.ts';
import { BatchSampler } from './batches.ts';
import { type Engine, loadEngine } from './engine.ts';
import type { DeviceModel } from './model.ts';
import { modelOf, needsOf } from './models.ts';
import { type BatchArithmetic, batchArithmetic, PeerKernel } from './peer-kernel.ts';
import { groupBy, PeerPool, paddedCount } from './peer-pool.ts';
import type { Member } from './peer-steps.ts';
import type { SampleSelection, TrainerSpec } from './spec.ts';
import { type EngineTrainer, type SiloSamples, trainerOn } from './tfjs-trainer.ts';
import { toyTrainers } from './toy-trainers.ts';
import type { EvaluationSet } from './trainer.ts';

/** InputError: codes of data, `backend-…`, `model-…`, `silo-empty`. */
export async function exactTrainers(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  if (specs[0]?.model.kind === 'quadratic') return toyTrainers(specs);
  const open = remembered(({ data, baseFolder }: TrainerSpec) => openDataset(data.dataset, { baseFolder }));
  const known = new WeakMap<SampleSelection, Promise<Samples>>();
  const load = async (dataset: Dataset, selection: SampleSelection): Promise<Samples> => {
    const found = known.get(selection) ?? loadSelection(dataset, selection);
    known.set(selection, found);
    return found;
  };
  const engines = remembered(async (spec: TrainerSpec) =>
    loadEngine(spec.backend, await needsOf(spec), spec.threads),
  );
  return inOrder(specs, async (spec) => {
    const dataset = await open(JSON.stringify([spec.data.dataset, spec.baseFolder]), spec);
    const engine = await engines(JSON.stringify([spec.backend, spec.model, spec.baseFolder]), spec);
    const { train, own, global } = spec.data;
    const samples: SiloSamples = {
      train: await load(dataset, train),
      ...(own === undefined ? {} : { own: await load(dataset, own) }),
      ...(global === undefined ? {} : { global: await load(dataset, global) }),
    };
    return trainerOn(engine, await modelOf(engine, spec), samples, spec);
  });
}

/** As exactTrainers, and peers that differ in nothing but data, seed, schedule and objective's scale share their batches. */
export async function batchedTrainers(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  const trainers = new Map<TrainerSpec, EngineTrainer>();
  for (const group of groupBy(specs, batchKey).values()) {
    const made = isBatchable(group[0]!)
      ? await groupTrainers(group)
      : group[0]!.model.kind === 'quadratic'
        ? toyTrainers(group)
        : (await exactTrainers(group)).map(oneByOne);
    for (const [index, spec] of group.entries()) trainers.set(spec, made[index]!);
  }
  return specs.map((spec) => trainers.get(spec)!);
}

function isBatchable({ model, train }: TrainerSpec): boolean {
  return (model.kind === 'softmax' || model.kind === 'mlp') && train.optimizer.kind === 'sgd';
}

/** What peers must have in common to be in one batch. */
function batchKey(spec: TrainerSpec): string {
  const { model, featureShape, classCount, baseFolder, backend, train, data } = spec;
  return JSON.stringify([
    model,
    featureShape,
    classCount,
    baseFolder,
    backend,
    train.optimizer,
    data.dataset,
  ]);
}

function oneByOne(trainer: EngineTrainer): EngineTrainer {
  const backendNote = `${trainer.backendNote}; peers are trained one by one: batches are for softmax and mlp with plain SGD`;
  return { ...trainer, backendNote };
}

async function groupTrainers(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  const [first] = specs;
  const dataset = await openDataset(first!.data.dataset, { baseFolder: first!.baseFolder });
  const selections = specs.flatMap(({ data: { train, own, global } }) =>
    [train, own, global].filter((selection) => selection !== undefined),
  );
  const pool = await poolSamples(dataset, selections);
  const engine = await loadEngine(first!.backend, await needsOf(first!), first!.threads);
  return batchedOn(engine, await modelOf(engine, first!), pool, specs);
}

/** Batched Trainers over parts that are already there; the last one that is disposed of frees the model. */
export function batchedOn(
  engine: Engine,
  model: DeviceModel,
  pool: SamplePool,
  specs: readonly TrainerSpec[],
  arithmetic: BatchArithmetic = batchArithmetic(engine.backend),
): readonly EngineTrainer[] {
  for (const { data, peerIndex } of specs) {
    if (pool.rowsOf(data.train).length > 0) continue;
    const message = `silo ${peerIndex} has no training samples: give it some, or leave it out`;
    throw new InputError('silo-empty', message, { peerIndex });
  }
  const shared = new PeerPool(engine.device, model, pool.samples, specs[0]!.classCount);
  const { native, note } = arithmetic;
  const widths = [model.parts.trainable[0]![0]! - 1, ...model.parts.trainable.map((shape) => shape[1]!)];
  const kernel = native && new PeerKernel(native, widths, pool.samples, arithmetic);
  const group = new BatchGroup(shared, kernel, specs.length);
  const initial = remembered(({ seed }: TrainerSpec) => model.initialParams(seed));
  return specs.map((spec) => {
    const rows = pool.rowsOf(spec.data.train);
    const sampler = new BatchSampler({ ...spec, sampleCount: rows.length, batchSize: spec.train.batchSize });
    const capacity = Math.min(spec.train.batchSize, paddedCount(rows.length));
    const member = { train: spec.train, sampler, rows, capacity };
    const sets = setsOf(spec, pool);
    const start = (): Float32Array => initial(String(spec.seed), spec).slice();
    return memberTrainer({ engine, model, group, member, sets, note, start });
  });
}

type Sets = { readonly [set in EvaluationSet]?: Int32Array };

function setsOf({ data: { train, own, global } }: TrainerSpec, pool: SamplePool): Sets {
  return {
    train: pool.rowsOf(train),
    ...(own === undefined ? {} : { own: pool.rowsOf(own) }),
    ...(global === undefined ? {} : { global: pool.rowsOf(global) }),
  };
}

interface MemberParts {
  readonly engine: Engine;
  readonly model: DeviceModel;
  readonly group: BatchGroup;
  readonly member: Member;
  readonly sets: Sets;
  /** What computes. */
  readonly note: string;
  start(): Float32Array;
}

function memberTrainer({ engine, model, group, member, sets, note, start }: MemberParts): EngineTrainer {
  let disposed = false;
  const answer = async <Result>(action: () => Result | Promise<Result>): Promise<Result> => {
    if (disposed)
      throw new OperatingError('trainer-disposed', 'the trainer was disposed of before this call');
    return action();
  };
  return {
    layout: model.layout,
    backend: engine.backend,
    backendNote: `${engine.note}, ${note}`,
    sampleCount: member.rows.length,
    stepsPerEpoch: member.sampler.stepsPerEpoch,
    initialParams: () => answer(start),
    train: (params, steps, { firstStep }) => answer(() => group.train(member, params, steps, firstStep)),
    gradient: (params, { firstStep }) => answer(() => group.gradient(member, params, firstStep)),
    evaluate: (params, set) =>
      answer(async () => {
        const rows = sets[set];
        if (rows === undefined || rows.length === 0)
          return { accuracy: undefined, loss: undefined, sampleCount: 0 };
        return group.evaluate(params, rows, set === 'global');
      }),
    tensorCount: () => answer(() => engine.device.arrayCount()),
    snapshot: () => answer(() => new Uint8Array(0)),
    restore: (snapshot) => answer(() => requireEmpty(snapshot)),
    dispose: async () => {
      if (disposed) return;
      disposed = true;
      group.leave();
    },
  };
}

function requireEmpty(snapshot: Uint8Array): void {
  if (snapshot.length === 0) return;
  throw new InputError(
    'snapshot-mismatch',
    `got ${snapshot.length} bytes of optimiser state, wanted none: plain SGD has no state`,
  );
}

function remembered<Argument, Result>(
  make: (argument: Argument) => Result,
): (key: string, argument: Argument) => Result {
  const known = new Map<string, Result>();
  return (key, argument) => {
    if (!known.has(key)) known.set(key, make(argument));
    return known.get(key)!;
  };
}

async function loadSelection(dataset: Dataset, { split, indices }: SampleSelection): Promise<Samples> {
  const count = split === 'train' ? dataset.trainCount : dataset.testCount;
  const chosen = indices === 'all' ? Array.from({ length: count }, (_, index) => index) : indices;
  return loadSamples(dataset, split, chosen);
}

async function inOrder<Item, Result>(
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await action(item));
  return results;
}
