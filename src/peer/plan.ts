/** From a run's plan (overlay, mixing matrix, rule) to what one peer is told. */
import { present } from '../base/assert.ts';
import type { DeadlineOptions, ExchangeRule, RulePhase } from '../exchange/rule.ts';
import { diameterBound, distanceSearch } from '../topology/connectivity.ts';
import type { MixingMatrix } from '../topology/mixing.ts';
import { inNeighbours, type Overlay, outNeighbours } from '../topology/overlay.ts';
import { overlayOfRound, phaseCount } from '../topology/schedule.ts';
import type { AggregatePlan, PeerConfig } from './machine.ts';

export interface RunPlan {
  readonly seed: number;
  readonly overlay: Overlay;
  /** One per phase of the overlay's schedule; one where it has none. */
  readonly matrices: readonly MixingMatrix[];
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
  readonly aggregate?: AggregatePlan;
}

const NO_DISTANCES: ReadonlyMap<number, number> = new Map();

/** What all peers of an overlay are told from: found once, for ten thousand configs may follow. */
interface OverlayFacts {
  readonly out: readonly (readonly number[])[];
  readonly in: readonly (readonly number[])[];
  /** Of each phase; absent where the graph does not change. */
  readonly phases: readonly PhaseFacts[] | undefined;
  /** Rounds that one hop may take: news waits for the phase that uses the arc. */
  readonly hopRounds: number;
  /** At least the diameter: exact on all but large overlays. */
  readonly diameter: number;
  readonly search: ReturnType<typeof distanceSearch>;
}

type PhaseFacts = Pick<OverlayFacts, 'out' | 'in'>;

const factsOf = new WeakMap<Overlay, OverlayFacts>();

/** What peer `self` is told; `stepsPerRound` depends on its data. */
export function peerConfig(plan: RunPlan, self: number, stepsPerRound: number): PeerConfig {
  const { overlay, matrices, rule, rounds, seed } = plan;
  const facts = overlayFacts(overlay);
  const hearsFrom = present(facts.in[self], `in-neighbours of ${self}`);
  return {
    self,
    peerCount: overlay.nodes.length,
    diameter: facts.diameter * facts.hopRounds,
    seed,
    rule,
    rounds,
    stepsPerRound,
    checkpointEveryRounds: plan.checkpointEveryRounds,
    evaluateEveryRounds: plan.evaluateEveryRounds,
    gatherMs: plan.gatherMs,
    pullTimeoutMs: plan.pullTimeoutMs,
    ...(plan.aggregate === undefined ? {} : { aggregate: plan.aggregate }),
    context: {
      self,
      seed,
      outNeighbours: present(facts.out[self], `out-neighbours of ${self}`),
      inNeighbours: hearsFrom,
      aheadMax: rule.synchronous ? distancesTo(facts, self, hearsFrom) : NO_DISTANCES,
      mixingRow: present(matrices[0]?.[self], `mixing row of ${self}`),
      ...(facts.phases === undefined ? {} : { phases: phasesOf(facts.phases, matrices, self) }),
      options: plan.ruleOptions,
      deadline: plan.deadline,
      peerCount: overlay.nodes.length,
      rounds,
      trains: stepsPerRound > 0,
      linkLossMeansSilence: plan.carrier === 'stream',
    },
  };
}

function phasesOf(
  phases: readonly PhaseFacts[],
  matrices: readonly MixingMatrix[],
  self: number,
): RulePhase[] {
  return phases.map((phase, index) => ({
    outNeighbours: present(phase.out[self], `out-neighbours of ${self}`),
    inNeighbours: present(phase.in[self], `in-neighbours of ${self}`),
    mixingRow: present(matrices[index]?.[self], `mixing row of ${self} in phase ${index}`),
  }));
}

function overlayFacts(overlay: Overlay): OverlayFacts {
  const known = factsOf.get(overlay);
  if (known !== undefined) return known;
  const facts = {
    out: outNeighbours(overlay),
    in: inNeighbours(overlay),
    phases: phaseFacts(overlay),
    hopRounds: phaseCount(overlay),
    diameter: diameterBound(overlay).hops,
    search: distanceSearch(overlay),
  };
  factsOf.set(overlay, facts);
  return facts;
}

function phaseFacts(overlay: Overlay): PhaseFacts[] | undefined {
  if (overlay.schedule === undefined) return undefined;
  return overlay.schedule.map((_, phase) => {
    const used = overlayOfRound(overlay, phase);
    return { out: outNeighbours(used), in: inNeighbours(used) };
  });
}

function distancesTo(
  { search, hopRounds }: OverlayFacts,
  self: number,
  peers: readonly number[],
): Map<number, number> {
  const distance = search(self, peers);
  return new Map(peers.map((peer) => [peer, hopRounds * present(distance[peer], `distance to ${peer}`)]));
}
