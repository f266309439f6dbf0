/**
 * Which silo takes which position of a schedule, so that its period is short. Simulated annealing over swaps; the cost is
 * Collatz–Wielandt's upper bound on the max-plus eigenvalue of the period's product: with x(r) the start times after r
 * periods, max_i (x_i(r + s) − x_i(r)) / s ≥ λ, and equal to it once the transient is over. What is found is judged
 * anew by the eigenvalue itself.
 */
import type { Random } from '../../base/random.ts';
import { seldom } from '../deadline.ts';
import { arcDelayMs, type ConnectivityGraph, roundComputeMs } from '../delays.ts';
import type { Arc } from '../overlay.ts';
import type { SearchOptions } from './search-options.ts';

export interface PlacementOptions extends SearchOptions {
  /** position → silo; where the search starts. */
  readonly start?: Int32Array;
}

export interface Placement {
  /** [position] → silo. */
  readonly siloAt: Int32Array;
  /** Upper bound on a period of the schedule so placed, ms. */
  readonly periodMs: number;
}

const warmUpPeriods = 3;
const countedPeriods = 3;
const firstTemperature = 0.01;
const lastTemperature = 0.0001;
/** Of the clock; a step takes a time in proportion to the silos. */
const silosPerQuestion = 2_000;

/** `phases`: arcs between positions, which are as many as silos. Core links are not shared here. */
export function searchPlacement(
  graph: ConnectivityGraph,
  phases: readonly (readonly Arc[])[],
  { stepsMax, random, expired, start }: PlacementOptions,
): Placement {
  const clock = new ScheduleClock(graph, phases);
  const siloAt =
    start?.slice() ?? random.shuffle(Int32Array.from({ length: graph.siloCount }, (_, silo) => silo));
  let currentMs = clock.periodMs(siloAt);
  let best = { siloAt: siloAt.slice(), periodMs: currentMs };
  const isUp = seldom(expired, Math.max(1, Math.floor(silosPerQuestion / graph.siloCount)));
  for (let step = 0; step < stepsMax; step++) {
    if (isUp()) break;
    const share = firstTemperature * (lastTemperature / firstTemperature) ** (step / stepsMax);
    const [one, other] = twoPositions(siloAt.length, random);
    swap(siloAt, one, other);
    const trialMs = clock.periodMs(siloAt);
    const worse = trialMs - currentMs;
    if (worse > 0 && random.uniform() >= Math.exp(-worse / (share * currentMs))) {
      swap(siloAt, one, other);
      continue;
    }
    currentMs = trialMs;
    if (currentMs < best.periodMs) best = { siloAt: siloAt.slice(), periodMs: currentMs };
  }
  return best;
}

function twoPositions(count: number, random: Random): [number, number] {
  if (count < 2) return [0, 0];
  const one = random.integer(count);
  return [one, (one + 1 + random.integer(count - 1)) % count];
}

function swap(siloAt: Int32Array, one: number, other: number): void {
  [siloAt[one], siloAt[other]] = [siloAt[other]!, siloAt[one]!];
}

/** Delays between silos at given degrees, row = sender; NaN where nobody has asked yet. [n × n] */
interface DelayTable {
  readonly outDegree: number;
  readonly inDegree: number;
  readonly delayMs: Float64Array;
}

/** By arc: tail, head, and the delays at their degrees. */
interface TimedPhase {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly tables: readonly DelayTable[];
}

/** Start times of rounds, period after period. */
class ScheduleClock {
  readonly #siloCount: number;
  readonly #graph: ConnectivityGraph;
  readonly #phases: readonly TimedPhase[];
  readonly #computeMs: Float64Array;
  #now: Float64Array;
  #next: Float64Array;
  readonly #mark: Float64Array;

  constructor(graph: ConnectivityGraph, phases: readonly (readonly Arc[])[]) {
    this.#siloCount = graph.siloCount;
    this.#graph = graph;
    const tables = new Map<string, DelayTable>();
    this.#phases = phases.map((arcs) => {
      const outDegree = new Int32Array(graph.siloCount);
      const inDegree = new Int32Array(graph.siloCount);
      for (const [from, to] of arcs) {
        outDegree[from] = outDegree[from]! + 1;
        inDegree[to] = inDegree[to]! + 1;
      }
      return {
        from: Int32Array.from(arcs, ([from]) => from),
        to: Int32Array.from(arcs, ([, to]) => to),
        tables: arcs.map(([from, to]) => tableOf(graph, outDegree[from]!, inDegree[to]!, tables)),
      };
    });
    this.#computeMs = Float64Array.from({ length: graph.siloCount }, (_, silo) =>
      roundComputeMs(graph, silo),
    );
    this.#now = new Float64Array(graph.siloCount);
    this.#next = new Float64Array(graph.siloCount);
    this.#mark = new Float64Array(graph.siloCount);
  }

  periodMs(siloAt: Int32Array): number {
    this.#now.fill(0);
    for (let period = 0; period < warmUpPeriods; period++) this.#advance(siloAt);
    this.#mark.set(this.#now);
    for (let period = 0; period < countedPeriods; period++) this.#advance(siloAt);
    let most = 0;
    for (let position = 0; position < this.#siloCount; position++) {
      most = Math.max(most, this.#now[position]! - this.#mark[position]!);
    }
    return most / countedPeriods;
  }

  #delayMs({ outDegree, inDegree, delayMs }: DelayTable, from: number, to: number): number {
    const pair = from * this.#siloCount + to;
    const held = delayMs[pair]!;
    if (!Number.isNaN(held)) return held;
    const found = arcDelayMs(this.#graph, from, to, outDegree, inDegree);
    delayMs[pair] = found;
    return found;
  }

  #advance(siloAt: Int32Array): void {
    const count = this.#siloCount;
    for (const { from, to, tables } of this.#phases) {
      const now = this.#now;
      const next = this.#next;
      for (let position = 0; position < count; position++) {
        next[position] = now[position]! + this.#computeMs[siloAt[position]!]!;
      }
      for (let arc = 0; arc < from.length; arc++) {
        const tail = from[arc]!;
        const head = to[arc]!;
        const arrivalMs = now[tail]! + this.#delayMs(tables[arc]!, siloAt[tail]!, siloAt[head]!);
        if (arrivalMs > next[head]!) next[head] = arrivalMs;
      }
      this.#now = next;
      this.#next = now;
    }
  }
}

function tableOf(
  { siloCount }: ConnectivityGraph,
  outDegree: number,
  inDegree: number,
  tables: Map<string, DelayTable>,
): DelayTable {
  const key = `${outDegree},${inDegree}`;
  const held = tables.get(key);
  if (held !== undefined) return held;
  const table = { outDegree, inDegree, delayMs: new Float64Array(siloCount * siloCount).fill(Number.NaN) };
  tables.set(key, table);
  return table;
}
