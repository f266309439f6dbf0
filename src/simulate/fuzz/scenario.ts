/**
 * A scenario of the fuzzer: a whole small run (graph, rule, links, compute times, faults) as plain data, drawn from one number. Equal
 * scenarios run alike to the bit, so a failing one can be saved, shrunk and run again.
 */
import { present } from '../../base/assert.ts';
import { Random } from '../../base/random.ts';
import { drawSchedule } from '../../faults/draw.ts';
import type { FaultSchedule } from '../../faults/fault.ts';
import { buildOverlay, type TopologySpec } from '../../topology/builders.ts';
import type { Overlay } from '../../topology/overlay.ts';
import type { ComputeModel } from '../compute-times.ts';

export interface Scenario {
  readonly seed: number;
  readonly peerCount: number;
  readonly topology: TopologySpec;
  readonly rule: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly rounds: number;
  readonly stepsPerRound: number;
  readonly compute: ComputeModel;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly schedule: FaultSchedule;
}

export interface RuleVariant {
  readonly rule: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether it runs on digraphs. */
  readonly directed: boolean;
  /** Least number of neighbours of each peer; 1 where absent. */
  readonly degreeMin?: number;
  /** Local updates a round; 1 where absent. */
  readonly stepsPerRound?: number;
}

/** What is fuzzed: every rule, in the variants that differ in what they do. */
export const ruleVariants: readonly RuleVariant[] = [
  { rule: 'dpsgd', options: { variant: 'adapt-then-mix' }, directed: true },
  { rule: 'dpsgd', options: { variant: 'mix-then-adapt' }, directed: true },
  { rule: 'dpsgd', options: { variant: 'parallel' }, directed: true },
  { rule: 'dpsgd', options: { staleness: 2 }, directed: true },
  { rule: 'dpsgd', options: { backups: 1 }, directed: false, degreeMin: 2 },
  { rule: 'dpsgd+int8', options: {}, directed: true },
  { rule: 'receive-merge', options: {}, directed: true },
  { rule: 'pairwise', options: {}, directed: false },
  { rule: 'gossip-learning', options: {}, directed: true },
  { rule: 'gossip-learning', options: { mode: 'push-pull' }, directed: false },
  { rule: 'gossip-learning', options: { parts: 3, sends: 2 }, directed: true },
  { rule: 'gossip-learning', options: { tokens: { kind: 'randomised' } }, directed: true },
  { rule: 'push-sum', options: {}, directed: true },
  { rule: 'push-sum', options: {}, directed: true, stepsPerRound: 0 },
  { rule: 'choco', options: {}, directed: false },
  {
    rule: 'choco',
    options: { compressor: { kind: 'top-k', count: 1 }, snapshotEveryRounds: 6 },
    directed: false,
  },
];

const ROUNDS = 24;
/** Updates of a round take about this long. */
export const COMPUTE_MS = 100;
/** Faults begin while the undisturbed run would still go on. */
const FAULTS_UNTIL_MS = ROUNDS * COMPUTE_MS;
const PEERS_MIN = 3;
const PEERS_MAX = 8;

/** Scenario number `index` under `seed`. */
export function drawScenario(
  seed: number,
  index: number,
  variants: readonly RuleVariant[] = ruleVariants,
): Scenario {
  const random = Random.of(seed, 'fuzz', index);
  const variant = present(variants[random.integer(variants.length)], 'a rule to fuzz');
  const { rule, options, stepsPerRound = 1 } = variant;
  const peerCount = PEERS_MIN + random.integer(PEERS_MAX - PEERS_MIN + 1);
  const topology = drawTopology(random, peerCount, variant);
  const scenarioSeed = random.uint32();
  const overlay = overlayOfScenario({ topology, peerCount, seed: scenarioSeed });
  return {
    seed: scenarioSeed,
    peerCount,
    topology,
    rule,
    options,
    rounds: ROUNDS,
    stepsPerRound,
    compute: drawCompute(random),
    delayMs: random.integer(20),
    jitterMs: random.integer(2) * random.integer(20),
    schedule: drawSchedule(
      {
        seed: scenarioSeed,
        intensity: random.integer(2) === 0 ? 'mild' : 'harsh',
        untilMs: FAULTS_UNTIL_MS,
        faults: 1 + random.integer(8),
      },
      peerCount,
      overlay.arcs,
    ),
  };
}

export function overlayOfScenario({
  topology,
  peerCount,
  seed,
}: Pick<Scenario, 'topology' | 'peerCount' | 'seed'>): Overlay {
  return buildOverlay(topology, peerCount, seed);
}

function drawTopology(
  random: Random,
  peerCount: number,
  { directed, degreeMin = 1 }: RuleVariant,
): TopologySpec {
  const choices: TopologySpec[] = [{ kind: 'ring' }, { kind: 'complete' }];
  if (degreeMin === 1) choices.push({ kind: 'star', hub: 0 }, { kind: 'path' });
  if (peerCount % 2 === 0) choices.push({ kind: 'random-regular', degree: 3 });
  if (directed) choices.push({ kind: 'exponential' });
  return present(choices[random.integer(choices.length)], 'a graph to fuzz');
}

function drawCompute(random: Random): ComputeModel {
  const models: readonly ComputeModel[] = [
    { kind: 'constant', ms: COMPUTE_MS },
    { kind: 'uniform', fromMs: COMPUTE_MS / 2, toMs: (3 * COMPUTE_MS) / 2 },
    { kind: 'exponential', meanMs: COMPUTE_MS / 2, shiftMs: COMPUTE_MS / 2 },
  ];
  return present(models[random.integer(models.length)], 'a compute model');
}
