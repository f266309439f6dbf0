/** The average of 16 peers on the exponential digraph while messages are lost: robust push-sum gets there, the plain rules are stuck. */
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { massOf } from '../../src/exchange/mass-balance.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { peerConfig } from '../../src/peer/plan.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { quadraticTrainer } from '../../src/train/toy.ts';
import { virtualPlan } from '../peer/virtual.ts';
import { delays } from './recording.ts';
import { simulateWatched } from './watched.ts';

const PEERS = 16;
const DIMENSION = 3;
const overlay = buildOverlay({ kind: 'exponential' }, PEERS);
const first = Array.from({ length: PEERS }, (_, peer) =>
  Float64Array.from({ length: DIMENSION }, (_, at) => Random.of(5, 'first', peer, at).normal()),
);
const sumOf = (at: number) => first.reduce((sum, values) => sum + values[at]!, 0);

interface Averaged {
  /** √(mean over peers and coordinates of (x − mean)²) after each round. */
  readonly rmse: readonly number[];
  /** Σ y + Σ (σ − ρ) at the end, per coordinate, then the same of z. */
  readonly total: readonly number[];
}

async function average(
  rule: string,
  options: Record<string, unknown>,
  loss: number,
  rounds: number,
): Promise<Averaged> {
  const plan = virtualPlan({
    rule,
    options,
    overlay,
    rounds,
    evaluateEveryRounds: 1,
    checkpointEveryRounds: rounds,
  });
  const peers = first.map((initial, peer) => ({
    config: peerConfig(plan, peer, 0),
    trainer: quadraticTrainer({ optimum: initial, initial, learningRate: 0, precision: 'f64' }),
  }));
  const squares = new Float64Array(rounds);
  const total = new Float64Array(DIMENSION + 1);
  const states = new Map<number, unknown>();
  await simulateWatched(peers, {
    links: delays(() => 1),
    faults: createFaultPlayer(
      { seed: 9, faults: [{ kind: 'loss', probability: loss, fromMs: 0 }] },
      overlay.arcs,
    ),
    observer: {
      onStep: (peer, _event, _actions, { ruleState }) => {
        states.set(peer, ruleState);
      },
      onEvaluate(_peer, round, params) {
        for (const [at, value] of params.entries()) squares[round - 1]! += (value - sumOf(at) / PEERS) ** 2;
        return undefined;
      },
    },
  });
  if (rule.startsWith('push-sum'))
    for (const state of states.values()) {
      const { y, z, given, taken } = massOf(state)!;
      const add = (sign: number, mass: { readonly y: Float64Array; readonly z: number }) => {
        for (const [at, value] of mass.y.entries()) total[at]! += sign * value;
        total[DIMENSION]! += sign * mass.z;
      };
      add(1, { y, z });
      for (const arc of given) add(1, arc);
      for (const arc of taken) add(-1, arc);
    }
  return { rmse: Array.from(squares, (sum) => Math.sqrt(sum / PEERS / DIMENSION)), total: Array.from(total) };
}

describe.each([0.1, 0.3, 0.5])('with loss %f', (loss) => {
  test('robust push-sum is within 1e-9 after 100 sends, and its sums are conserved', async () => {
    const { rmse, total } = await average('push-sum', {}, loss, 100);
    expect(rmse.at(-1)).toBeLessThanOrEqual(1e-9);
    const sizes = Array.from({ length: DIMENSION }, (_, at) =>
      first.reduce((sum, one) => sum + Math.abs(one[at]!), 0),
    );
    for (let at = 0; at < DIMENSION; at++)
      expect(Math.abs(total[at]! - sumOf(at)) / sizes[at]!).toBeLessThanOrEqual(1e-12);
    expect(Math.abs(total[DIMENSION]! / PEERS - 1)).toBeLessThanOrEqual(1e-12);
  });

  test.each([
    ['plain push-sum', 'push-sum', { variant: 'plain' }],
    ['averaging what came', 'receive-merge', {}],
  ])('%s is stuck where it went wrong: more sends do not help', async (_, rule, options) => {
    const { rmse } = await average(rule, options, loss, 140);
    expect(rmse[99]).toBeGreaterThan(1e-3);
    expect(rmse[139]).toBeGreaterThan(0.99 * rmse[99]!);
  });
});

test('without loss each of them comes to the mean, in as many sends', async () => {
  for (const options of [{}, { variant: 'plain' }])
    expect((await average('push-sum', options, 0, 100)).rmse.at(-1)).toBeLessThanOrEqual(1e-9);
  expect((await average('receive-merge', {}, 0, 100)).rmse.at(-1)).toBeLessThanOrEqual(1e-9);
});

/** At half of the messages lost, who misses what sums are told from hears nothing until it comes again: later, but as exact. */
test.each([
  ['fp16', 0.3, 100, 1e-8],
  ['int8', 0.3, 100, 1e-5],
  ['fp16', 0.3, 300, 1e-12],
  ['int8', 0.3, 300, 1e-12],
  ['int8', 0.5, 400, 1e-9],
])(
  'push-sum in %s with loss %f: after %i sends within %f of the mean, its sums conserved',
  async (encoding, loss, sends, tolerance) => {
    const { rmse, total } = await average(`push-sum+${encoding}`, {}, loss, sends);
    expect(rmse.at(-1)).toBeLessThanOrEqual(tolerance);
    for (let at = 0; at < DIMENSION; at++)
      expect(Math.abs(total[at]! - sumOf(at))).toBeLessThanOrEqual(1e-11);
    expect(Math.abs(total[DIMENSION]! / PEERS - 1)).toBeLessThanOrEqual(1e-12);
  },
);
