/**
 * The shape everything stands on: the same peer on virtual time, over libp2p and in replay.
 */
import { describe, expect, test } from 'vitest';
import { replay } from '../../src/simulate/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { delays, simulateRecorded } from '../simulate/recording.ts';
import { libp2pTransports, runToyNodes, toyPeers, toyPlan } from './toy-swarm.ts';

const virtualLinks = {
  links: delays((from, to) => 1 + ((3 * from + to) % 5)),
  computeMs: (peer: number, round: number) => 2 + ((7 * peer + round) % 11),
  startMs: (peer: number) => 13 * peer,
};

const directed = buildOverlay({ kind: 'exponential' }, 6);
const dpsgdRuns = [
  { rule: 'dpsgd', options: { variant: 'parallel' } },
  { rule: 'dpsgd', options: { variant: 'mix-then-adapt' } },
  { rule: 'dpsgd', options: { variant: 'adapt-then-mix' } },
  { rule: 'dpsgd', options: { variant: 'adapt-then-mix' }, overlay: directed },
];

describe.each(dpsgdRuns)('D-PSGD $options.variant on $overlay.name', (run) => {
  test('gives equal params bit for bit on virtual time and over libp2p, and its log replays to them', async () => {
    const plan = toyPlan(run);
    const simulated = await simulateRecorded(toyPeers(plan), virtualLinks);
    const real = await runToyNodes(plan, libp2pTransports(plan.overlay.nodes.length));
    for (const { refusals, exclusions } of real) {
      expect(exclusions).toEqual({});
      expect(refusals).toEqual({});
    }
    expect(real.map(({ params }) => params)).toEqual(simulated.map(({ params }) => params));

    const recorded = toyPeers(plan).map((peer, index) => ({ ...peer, log: real[index]!.log }));
    const replayed = await replay(recorded);
    expect(replayed.map(({ params }) => params)).toEqual(real.map(({ params }) => params));
  });
});

const asynchronousRuns = [
  { rule: 'pairwise' },
  { rule: 'gossip-learning', options: { parts: 3, sends: 2 }, overlay: directed },
  { rule: 'gossip-learning', options: { mode: 'push-pull' } },
  { rule: 'push-sum', overlay: directed },
  { rule: 'receive-merge', overlay: directed },
];

describe.each(asynchronousRuns)('$rule $options', (run) => {
  test('the log of an asynchronous libp2p run replays to the same params', async () => {
    const plan = toyPlan({ ...run, rounds: 20 });
    const real = await runToyNodes(plan, libp2pTransports(plan.overlay.nodes.length));
    const recorded = toyPeers(plan).map((peer, index) => ({ ...peer, log: real[index]!.log }));
    const replayed = await replay(recorded);
    expect(replayed.map(({ params }) => params)).toEqual(real.map(({ params }) => params));
    // On a slow machine a question is asked again before its answer comes: the second answer is refused, and nothing else is.
    for (const { refusals } of real)
      for (const reason of Object.keys(refusals)) expect(['stale', 'duplicate']).toContain(reason);
    const exchanged = real.flatMap(({ log }) => log).filter(({ event }) => event.kind === 'received');
    expect(exchanged.length).toBeGreaterThan(20);
  });

  test('virtual time repeats itself to the bit, log included', async () => {
    const plan = toyPlan({ ...run, rounds: 20 });
    const first = await simulateRecorded(toyPeers(plan), virtualLinks);
    const second = await simulateRecorded(toyPeers(plan), virtualLinks);
    expect(second).toEqual(first);
  });
});
