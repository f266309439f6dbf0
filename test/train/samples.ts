/** Made-up samples for trainer tests: Gaussian blobs around one corner per class, a function of the seed. */
import { Random } from '../../src/base/random.ts';
import type { Samples } from '../../src/data/dataset.ts';
import type { TrainerSpec } from '../../src/train/spec.ts';

export function blobs(count: number, featureCount: number, classCount: number, seed: number): Samples {
  const random = Random.of(seed, 'blobs');
  const features = new Float32Array(count * featureCount);
  const labels = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    labels[row] = row % classCount;
    for (let column = 0; column < featureCount; column++) {
      const centre = column % classCount === labels[row] ? 1 : 0;
      features[row * featureCount + column] = centre + 0.5 * random.normal();
    }
  }
  return { features, labels, count };
}

/** A spec whose data are never opened: for trainerOn, which is given its samples. */
export function specOf(changes: Partial<TrainerSpec> = {}): TrainerSpec {
  return {
    model: { kind: 'mlp', hidden: [5] },
    train: { optimizer: { kind: 'sgd' }, learningRate: 0.1, batchSize: 8 },
    featureShape: [6],
    classCount: 3,
    baseFolder: '.',
    data: { dataset: { kind: 'digits' }, train: { split: 'train', indices: 'all' } },
    seed: 7,
    peerIndex: 2,
    backend: 'cpu',
    ...changes,
  };
}
