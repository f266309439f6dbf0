/**
 * Simulated annealing on the arcs themselves, judged with the delays that the overlay really has: degrees share access
 * links, and core links where the graph says so. Starts from a given strong overlay; moves drop an arc, add one, turn
 * one to another silo, or take a silo out of its place between two others and put it into an arc. Most moves touch the
 * critical cycle. This is what counts where access is scarce and degrees are dear; where they are free, the search on
 * potentials comes first and this one finishes it.
 */
import { assert } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import { arcDelaysMs, type ConnectivityGraph, delayMatrix, roundComputeMs } from '../delays.ts';
import type { Arc } from '../overlay.ts';
import { CycleMeanSolver } from './cycle-mean-solver.ts';
import type { SearchOptions } from './search-options.ts';

export interface JudgedArcs {
  readonly arcs: readonly Arc[];
  readonly cycleTimeMs: number;
}

const firstTemperature = 0.004;
const lastTemperature = 0.00002;
const stepsPerClockCheck = 16;
const neighbourCount = 12;

/** The best overlay met from `start` (strong) on, never worse than it. */
export function searchArcs(
  graph: ConnectivityGraph,
  start: readonly Arc[],
  { stepsMax, random, expired }: SearchOptions,
): JudgedArcs {
  const judge = new ArcJudge(graph);
  const near = nearestSilos(graph);
  let current = [...start];
  let currentMs = judge.cycleTimeMs(current);
  let critical = judge.criticalArcs();
  let best = { arcs: current, cycleTimeMs: currentMs };
  for (let step = 0; step < stepsMax; step++) {
    if (step % stepsPerClockCheck === 0 && expired()) break;
    const share = firstTemperature * (lastTemperature / firstTemperature) ** (step / stepsMax);
    const trial = moved(current, critical, near, random);
    if (trial === undefined || !judge.isStrong(trial)) continue;
    const trialMs = judge.cycleTimeMs(trial);
    const worse = trialMs - currentMs;
    if (worse > 0 && random.uniform() >= Math.exp(-worse / (share * currentMs))) continue;
    current = trial;
    currentMs = trialMs;
    critical = judge.criticalArcs();
    if (currentMs < best.cycleTimeMs - 1e-9) best = { arcs: current, cycleTimeMs: currentMs };
  }
  return best;
}

/** Takes arcs away, the slowest first, while the overlay stays strong: no delay rises by that. `expired` ends it early. */
export function minimalStrong(
  graph: ConnectivityGraph,
  arcs: readonly Arc[],
  { expired }: Pick<SearchOptions, 'expired'>,
): Arc[] {
  if (expired()) return uniqueArcs(arcs, graph.siloCount);
  const judge = new ArcJudge(graph);
  const delayMs = delayMatrix(graph);
  const slowness = ([from, to]: Arc) => delayMs[from * graph.siloCount + to]!;
  let kept = uniqueArcs(arcs, graph.siloCount).sort((a, b) => slowness(b) - slowness(a));
  for (const arc of [...kept]) {
    if (expired()) break;
    const without = kept.filter((other) => other !== arc);
    if (judge.isStrong(without)) kept = without;
  }
  return kept;
}

function uniqueArcs(arcs: readonly Arc[], count: number): Arc[] {
  const byKey = new Map(arcs.map((arc) => [arc[0] * count + arc[1], arc]));
  return [...byKey.values()];
}

function moved(
  arcs: readonly Arc[],
  critical: readonly number[],
  near: readonly Int32Array[],
  random: Random,
): Arc[] | undefined {
  const place =
    critical.length > 0 && random.uniform() < 0.7
      ? critical[random.integer(critical.length)]!
      : random.integer(arcs.length);
  const [from, to] = arcs[place]!;
  const others = arcs.filter((_, index) => index !== place);
  const kind = random.uniform();
  if (kind < 0.15) return others;
  const anchor = random.uniform() < 0.5 ? from : to;
  const silo = near[anchor]![random.integer(near[anchor]!.length)]!;
  if (silo === from || silo === to) return undefined;
  if (kind < 0.3) return withArcs(arcs, [[from, silo]]);
  if (kind < 0.45) return withArcs(others, [[from, silo]]);
  if (kind < 0.6) return withArcs(others, [[silo, to]]);
  const added: Arc[] = [
    [from, silo],
    [silo, to],
  ];
  return withArcs(kind < 0.75 ? others : withoutSilo(others, silo), added);
}

/** The arcs with a silo between two others bypassed; where it has more than one arc in or out, they stay. */
function withoutSilo(arcs: readonly Arc[], silo: number): readonly Arc[] {
  const into = arcs.filter(([, to]) => to === silo);
  const outOf = arcs.filter(([from]) => from === silo);
  if (into.length !== 1 || outOf.length !== 1) return arcs;
  const [before] = into[0]!;
  const [, after] = outOf[0]!;
  const rest = arcs.filter(([from, to]) => from !== silo && to !== silo);
  return before === after ? rest : (withArcs(rest, [[before, after]]) ?? rest);
}

/** undefined where one is there already. */
function withArcs(arcs: readonly Arc[], added: readonly Arc[]): Arc[] | undefined {
  const isThere = ([from, to]: Arc) => arcs.some((arc) => arc[0] === from && arc[1] === to);
  return added.some(isThere) ? undefined : [...arcs, ...added];
}

function nearestSilos(graph: ConnectivityGraph): Int32Array[] {
  const { siloCount } = graph;
  const delayMs = delayMatrix(graph);
  const both = (one: number, other: number) =>
    delayMs[one * siloCount + other]! + delayMs[other * siloCount + one]!;
  return Array.from({ length: siloCount }, (_, silo) => {
    const others = Array.from({ length: siloCount }, (_, other) => other).filter((other) => other !== silo);
    others.sort((a, b) => both(silo, a) - both(silo, b) || a - b);
    return Int32Array.from(others.slice(0, neighbourCount));
  });
}

/** Cycle times and strength of many small overlays of one graph. */
class ArcJudge {
  readonly #graph: ConnectivityGraph;
  readonly #solver: CycleMeanSolver;
  readonly #potentials: Float64Array;
  readonly #slowestSelfMs: number;
  readonly #baseMs: Float64Array;
  readonly #coreMs: Float64Array;
  readonly #degrees: { readonly out: Int32Array; readonly in: Int32Array };

  constructor(graph: ConnectivityGraph) {
    const { siloCount, modelBits } = graph;
    this.#graph = graph;
    this.#solver = new CycleMeanSolver(siloCount, siloCount * siloCount);
    this.#potentials = new Float64Array(siloCount);
    this.#degrees = { out: new Int32Array(siloCount), in: new Int32Array(siloCount) };
    this.#baseMs = new Float64Array(siloCount * siloCount);
    this.#coreMs = new Float64Array(siloCount * siloCount);
    let slowestSelfMs = 0;
    for (let from = 0; from < siloCount; from++) {
      slowestSelfMs = Math.max(slowestSelfMs, roundComputeMs(graph, from));
      for (let to = 0; to < siloCount; to++) {
        if (from === to) continue;
        this.#baseMs[from * siloCount + to] = roundComputeMs(graph, from) + graph.latencyMs(from, to);
        this.#coreMs[from * siloCount + to] = (1000 * modelBits) / graph.coreBps(from, to);
      }
    }
    this.#slowestSelfMs = slowestSelfMs;
  }

  /** λ of a strong overlay, self-arcs included. */
  cycleTimeMs(arcs: readonly Arc[]): number {
    const solver = this.#solver;
    solver.arcCount = arcs.length;
    arcs.forEach(([from, to], index) => {
      solver.from[index] = from;
      solver.to[index] = to;
    });
    this.#fillLengths(arcs);
    const mean = solver.solve(this.#potentials);
    assert(Number.isFinite(mean), `cycle mean ${mean}`);
    return Math.max(mean, this.#slowestSelfMs);
  }

  /** Places, in the list last judged, of the arcs of a cycle with the largest mean. */
  criticalArcs(): number[] {
    const { solver, next } = { solver: this.#solver, next: new Map<number, number>() };
    const cycle = solver.criticalCycle();
    cycle.forEach((node, index) => {
      next.set(node, cycle[(index + 1) % cycle.length]!);
    });
    const places: number[] = [];
    for (let arc = 0; arc < solver.arcCount; arc++) {
      if (next.get(solver.from[arc]!) === solver.to[arc]) places.push(arc);
    }
    return places;
  }

  isStrong(arcs: readonly Arc[]): boolean {
    return this.#reachesAll(arcs, 0, 1) && this.#reachesAll(arcs, 1, 0);
  }

  #reachesAll(arcs: readonly Arc[], tail: 0 | 1, head: 0 | 1): boolean {
    const { siloCount } = this.#graph;
    const lists: number[][] = Array.from({ length: siloCount }, () => []);
    for (const arc of arcs) lists[arc[tail]]!.push(arc[head]);
    const seen = new Uint8Array(siloCount);
    seen[0] = 1;
    const queue = [0];
    for (const silo of queue) {
      for (const next of lists[silo]!) {
        if (seen[next] === 1) continue;
        seen[next] = 1;
        queue.push(next);
      }
    }
    return queue.length === siloCount;
  }

  #fillLengths(arcs: readonly Arc[]): void {
    const { siloCount, modelBits, upBps, downBps } = this.#graph;
    const { length } = this.#solver;
    if (this.#graph.routes !== undefined) {
      length.set(arcDelaysMs(this.#graph, arcs));
      return;
    }
    const { out: outDegree, in: inDegree } = this.#degrees;
    outDegree.fill(0);
    inDegree.fill(0);
    for (const [from, to] of arcs) {
      outDegree[from] = outDegree[from]! + 1;
      inDegree[to] = inDegree[to]! + 1;
    }
    arcs.forEach(([from, to], index) => {
      const key = from * siloCount + to;
      const upMs = (1000 * modelBits * outDegree[from]!) / upBps[from]!;
      const downMs = (1000 * modelBits * inDegree[to]!) / downBps[to]!;
      length[index] = this.#baseMs[key]! + Math.max(this.#coreMs[key]!, upMs, downMs);
    });
  }
}
