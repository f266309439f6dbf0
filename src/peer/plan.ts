/** From a run's plan (overlay, mixing matrix, rule) to what one peer is told. */
import { present } from '../base/assert.ts';
import type { DeadlineOptions, ExchangeRule } from '../exchange/rule.ts';
import { diameter, distances } from '../topology/connectivity.ts';
import type { MixingMatrix } from '../topology/mixing.ts';
import { inNeighbours, type Overlay, outNeighbours } from '../topology/overlay.ts';
import type { PeerConfig } from './machine.ts';

export interface RunPlan {
  readonly seed: number;
  readonly overlay: Overlay;
  readonly matrix: MixingMatrix;
  readonly rule: ExchangeRule;
  /** As the rule's `parse` returned them. */
  readonly ruleOptions: Readonly<Record<string, unknown>>;
  readonly carrier: 'stream' | 'gossip';
  readonly deadline: DeadlineOptions;
  readonly rounds: number;
  readonly checkpointEveryRounds: number;
  readonly evaluateEveryRounds: number;
  readonly gatherMs: number;
  readonly pullTimeoutMs: number;
}

/** What peer `self` is told; `stepsPerRound` depends on its data. */
export function peerConfig(plan: RunPlan, self: number, stepsPerRound: number): PeerConfig {
  const { overlay, matrix, rule, rounds, seed } = plan;
  const hearsFrom = present(inNeighbours(overlay)[self], `in-neighbours of ${self}`);
  const fromSelf = present(distances(overlay)[self], `distances from ${self}`);
  return {
    self,
    peerCount: overlay.nodes.length,
    diameter: diameter(overlay),
    seed,
    rule,
    rounds,
    stepsPerRound,
    checkpointEveryRounds: plan.checkpointEveryRounds,
    evaluateEveryRounds: plan.evaluateEveryRounds,
    gatherMs: plan.gatherMs,
    pullTimeoutMs: plan.pullTimeoutMs,
    context: {
      self,
      seed,
      outNeighbours: present(outNeighbours(overlay)[self], `out-neighbours of ${self}`),
      inNeighbours: hearsFrom,
      aheadMax: new Map(hearsFrom.map((peer) => [peer, present(fromSelf[peer], `distance to ${peer}`)])),
      mixingRow: present(matrix[self], `mixing row of ${self}`),
      options: plan.ruleOptions,
      deadline: plan.deadline,
      peerCount: overlay.nodes.length,
      rounds,
      trains: stepsPerRound > 0,
      linkLossMeansSilence: plan.carrier === 'stream',
    },
  };
}
