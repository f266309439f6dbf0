/** Peers on virtual time: plans with short deadlines, links of a few milliseconds, and a toy Trainer with optimiser state. */
import { present } from '../../src/base/assert.ts';
import { findExchangeRule } from '../../src/exchange/registry.ts';
import { layoutOf } from '../../src/params/layout.ts';
import { peerConfig, type RunPlan } from '../../src/peer/plan.ts';
import type { SimulatedPeer } from '../../src/simulate/index.ts';
import { buildOverlay, defaultMixing, mixingMatrices, type Overlay } from '../../src/topology/index.ts';
import { type QuadraticOptions, quadraticGradient, quadraticTrainer } from '../../src/train/toy.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { delays } from '../simulate/recording.ts';

export const DIMENSION = 5;
const STEPS_PER_ROUND = 2;

export const virtualLinks = {
  links: delays((from, to) => 1 + ((3 * from + to) % 5)),
  computeMs: (peer: number, round: number) => 2 + ((7 * peer + round) % 11),
  startMs: (peer: number) => 13 * peer,
};

export function virtualPlan(
  given: { rule?: string; options?: Record<string, unknown>; overlay?: Overlay } & Partial<
    Omit<RunPlan, 'rule' | 'ruleOptions' | 'overlay'>
  > = {},
): RunPlan {
  const { rule: name = 'dpsgd', options = {}, overlay = buildOverlay({ kind: 'ring' }, 5), ...rest } = given;
  const rule = present(findExchangeRule(name), `rule ${name}`);
  const parsed = rule.parse(options);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  return {
    seed: 7,
    overlay,
    matrices: mixingMatrices(overlay, defaultMixing(overlay)),
    rule,
    ruleOptions: parsed.options,
    carrier: 'stream',
    deadline: { factor: 1.5, floorMs: 30, ceilingMs: 500, downGraceMs: 20 },
    rounds: 12,
    checkpointEveryRounds: 4,
    evaluateEveryRounds: 5,
    gatherMs: 1000,
    pullTimeoutMs: 100,
    ...rest,
  };
}

function quadraticOf(peer: number): QuadraticOptions {
  const coordinate = (index: number) => Math.sin(1 + 3 * peer + index);
  return {
    optimum: Array.from({ length: DIMENSION }, (_, index) => coordinate(index)),
    curvature: Array.from({ length: DIMENSION }, (_, index) => 1 + 0.5 * coordinate(index + 99)),
    learningRate: 0.1,
    precision: 'f32',
    noise: { seed: 7, peerIndex: peer, stdDev: 0.05 },
  };
}

/** Peer i pulls towards its own optimum; noise makes every step's bits depend on (peer, step). */
export function plainTrainer(peer: number): Trainer {
  return quadraticTrainer(quadraticOf(peer));
}

/** The same with heavy-ball momentum: what a restart needs is more than params. */
export function momentumTrainer(peer: number): Trainer {
  const options = quadraticOf(peer);
  const velocity = new Float64Array(DIMENSION);
  return {
    ...quadraticTrainer(options),
    layout: layoutOf([{ name: 'x', shape: [DIMENSION] }]),
    async train(params, steps, { firstStep }) {
      let current = Float32Array.from(params);
      for (let number = firstStep; number < firstStep + steps; number++) {
        const gradient = quadraticGradient(options, current, number);
        current = current.map((value, index) => {
          velocity[index] = 0.5 * velocity[index]! + gradient[index]!;
          return value - options.learningRate * velocity[index]!;
        });
      }
      return { params: current, loss: 0, gradientSquaredNorm: 0, sampleCount: steps };
    },
    snapshot: async () => new Uint8Array(velocity.slice().buffer),
    async restore(snapshot) {
      velocity.fill(0);
      if (snapshot.length > 0) velocity.set(new Float64Array(snapshot.slice().buffer));
    },
  };
}

export function virtualPeers(
  plan: RunPlan,
  trainer: (peer: number) => Trainer = plainTrainer,
): (SimulatedPeer & { trainer: Trainer })[] {
  return plan.overlay.nodes.map((_, peer) => ({
    config: peerConfig(plan, peer, STEPS_PER_ROUND),
    trainer: trainer(peer),
  }));
}
