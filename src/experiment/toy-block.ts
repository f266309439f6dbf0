/** The toy data in an experiment: one point per silo, drawn by the experiment's seed, and what goes with them. */
import type { Problems } from './checks.ts';
import type { ExperimentFile } from './schema.ts';

type Data = ExperimentFile['data'];

/** The quadratic model and the toy data go together, and with plain gradient steps only. */
export function checkToy({ data, model, train }: Partial<ExperimentFile>, problems: Problems): void {
  if (data === undefined || model === undefined) return;
  const { dataset, partition, silos } = data;
  if ((dataset.kind === 'toy') !== (model.kind === 'quadratic')) {
    const message = `got ${model.kind} with data set ${dataset.kind}: model quadratic and data set toy go together`;
    problems.push({ path: 'model', message });
  }
  if (dataset.kind !== 'toy') return;
  const points = dataset.optima?.length ?? dataset.points;
  if (silos !== undefined && points !== undefined && points !== silos) {
    const message = `got ${points} points, wanted one for each of the ${silos} silos`;
    problems.push({ path: 'data.dataset', message });
  }
  if (partition.kind !== 'iid' && partition.kind !== 'natural') {
    const message = `got ${partition.kind}, but each silo has one point of the toy data`;
    problems.push({ path: 'data.partition', message, suggestion: 'remove it' });
  }
  if (train === undefined) return;
  const { optimizer, clipNorm, weightDecay } = train;
  if (optimizer === 'sgd' && clipNorm === undefined && weightDecay === undefined) return;
  const message =
    'the quadratic model takes plain gradient steps: optimizer sgd without clipNorm and weightDecay';
  problems.push({ path: 'train', message });
}

/** The toy's blocks with what the rest of the experiment says: as many points as silos, silo i with point i. */
export function resolveToy(
  { dataset, partition }: Data,
  siloCount: number,
  seed: number,
): Pick<Data, 'dataset' | 'partition'> {
  if (dataset.kind !== 'toy') return { dataset, partition };
  return {
    dataset: { ...dataset, points: siloCount, seed: dataset.seed ?? seed },
    partition: { kind: 'natural', minSamples: 1, surplus: 'leave-out' },
  };
}
