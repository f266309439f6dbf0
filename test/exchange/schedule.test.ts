import { describe, expect, it } from 'vitest';
import { present } from '../../src/base/assert.ts';
import { parseExperiment } from '../../src/experiment/index.ts';
import {
  mixingMatrices,
  onePeerExponential,
  overlayOf,
  overlayText,
  periodGap,
} from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';

/** A pair exchanges in even rounds, the others in odd ones: 0–1, 2–3; then 1–2, 3–0. */
const pairs = overlayOf({
  name: 'pairs',
  directed: false,
  nodes: ['a', 'b', 'c', 'd'],
  arcs: [],
  schedule: [
    [
      [0, 1],
      [2, 3],
    ],
    [
      [1, 2],
      [3, 0],
    ],
  ],
});

/** No local updates: each peer starts at its own index. */
async function averaged(overlay: typeof pairs, rounds: number, links = virtualLinks) {
  const plan = virtualPlan({ overlay, rounds });
  const peers = virtualPeers(plan, (peer) =>
    quadraticTrainer({ optimum: [0], learningRate: 0.1, precision: 'f64', initial: [peer] }),
  ).map(({ config, trainer }) => ({
    config: { ...config, stepsPerRound: 0, context: { ...config.context, trains: false } },
    trainer,
  }));
  return simulateRecorded(peers, links);
}

describe('D-PSGD on a graph that changes from round to round', () => {
  it('mixes in each round with the neighbours of that round’s phase only: two rounds of pairs give the exact mean', async () => {
    const once = await averaged(pairs, 1);
    expect(once.map(({ params }) => params[0])).toEqual([0.5, 0.5, 2.5, 2.5]);
    const twice = await averaged(pairs, 2);
    expect(twice.map(({ params }) => params[0])).toEqual([1.5, 1.5, 1.5, 1.5]);
    expect(periodGap(mixingMatrices(pairs, 'metropolis'))).toBeCloseTo(1, 6);
  });

  it('averages exactly in log₂ n rounds on the one-peer exponential graph, each peer with one message a round', async () => {
    const results = await averaged(onePeerExponential(8), 3);
    expect(results.map(({ params }) => params[0])).toEqual(new Array(8).fill(3.5));
    for (const { notes } of results) expect(notes.flatMap(({ excluded }) => excluded)).toEqual([]);
  });

  it('leaves nobody out while speeds differ: a peer may be ahead by what news needs through the phases', async () => {
    const slow = { ...virtualLinks, trainMs: (peer: number) => (peer === 2 ? 40 : 1) };
    const results = await averaged(pairs, 12, slow);
    for (const { notes, round } of results) {
      expect(round).toBe(12);
      expect(notes.flatMap(({ excluded }) => excluded)).toEqual([]);
    }
  });

  const yaml = (rule: string, carrier = 'stream') => `
name: phases
data: {dataset: {kind: toy, dimension: 2}}
model: quadratic
train: {learningRate: 0.1}
topology: {file: pairs.yaml}
exchange: {rule: ${rule}, carrier: ${carrier}}
stop: {rounds: 2}
`;
  const parse = (text: string) =>
    parseExperiment(text, { file: 'phases.yaml', readText: () => overlayText(pairs) });

  it('runs from an overlay file with a schedule; rules and carriers that use all arcs in every round are refused in words', () => {
    expect(present(parse(yaml('dpsgd')).overlay.schedule, 'schedule')).toHaveLength(2);
    expect(() => parse(yaml('choco'))).toThrow(/changes over 2 phases.*use rule dpsgd/s);
    expect(() => parse(yaml('dpsgd', 'gossip'))).toThrow(/carrier/);
  });
});
