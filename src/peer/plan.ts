/** From a run's plan (overlay, mixing matrix, rule) to what one peer is told. */
import { present } from '../base/assert.ts';
import type { DeadlineOptions, ExchangeRule } from '../exchange/rule.ts';
import { diameterBound, distanceSearch } from '../topology/connectivity.ts';
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

const NO_DISTANCES: ReadonlyMap<number, number> = new Map();

/** What all peers of an overlay are told from: found once, for ten thousand configs may follow. */
interface OverlayFacts {
  readonly out: readonly (readonly number[])[];
  readonly in: readonly (readonly number[])[];
  /** At least the diameter: exact on all but large overlays. */
  readonly diameter: number;
  readonly search: ReturnType<typeof distanceSearch>;
}

const factsOf = new WeakMap<Overlay, OverlayFacts>();

/** What peer `self` is told; `stepsPerRound` depends on its data. */
export function peerConfig(plan: RunPlan, self: number, stepsPerRound: number): PeerConfig {
  const { overlay, matrix, rule, rounds, seed } = plan;
  const facts = overlayFacts(overlay);
  const hearsFrom = present(facts.in[self], `in-neighbours of ${self}`);
  return {
    self,
    peerCount: overlay.nodes.length,
    diameter: facts.diameter,
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
      outNeighbours: present(facts.out[self], `out-neighbours of ${self}`),
      inNeighbours: hearsFrom,
      aheadMax: rule.synchronous ? distancesTo(facts, self, hearsFrom) : NO_DISTANCES,
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

function overlayFacts(overlay: Overlay): OverlayFacts {
  const known = factsOf.get(overlay);
  if (known !== undefined) return known;
  const facts = {
    out: outNeighbours(overlay),
    in: inNeighbours(overlay),
    diameter: diameterBound(overlay).hops,
    search: distanceSearch(overlay),
  };
  factsOf.set(overlay, facts);
  return facts;
}

function distancesTo({ search }: OverlayFacts, self: number, peers: readonly number[]): Map<number, number> {
  const distance = search(self, peers);
  return new Map(peers.map((peer) => [peer, present(distance[peer], `distance to ${peer}`)]));
}
