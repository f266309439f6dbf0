/** What an overlay comes to on a network: seconds a round and why, and how fast information mixes over it. */
import { InputError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { type Consensus, consensusOf } from './consensus.ts';
import { simulatedCycle } from './cycle-time/random-rounds.ts';
import { type CriticalCycle, pipelinedCycle, scheduleCycle } from './cycle-time/schedule-cycle.ts';
import { type Expired, neverExpired, withinTime } from './deadline.ts';
import { arcDelaysMs, type ConnectivityGraph } from './delays.ts';
import {
  type Arc,
  inNeighbours,
  type Overlay,
  outNeighbours,
  overlayOf,
  renamedTiming,
  type Timing,
  type WeightEntry,
} from './overlay.ts';
import { drawnRound } from './round-draws.ts';
import { starCycleTimeMs } from './star-rule.ts';

export interface Judgement {
  /** λ: ms a round in steady state. */
  readonly cycleTimeMs: number;
  readonly timing: Timing['kind'];
  /** Half of the 95 % interval, where rounds are random. */
  readonly confidenceMs?: number;
  /** What λ is the mean of; missing where rounds are random. */
  readonly criticalCycle?: CriticalCycle;
  /** Arcs of all phases together. */
  readonly arcCount: number;
  /** The most arcs that leave or enter a silo in one round. */
  readonly maxDegree: number;
  /** Missing where silos mix models of several ages (pipelined): no one matrix says what a round does. */
  readonly consensus?: Consensus;
  /** True where the time was up before `consensus` was known. */
  readonly mixingUnfinished?: boolean;
  /** λ times the rounds to consensus, s. */
  readonly secondsToConsensus?: number;
  /** λ times the rounds to the exact average, ms; where there is one. */
  readonly exactAverageMs?: number;
}

export interface JudgeOptions {
  /** Of random rounds. */
  readonly seed?: number;
  /** False: cycle time and degrees only, without what mixing comes to. */
  readonly mixing?: boolean;
  /** True once the time is up: mixing is left out then, random rounds are few. */
  expired?(): boolean;
  /** True once there is no time even for the cycle time: OperatingError `time-limit`. */
  abandoned?(): boolean;
}

/**
 * Nodes of the overlay are the graph's silos, in order; with `placement` node k sits at silo placement[k]. Throws
 * InputError `overlay-does-not-fit` where their numbers differ or the placement is not one to one.
 */
export function judge(
  graph: ConnectivityGraph,
  given: Overlay,
  rounds: Timing,
  { seed = 0, mixing = true, expired = neverExpired, abandoned = neverExpired }: JudgeOptions = {},
): Judgement {
  const overlay = placed(given, graph);
  const { placement } = given;
  const timing = placement === undefined ? rounds : renamedTiming(rounds, (node) => placement[node]!);
  const random = Random.of(seed, 'judge', overlay.name);
  const time = timeOf(graph, overlay, timing, random, { expired, abandoned });
  const mixed = mixing ? mixingOf(overlay, timing, expired) : undefined;
  return {
    ...time,
    timing: timing.kind,
    arcCount: overlay.arcs.length,
    maxDegree: maxPhaseDegree(overlay),
    ...(mixed === undefined
      ? {}
      : mixed === 'unfinished'
        ? { mixingUnfinished: true }
        : mixingTimes(mixed, time.cycleTimeMs)),
  };
}

/** The overlay with its nodes renamed to the silos where they sit; times depend on those only. */
function placed(overlay: Overlay, { siloCount }: ConnectivityGraph): Overlay {
  const { placement, arcs, schedule, weights, scheduleWeights, timing: _timing, ...rest } = overlay;
  const sites = new Set(placement ?? overlay.nodes.keys());
  if (
    overlay.nodes.length !== siloCount ||
    sites.size !== siloCount ||
    [...sites].some((site) => site >= siloCount)
  ) {
    const what =
      placement === undefined ? `${overlay.nodes.length} nodes` : `a placement on ${sites.size} sites`;
    throw new InputError(
      'overlay-does-not-fit',
      `overlay ${overlay.name} has ${what}, and the underlay ${siloCount} silos; wanted one node for each silo`,
    );
  }
  if (placement === undefined) return overlay;
  const moved = (list: readonly Arc[]) => list.map(([from, to]): Arc => [placement[from]!, placement[to]!]);
  const weighed = (list: readonly WeightEntry[]) =>
    list.map(([to, from, weight]): WeightEntry => [placement[to]!, placement[from]!, weight]);
  return overlayOf({
    ...rest,
    arcs: moved(arcs),
    ...(schedule === undefined ? {} : { schedule: schedule.map(moved) }),
    ...(weights === undefined ? {} : { weights: weighed(weights) }),
    ...(scheduleWeights === undefined ? {} : { scheduleWeights: scheduleWeights.map(weighed) }),
  });
}

/** The server averages all in one round. */
const serverConsensus: Consensus = { spectralGap: 1, roundsTo1e3: 1, roundsToExact: 1, isEstimate: false };

/** One silo's schedules are empty: nobody to exchange with. */
function phasesOf({ schedule = [], arcs }: Overlay): readonly (readonly Arc[])[] {
  return schedule.length === 0 ? [arcs] : schedule;
}

function mixingOf(overlay: Overlay, timing: Timing, expired: Expired): Consensus | 'unfinished' | undefined {
  if (timing.kind === 'star') return serverConsensus;
  if (timing.kind === 'pipelined') return undefined;
  if (expired()) return 'unfinished';
  const mixed = withinTime(() => ({ consensus: consensusOf(overlay, expired) }));
  return mixed === undefined ? 'unfinished' : mixed.consensus;
}

type Time = Pick<Judgement, 'cycleTimeMs' | 'confidenceMs' | 'criticalCycle'>;

function timeOf(
  graph: ConnectivityGraph,
  overlay: Overlay,
  timing: Timing,
  random: Random,
  { expired, abandoned }: Required<Pick<JudgeOptions, 'expired' | 'abandoned'>>,
): Time {
  switch (timing.kind) {
    case 'star':
      return { cycleTimeMs: starCycleTimeMs(graph, timing.hub), criticalCycle: starCycle(graph, timing.hub) };
    case 'random': {
      const { barrier, draw } = timing;
      const rounds = { barrier, draw: () => drawnRound(draw, overlay, random) };
      const { meanMs, confidenceMs } = simulatedCycle(graph, rounds, expired, abandoned);
      return { cycleTimeMs: meanMs, confidenceMs };
    }
    case 'pipelined': {
      const criticalCycle = pipelinedCycle(graph, overlay.arcs, timing.staleness, abandoned);
      return { cycleTimeMs: criticalCycle.meanMs, criticalCycle };
    }
    case 'gossip': {
      const criticalCycle = scheduleCycle(graph, phasesOf(overlay), abandoned);
      return { cycleTimeMs: criticalCycle.meanMs, criticalCycle };
    }
  }
}

/** From the silo that the hub waits for longest, over the hub, to the one it reaches last. */
function starCycle(graph: ConnectivityGraph, hub: number): CriticalCycle {
  const others = graph.names.map((_, silo) => silo).filter((silo) => silo !== hub);
  const slowest = (delays: Float64Array) =>
    others[delays.indexOf(delays.reduce((a, b) => Math.max(a, b), 0))];
  const up = slowest(
    arcDelaysMs(
      graph,
      others.map((silo) => [silo, hub] as const),
    ),
  );
  const down = slowest(
    arcDelaysMs(
      graph,
      others.map((silo) => [hub, silo] as const),
    ),
  );
  const silos = [up, hub, down].filter((silo) => silo !== undefined);
  return { meanMs: starCycleTimeMs(graph, hub), silos };
}

function maxPhaseDegree(overlay: Overlay): number {
  return phasesOf(overlay).reduce((most, arcs) => {
    const phase = { ...overlay, arcs };
    const degrees = [...outNeighbours(phase), ...inNeighbours(phase)].map((list) => list.length);
    return degrees.reduce((largest, degree) => Math.max(largest, degree), most);
  }, 0);
}

function mixingTimes(consensus: Consensus, cycleTimeMs: number) {
  const { roundsToExact, roundsTo1e3 } = consensus;
  return {
    consensus,
    secondsToConsensus: (roundsTo1e3 * cycleTimeMs) / 1000,
    ...(roundsToExact === undefined ? {} : { exactAverageMs: roundsToExact * cycleTimeMs }),
  };
}
