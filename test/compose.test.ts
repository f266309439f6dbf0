/** What an experiment tells its silos: the objective's weights, how long an answer to a request for state is waited for. */
import { expect, test } from 'vitest';
import { planOf, swarmData, swarmJobs } from '../src/compose.ts';
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

test.each(['dpsgd', 'choco', 'push-sum'])(
  'an answer to a request for state is waited for as long as a neighbour, 1 s at least and 5 s at most: %s',
  (rule) => {
    const waitMs = (deadline: string) =>
      planOf(
        parseExperiment(
          `
name: waits
data: {dataset: {kind: toy, dimension: 3}, silos: 4, testShare: 0}
model: {kind: quadratic}
train: {learningRate: 0.1, localSteps: 1}
topology: ring
exchange: {rule: ${rule}, deadline: ${deadline}}
stop: {rounds: 1}`,
          { file: 'waits.yaml', overrides: [] },
        ),
      ).pullTimeoutMs;
    expect(waitMs('{floorMs: 10, ceilingMs: 10}')).toBe(1000);
    expect(waitMs('{floorMs: 10, ceilingMs: 1000}')).toBe(1000);
    expect(waitMs('{floorMs: 10, ceilingMs: 2345}')).toBe(2345);
    expect(waitMs('{floorMs: 10, ceilingMs: 5000}')).toBe(5000);
    expect(waitMs('{}')).toBe(5000);
  },
);
