/**
 * The least mean of a simple cycle that leaves a set S of silos, from below, with the best prices (crossing-proof.ts): the
 * dual of min Σ d · x over flows x of total 1, where no silo has more of it than leaves S, and what reaches a silo enters
 * every W around it that is apart from S (subtours, as in Fischetti, Salazar González, Toth 1998). Of these rows only those
 * come in that the solution violates, found as smallest cuts between S and a silo; with all of them it is often a cycle
 * itself, and the bound then exact. Rounding in the program costs some of the bound, but never its truth.
 */
import {
  type CrossingPrices,
  cutCoefficient,
  leastOffDiagonal,
  reducedDelays,
  type VisitCut,
} from './crossing-proof.ts';
import { DualSimplex, type LinearRow, type SimplexRun } from './dual-simplex.ts';
import { CutGraph } from './smallest-cut.ts';

/** A simple cycle, its silos in order, and its mean, ms. */
export interface MeanCycle {
  readonly meanMs: number;
  readonly nodes: readonly number[];
}

/** Shares of what leaves S. */
interface FlowSolution {
  /** Along each arc of the program. */
  readonly flows: Float64Array;
  /** Into each silo. */
  readonly visits: Float64Array;
}

/** The cheapest arcs out of and into each silo that the program begins with. */
const nearestArcs = 10;
const leastViolation = 1e-4;
const leastFlow = 1e-6;
/** Costs are told apart by up to this share of the mean delay. */
const perturbation = 1e-7;
/** Arcs left out that lower the bound by more than this share come in, in the end and on the way. */
const leastLoss = 1e-6;
const largeLoss = 1e-3;
/** How often it is looked at what is proved. */
const stepsPerProof = 200;
const goldenShare = 0.618_033_988_749_894_9;

export class CrossingBound {
  readonly nodes: readonly number[];
  /** Proved. */
  lowerBoundMs = 0;
  /** Nothing more is to be had. */
  isDone = false;
  /** The fastest met that leaves S. */
  cycle: MeanCycle | undefined;
  readonly #count: number;
  readonly #delayMs: Float64Array;
  readonly #scaleMs: number;
  readonly #inside: Uint8Array;
  /** [n × n], 1: in the program. */
  readonly #isUsed: Uint8Array;
  /** [column], row · n + column of the delay. */
  #arcs = new Int32Array(0);
  /** Delays as shares of the scale; the last column is how often S is left. */
  #simplex: DualSimplex;
  /** Of the rows after the first ones. */
  #cuts: VisitCut[] = [];
  #earlierSteps = 0;
  #stepsAtProof = 0;

  /** `delayMs`: [n × n], row = sender. `nodes`: S, not all silos. `cuts`: to begin with; those apart from S are used. */
  constructor(
    count: number,
    delayMs: Float64Array,
    nodes: readonly number[],
    cuts: readonly VisitCut[] = [],
  ) {
    this.nodes = nodes;
    this.#count = count;
    this.#delayMs = delayMs;
    this.#scaleMs = delayMs.reduce((total, delay) => total + delay, 0) / delayMs.length;
    this.#inside = new Uint8Array(count);
    for (const node of nodes) this.#inside[node] = 1;
    this.#isUsed = nearest(count, delayMs, nodes);
    this.#simplex = this.#program(cuts.filter(({ inside }) => nodes.every((node) => inside[node] === 0)));
  }

  /** Of the simplex method, so far. */
  get steps(): number {
    return this.#earlierSteps + this.#simplex.steps;
  }

  get cuts(): readonly VisitCut[] {
    return this.#cuts;
  }

  /** Goes on until it is done, or expired, or of no use: a cycle is known with a mean of `enoughMs` or less. */
  raise(run: SimplexRun, enoughMs: number): void {
    for (let isExpired = false; !this.isDone && !isExpired; ) {
      const outcome = this.#simplex.solve(run);
      if (outcome === 'optimal') this.isDone = !this.#refine(enoughMs);
      else if (outcome === 'failed') this.isDone = true;
      else isExpired = true;
    }
    this.#prove();
  }

  /** The delays reduced by the prices as they are: a bound. */
  #prove(): Float64Array {
    const reduced = this.#reducedDelays();
    const provedMs = leastOffDiagonal(this.#count, reduced);
    if (provedMs > this.lowerBoundMs) this.lowerBoundMs = provedMs;
    this.#stepsAtProof = this.steps;
    return reduced;
  }

  /** At an optimum, more rows or arcs; false: none are wanted. */
  #refine(enoughMs: number): boolean {
    const solution = this.#solution();
    const cycle = this.#cycleAlong(solution.flows);
    if (cycle !== undefined && cycle.meanMs < (this.cycle?.meanMs ?? Number.POSITIVE_INFINITY))
      this.cycle = cycle;
    if (this.cycle !== undefined && this.cycle.meanMs <= enoughMs) return false;
    const violated = this.#violatedCuts(solution);
    if (violated.length === 0) return this.#letArcsIn(leastLoss);
    if (this.steps - this.#stepsAtProof >= stepsPerProof && this.#letArcsIn(largeLoss)) return true;
    this.#throwOutIdle();
    this.#addCuts(violated);
    return true;
  }

  #program(cuts: readonly VisitCut[]): DualSimplex {
    const isUsed = this.#isUsed;
    this.#arcs = Int32Array.from(isUsed.keys()).filter((pair) => isUsed[pair] === 1);
    const costs = new Float64Array(this.#arcs.length + 1);
    this.#arcs.forEach((pair, column) => {
      costs[column] = this.#delayMs[pair]! / this.#scaleMs + perturbation * ((column * goldenShare) % 1);
    });
    this.#simplex = new DualSimplex(costs);
    this.#simplex.add(this.#firstRows());
    this.#cuts = [];
    this.#addCuts(cuts);
    return this.#simplex;
  }

  /** The total; what leaves S; then the flow through each silo; then the visits of each. */
  #firstRows(): LinearRow[] {
    const nodes = Array.from({ length: this.#count }, (_, node) => node);
    const leaves = (from: number, to: number) => Number(this.#inside[from] === 1 && this.#inside[to] === 0);
    return [
      this.#row(() => 1, 0, 1, true),
      this.#row((from, to) => -leaves(from, to), 1, 0, false),
      ...nodes.map((node) =>
        this.#row((from, to) => Number(to === node) - Number(from === node), 0, 0, true),
      ),
      ...nodes.map((node) => this.#row((_, to) => Number(to === node), -1, 0, false)),
    ];
  }

  #addCuts(cuts: readonly VisitCut[]): void {
    this.#cuts.push(...cuts);
    const ofCut = (cut: VisitCut) => (from: number, to: number) => cutCoefficient(cut, from, to);
    this.#simplex.add(cuts.map((cut) => this.#row(ofCut(cut), 0, 0, false)));
  }

  #row(
    coefficient: (from: number, to: number) => number,
    crossings: number,
    limit: number,
    isEquality: boolean,
  ): LinearRow {
    const columns: number[] = [];
    const values: number[] = [];
    const put = (column: number, value: number) => {
      if (value === 0) return;
      columns.push(column);
      values.push(value);
    };
    this.#arcs.forEach((pair, column) => {
      put(column, coefficient(Math.floor(pair / this.#count), pair % this.#count));
    });
    put(this.#arcs.length, crossings);
    return { columns: Int32Array.from(columns), values: Float64Array.from(values), limit, isEquality };
  }

  get #firstRowCount(): number {
    return 2 + 2 * this.#count;
  }

  /** Where there are more of them than silos. */
  #throwOutIdle(): void {
    const first = this.#firstRowCount;
    const isIdle = this.#cuts.map((_, cut) => this.#simplex.isIdle(first + cut));
    if (isIdle.filter(Boolean).length <= this.#count) return;
    this.#simplex.remove((row) => row >= first);
    this.#cuts = this.#cuts.filter((_, cut) => !isIdle[cut]);
  }

  #solution(): FlowSolution {
    const values = this.#simplex.columnValues();
    const crossings = Math.max(values.at(-1)!, Number.MIN_VALUE);
    const flows = values.map((value) => value / crossings).subarray(0, -1);
    const visits = new Float64Array(this.#count);
    flows.forEach((flow, column) => {
      const to = this.#arcs[column]! % this.#count;
      visits[to] = visits[to]! + flow;
    });
    return { flows, visits };
  }

  #violatedCuts({ flows, visits }: FlowSolution): VisitCut[] {
    const graph = new CutGraph(this.#count);
    const source = this.nodes[0]!;
    const merged = (node: number) => (this.#inside[node] === 1 ? source : node);
    flows.forEach((flow, column) => {
      const pair = this.#arcs[column]!;
      const [from, to] = [merged(Math.floor(pair / this.#count)), merged(pair % this.#count)];
      if (flow > leastFlow && from !== to) graph.add(from, to, flow);
    });
    const found = new Map<string, VisitCut>();
    for (const node of [...visits.keys()].sort((a, b) => visits[b]! - visits[a]!)) {
      if (this.#inside[node] === 1 || visits[node]! <= leastViolation) continue;
      const { capacity, inside } = graph.cut(source, node);
      if (capacity >= visits[node]! - leastViolation) continue;
      for (const other of this.nodes) inside[other] = 0;
      const key = inside.join('');
      if (!found.has(key)) found.set(key, { inside, node });
    }
    return [...found.values()];
  }

  /** False: no arc that is left out lowers what is proved by more than this share. */
  #letArcsIn(lossShare: number): boolean {
    const leastMs = this.#simplex.objective * this.#scaleMs * (1 - lossShare);
    const before = this.#arcs.length;
    this.#prove().forEach((cost, pair) => {
      if (cost < leastMs && pair % (this.#count + 1) !== 0) this.#isUsed[pair] = 1;
    });
    if (this.#isUsed.reduce((total, mark) => total + mark, 0) === before) return false;
    this.#earlierSteps += this.#simplex.steps;
    this.#program(this.#cuts);
    return true;
  }

  #reducedDelays(): Float64Array {
    const count = this.#count;
    const first = this.#firstRowCount;
    // The program's rows are the other way round, and its inequalities have prices of 0 or less.
    const prices = this.#simplex.rowPrices().map((price) => -price * this.#scaleMs);
    const given: CrossingPrices = {
      silos: prices.subarray(2, 2 + count).map((price) => -price),
      visits: prices.subarray(2 + count, first),
      crossing: prices[1]!,
      cuts: this.#cuts.map((cut, index) => ({ cut, price: prices[first + index]! })),
    };
    return reducedDelays(count, this.#delayMs, this.#inside, given);
  }

  /** From S along most of the flow to where it closes: the solution itself, where that is a cycle. */
  #cycleAlong(flows: Float64Array): MeanCycle | undefined {
    const isVisited = new Uint8Array(this.#count);
    const start = this.nodes.find((node) => this.#strongest(flows, node, node, isVisited) !== undefined);
    if (start === undefined) return undefined;
    const nodes: number[] = [];
    let totalMs = 0;
    for (let node = start; nodes.length === 0 || node !== start; ) {
      isVisited[node] = 1;
      nodes.push(node);
      const next = this.#strongest(flows, node, start, isVisited);
      if (next === undefined) return undefined;
      totalMs += this.#delayMs[node * this.#count + next]!;
      node = next;
    }
    const isCrossing = nodes.some((node) => this.#inside[node] === 0);
    return isCrossing ? { nodes, meanMs: totalMs / nodes.length } : undefined;
  }

  /** Where most flows to from a node, of what is not visited yet, or is the start. */
  #strongest(flows: Float64Array, node: number, start: number, isVisited: Uint8Array): number | undefined {
    let best: number | undefined;
    let most = leastFlow;
    this.#arcs.forEach((pair, column) => {
      if (flows[column]! <= most || Math.floor(pair / this.#count) !== node) return;
      const to = pair % this.#count;
      if (isVisited[to] === 1 && to !== start) return;
      best = to;
      most = flows[column]!;
    });
    return best;
  }
}

/** [n × n], 1: among the cheapest out of its sender or into its receiver, or with an end in S. */
function nearest(count: number, delayMs: Float64Array, nodes: readonly number[]): Uint8Array {
  const isUsed = new Uint8Array(count * count);
  const all = Array.from({ length: count }, (_, node) => node);
  for (const node of all) {
    const others = all.filter((other) => other !== node);
    const kept = nodes.includes(node) ? count : nearestArcs;
    others.sort((a, b) => delayMs[node * count + a]! - delayMs[node * count + b]! || a - b);
    for (const other of others.slice(0, kept)) isUsed[node * count + other] = 1;
    others.sort((a, b) => delayMs[a * count + node]! - delayMs[b * count + node]! || a - b);
    for (const other of others.slice(0, kept)) isUsed[other * count + node] = 1;
  }
  return isUsed;
}
