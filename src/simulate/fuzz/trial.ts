/** Runs one scenario with every invariant watching, on the quadratic toy: milliseconds of real time, seconds of virtual time. */
import { present } from '../../base/assert.ts';
import { findExchangeRule } from '../../exchange/registry.ts';
import type { ExchangeRule } from '../../exchange/rule.ts';
import { createFaultPlayer } from '../../faults/player.ts';
import { peerConfig, type RunPlan } from '../../peer/plan.ts';
import { defaultMixing } from '../../topology/mixing.ts';
import { mixingMatrices } from '../../topology/schedule.ts';
import { quadraticTrainer } from '../../train/toy.ts';
import { computeTimes } from '../compute-times.ts';
import { simulate } from '../engine.ts';
import { InvariantViolation, invariantObserver } from '../invariants/index.ts';
import type { SimulationObserver } from '../observer.ts';
import type { SimulatedPeer } from '../simulation.ts';
import { together } from '../together.ts';
import { COMPUTE_MS, overlayOfScenario, type Scenario } from './scenario.ts';

/** What is done to the peers on purpose, to see whether it is found. */
export interface PlantedBug {
  /** Another rule in place of the scenario's; made anew for each trial. */
  readonly rule?: (rule: ExchangeRule) => ExchangeRule;
  /** Told after each step; unlike an observer in earnest it may change the peer's state and actions. */
  readonly saboteur?: (peers: readonly SimulatedPeer[]) => SimulationObserver;
}

export type TrialFailure =
  | { readonly kind: 'violated'; readonly invariant: string; readonly message: string }
  /** The peers' own code threw. */
  | { readonly kind: 'crashed'; readonly message: string };

export type TrialOutcome =
  | { readonly kind: 'held'; readonly eventCount: number; readonly endMs: number }
  | TrialFailure;

const DEADLINE = { factor: 1.5, floorMs: COMPUTE_MS, ceilingMs: 10 * COMPUTE_MS, downGraceMs: 20 };
const GATHER_MS = 20 * COMPUTE_MS;
const PULL_TIMEOUT_MS = 5 * COMPUTE_MS;
/**
 * Nobody stands still for longer: the time to gather, two ceilings for a neighbour that keeps returning, one for one that never does,
 * a few unanswered requests for state, and updates that a fault slows down or a skewed clock stretches.
 */
const STALL_MS_MAX = 12 * (GATHER_MS + DEADLINE.ceilingMs);
/** A run that has not ended by then never will. */
const UNTIL_MS = 1_000 * STALL_MS_MAX;
const EVENTS_MAX = 500_000;
const DIMENSION = 4;

export async function runTrial(scenario: Scenario, bug: PlantedBug = {}): Promise<TrialOutcome> {
  const overlay = overlayOfScenario(scenario);
  const peers = peersOf(scenario, bug);
  const watching = [
    invariantObserver(
      peers.map(({ config }) => config),
      { stallMsMax: STALL_MS_MAX },
    ),
  ];
  const saboteur = bug.saboteur?.(peers);
  const { delayMs, jitterMs, seed } = scenario;
  try {
    const { eventCount, endMs } = await simulate(peers, {
      seed,
      links: {
        delayMs: () => delayMs,
        jitterMs: () => jitterMs,
        arcMbps: () => Number.POSITIVE_INFINITY,
        upMbps: () => Number.POSITIVE_INFINITY,
        downMbps: () => Number.POSITIVE_INFINITY,
        queueBytesMax: Number.POSITIVE_INFINITY,
      },
      computeMs: computeTimes({ model: scenario.compute }, seed),
      faults: createFaultPlayer(scenario.schedule, overlay.arcs),
      observer: together(saboteur === undefined ? watching : [saboteur, ...watching]),
      untilMs: UNTIL_MS,
      eventsMax: EVENTS_MAX,
    });
    return { kind: 'held', eventCount, endMs };
  } catch (error) {
    if (error instanceof InvariantViolation)
      return { kind: 'violated', invariant: error.invariant, message: error.message };
    return {
      kind: 'crashed',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

function peersOf(scenario: Scenario, bug: PlantedBug): SimulatedPeer[] {
  const { seed, rule: ruleName, options, rounds } = scenario;
  const overlay = overlayOfScenario(scenario);
  const known = present(findExchangeRule(ruleName), `exchange rule ${ruleName}`);
  const rule = bug.rule?.(known) ?? known;
  const parsed = rule.parse(options);
  const plan: RunPlan = {
    seed,
    overlay,
    matrices: mixingMatrices(overlay, defaultMixing(overlay)),
    rule,
    ruleOptions: parsed.ok ? parsed.options : options,
    carrier: 'stream',
    deadline: DEADLINE,
    rounds,
    checkpointEveryRounds: 5,
    evaluateEveryRounds: rounds,
    gatherMs: GATHER_MS,
    pullTimeoutMs: PULL_TIMEOUT_MS,
  };
  return overlay.nodes.map((_, peer) => ({
    config: peerConfig(plan, peer, scenario.stepsPerRound),
    trainer: quadraticTrainer({
      optimum: Array.from({ length: DIMENSION }, (_, index) => Math.sin(1 + 3 * peer + index)),
      learningRate: 0.1,
      precision: 'f32',
      noise: { seed, peerIndex: peer, stdDev: 0.05 },
    }),
  }));
}
