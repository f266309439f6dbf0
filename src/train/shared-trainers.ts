/**
 * Trainers of many peers in this thread: one engine, one model, one copy of what they share (the data set while it is read, the
 * global test set, the initial params). Each peer's numbers are those that a tfjsTrainer of its own would give.
 */
import { present } from '../base/assert.ts';
import { type Dataset, loadSamples, type Samples, type Split } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import { loadEngine } from './engine.ts';
import type { DeviceModel } from './model.ts';
import { modelOf, needsOf } from './models.ts';
import type { SampleSelection, TrainerSpec } from './spec.ts';
import { type EngineTrainer, type SiloSamples, trainerOn } from './tfjs-trainer.ts';

/**
 * In the order of `specs`, which agree in everything but peer, data and gradient scale. The model lives until all are disposed of.
 * InputError: as tfjsTrainer.
 */
export async function sharedTrainers(specs: readonly TrainerSpec[]): Promise<readonly EngineTrainer[]> {
  const [first] = specs;
  if (first === undefined) return [];
  const [samples, needs] = await Promise.all([loadAllSamples(specs), needsOf(first)]);
  const engine = await loadEngine(first.backend, needs, first.threads);
  const model = await modelOf(engine, first);
  const shared = sharedModel(model, specs.length);
  return specs.map((spec, index) => trainerOn(engine, shared, present(samples[index], 'samples'), spec));
}

/** The model for `users` Trainers: freed with the last of them; its initial params are computed once per seed. */
function sharedModel(model: DeviceModel, users: number): DeviceModel {
  const initial = new Map<number, Float32Array>();
  let left = users;
  return {
    layout: model.layout,
    parts: model.parts,
    inputShape: model.inputShape,
    columnOfOnes: model.columnOfOnes,
    initialParams: (seed) => {
      const params = initial.get(seed) ?? model.initialParams(seed);
      initial.set(seed, params);
      return params.slice();
    },
    backward: (params, batch, noiseSeed) => model.backward(params, batch, noiseSeed),
    logits: (params, features) => model.logits(params, features),
    dispose: () => {
      left -= 1;
      if (left === 0) model.dispose();
    },
  };
}

/** Each peer's samples; a selection that several peers name by the same object is in memory once. */
export async function loadAllSamples(specs: readonly TrainerSpec[]): Promise<readonly SiloSamples[]> {
  const dataset = await openDataset(present(specs[0], 'a trainer').data.dataset, {
    baseFolder: present(specs[0], 'a trainer').baseFolder,
  });
  const reader = new SampleReader(dataset, specs);
  const silos: SiloSamples[] = [];
  for (const { data } of specs) {
    silos.push({
      train: await reader.load(data.train),
      ...(data.own === undefined ? {} : { own: await reader.load(data.own) }),
      ...(data.global === undefined ? {} : { global: await reader.load(data.global) }),
    });
  }
  return silos;
}

/** Reads a split once where the peers together want about as much as it holds; else row by row. */
class SampleReader {
  readonly #dataset: Dataset;
  readonly #whole = new Set<Split>();
  readonly #splits = new Map<Split, Promise<Samples>>();
  readonly #known = new Map<SampleSelection, Samples>();

  constructor(dataset: Dataset, specs: readonly TrainerSpec[]) {
    this.#dataset = dataset;
    for (const split of ['train', 'test'] as const) {
      const wanted = new Set(
        specs
          .flatMap(({ data }) => [data.train, data.own, data.global])
          .filter((one) => one?.split === split),
      );
      const count = [...wanted].reduce((sum, one) => sum + (one === undefined ? 0 : this.#countOf(one)), 0);
      if (2 * count >= this.#countOf({ split, indices: 'all' })) this.#whole.add(split);
    }
  }

  async load(selection: SampleSelection): Promise<Samples> {
    const known = this.#known.get(selection);
    if (known !== undefined) return known;
    const samples = await this.#read(selection);
    this.#known.set(selection, samples);
    return samples;
  }

  async #read({ split, indices }: SampleSelection): Promise<Samples> {
    if (!this.#whole.has(split))
      return loadSamples(this.#dataset, split, this.#indicesOf({ split, indices }));
    const all = this.#splits.get(split) ?? this.#readSplit(split);
    this.#splits.set(split, all);
    return indices === 'all' ? all : gather(await all, indices, this.#dataset.featureCount);
  }

  #readSplit(split: Split): Promise<Samples> {
    return loadSamples(this.#dataset, split, this.#indicesOf({ split, indices: 'all' }));
  }

  #indicesOf({ split, indices }: SampleSelection): readonly number[] {
    if (indices !== 'all') return indices;
    return Array.from({ length: this.#countOf({ split, indices }) }, (_, index) => index);
  }

  #countOf({ split, indices }: SampleSelection): number {
    if (indices !== 'all') return indices.length;
    return split === 'train' ? this.#dataset.trainCount : this.#dataset.testCount;
  }
}

function gather({ features, labels }: Samples, indices: readonly number[], featureCount: number): Samples {
  const chosen = new Float32Array(indices.length * featureCount);
  for (const [row, index] of indices.entries()) {
    chosen.set(features.subarray(index * featureCount, (index + 1) * featureCount), row * featureCount);
  }
  return {
    features: chosen,
    labels: Int32Array.from(indices, (index) => labels[index] as number),
    count: indices.length,
  };
}
