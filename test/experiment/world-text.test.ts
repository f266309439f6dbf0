/** What a simulation models, in words, and what of it a swarm passes over. */
import { describe, expect, it } from 'vitest';
import {
  describeWorld,
  faultCounts,
  parseExperiment,
  simulationSettings,
} from '../../src/experiment/index.ts';

const parse = (more = '') =>
  parseExperiment(
    `{name: world, data: {dataset: digits, silos: 4}, model: softmax, train: {learningRate: 0.1}, topology: ring, stop: {rounds: 5}${more}}`,
    { file: '/data/world.yaml' },
  );

describe('the world of an experiment in words', () => {
  it('names the defaults', () => {
    expect(describeWorld(parse())).toEqual([
      'simulate: an update takes 1 ms; silos are trained one by one, to the bit as in a swarm',
      'links: a message takes 1 ms, no limit of capacity',
      'faults: none',
    ]);
  });

  it.each([
    ['{kind: constant, time: 2s, per: round}', "a round's updates take 2 s"],
    [
      '{kind: exponential, mean: 10ms, shift: 5ms}',
      'an update takes 5 ms and 10 ms in the mean, exponential',
    ],
    ['{kind: uniform, to: 20ms}', 'an update takes 0 s to 20 ms, uniform'],
    [
      '{kind: pareto, least: 10ms}',
      'an update takes at least 10 ms, Pareto with shape 2 (20 ms in the mean)',
    ],
    [
      '{kind: pareto, least: 10ms, shape: 1}',
      'an update takes at least 10 ms, Pareto with shape 1 (no finite mean)',
    ],
    ['{kind: trace, path: t.csv}', 'an update takes as long as /data/t.csv says, a line per round'],
    ['{kind: times, times: [[1, 2, 3, 4]]}', 'an update takes as long as 1 lines of times say'],
    [
      '{kind: run, from: runs/one}',
      "a round's updates take as long as in the run /data/runs/one, round by round",
    ],
  ])('says how long training takes: %s', (compute, text) => {
    const [simulate] = describeWorld(parse(`, simulate: {compute: ${compute}, training: batched}`));
    expect(simulate).toBe(
      `simulate: ${text}; silos of one shape are trained together: faster, equal to rounding`,
    );
  });

  it('says who is slower, and what messages meet', () => {
    const one = parse(
      ', simulate: {slowness: [1, 1, 5, 1]}, links: {delay: 20ms, jitter: 5ms, upMbps: [1, 2, 3, 4], linkMbps: 100, queueMB: 2, arcs: [[0, 1, {mbps: 1}]]}',
    );
    expect(describeWorld(one).slice(0, 2)).toEqual([
      'simulate: an update takes 1 ms, times 1 to 5 by silo; silos are trained one by one, to the bit as in a swarm',
      'links: a message takes 20 ms and up to 5 ms more, 100 Mbit/s each link, 1 to 4 Mbit/s out of a silo, up to 2 MB wait, 1 links differ',
    ]);
    expect(describeWorld(parse(', simulate: {slowness: {sigma: 0.5}}'))[0]).toMatch(
      /times one factor per silo, exp\(0\.5/,
    );
  });

  it('counts faults by kind', () => {
    const faults =
      '{seed: 9, loss: 0.1, list: [{kind: crash, peer: 1, at: 2s, restartAt: 4s}, {kind: crash, peer: 0, at: 1s}]}';
    const one = parse(`, faults: ${faults}`);
    expect(faultCounts(one.faults!)).toEqual({ loss: 1, crash: 2 });
    expect(describeWorld(one)[2]).toBe(
      'faults: 3 (1 loss, 2 crash), seed 9, the last change at 4 s; the same in swarm and simulate',
    );
  });
});

it('a swarm passes over what is not a default of links and simulate, faults excepted', () => {
  expect(simulationSettings(parse(', faults: {loss: 0.1}, links: {delay: 1ms}'))).toEqual([]);
  const one = parse(
    ', links: {delay: 2ms, upMbps: 10}, simulate: {training: batched, compute: {kind: constant, time: 3}}',
  );
  expect(simulationSettings(one).sort()).toEqual([
    'links.delay',
    'links.upMbps',
    'simulate.compute',
    'simulate.training',
  ]);
});
