/** What an experiment tells its silos: the objective's weights. */
import { expect, test } from 'vitest';
import { swarmData, swarmJobs } from '../src/compose.ts';
import { parseExperiment } from '../src/experiment/index.ts';

async function scalesOf(objective: 'uniform' | 'samples'): Promise<(number | undefined)[]> {
  const text = `
name: weighted
data: {dataset: penguins, silos: 3, partition: {kind: quantity, sizes: [20, 40, 60]}, testShare: 0}
model: softmax
train: {learningRate: 0.1, localSteps: 2, objective: ${objective}}
topology: ring
stop: {rounds: 1}`;
  const experiment = parseExperiment(text, { file: 'weighted.yaml', overrides: [] });
  const data = await swarmData(experiment);
  const members = data.plan.silos.map(({ name }) => ({ name, peerId: name, folder: name, keyPath: name }));
  const options = {
    members,
    experimentDigest: '',
    versions: {},
    threads: 1,
    resume: { kind: 'fresh' },
  } as const;
  return swarmJobs(experiment, data, options).map(({ trainer }) => trainer.train.gradientScale);
}

test('objective samples scales each silo’s gradients by peers · n / N, uniform leaves them', async () => {
  expect(await scalesOf('samples')).toEqual([0.5, undefined, 1.5]);
  expect(await scalesOf('uniform')).toEqual([undefined, undefined, undefined]);
});
