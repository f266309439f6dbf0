/**
 * Maximum cycle mean of one small strong digraph after another, for search: Howard's policy iteration as in
 * ../cycle-time/howard.ts, but on arrays that are allocated once, started from the potentials of the last answer, and
 * for strong digraphs only. Some 20 µs for 150 arcs. What a search returns is judged anew by howard.ts.
 */
import { assert } from '../../base/assert.ts';

const iterationsMax = 10_000;
const relativeTolerance = 1e-12;

export class CycleMeanSolver {
  readonly nodeCount: number;
  /** The digraph to solve: entries 0 to arcCount − 1; the caller fills them in. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly length: Float64Array;
  arcCount = 0;

  readonly #start: Int32Array;
  readonly #ordered: Int32Array;
  /** [node] → the arc it follows, and the value u(node) with value ≥ length − λ + value(next). */
  readonly #policy: Int32Array;
  readonly #value: Float64Array;
  readonly #mark: Int32Array;
  readonly #queue: Int32Array;
  readonly #followers: Int32Array;
  readonly #nextFollower: Int32Array;
  #root = 0;

  constructor(nodeCount: number, arcsMax: number) {
    this.nodeCount = nodeCount;
    this.from = new Int32Array(arcsMax);
    this.to = new Int32Array(arcsMax);
    this.length = new Float64Array(arcsMax);
    this.#start = new Int32Array(nodeCount + 1);
    this.#ordered = new Int32Array(arcsMax);
    this.#policy = new Int32Array(nodeCount);
    this.#value = new Float64Array(nodeCount);
    this.#mark = new Int32Array(nodeCount);
    this.#queue = new Int32Array(nodeCount);
    this.#followers = new Int32Array(nodeCount);
    this.#nextFollower = new Int32Array(nodeCount);
  }

  /**
   * λ of the digraph. `potentials` [nodeCount] come in as a guess and leave with
   * length + potential(from) − potential(to) ≤ λ on every arc, up to rounding.
   */
  solve(potentials: Float64Array): number {
    this.#order();
    const tolerance = this.#begin(potentials) * relativeTolerance * this.nodeCount;
    for (let iteration = 0; iteration < iterationsMax; iteration++) {
      const mean = this.#bestPolicyCycle();
      const joined = this.#evaluate(mean);
      if (this.#improve(mean, tolerance) || joined) continue;
      for (let node = 0; node < this.nodeCount; node++) potentials[node] = -this.#value[node]!;
      return mean;
    }
    throw new Error('unreachable: policy iteration ended without a fixed point');
  }

  /** Nodes of a cycle whose mean is the λ of the last solve, in order. */
  criticalCycle(): number[] {
    const cycle: number[] = [];
    for (let node = this.#root; cycle.length === 0 || node !== this.#root; node = this.#next(node)) {
      cycle.push(node);
    }
    return cycle;
  }

  /** Arcs grouped by their tail. */
  #order(): void {
    this.#start.fill(0);
    for (let arc = 0; arc < this.arcCount; arc++) {
      const place = this.from[arc]! + 1;
      this.#start[place] = this.#start[place]! + 1;
    }
    for (let node = 0; node < this.nodeCount; node++) {
      this.#start[node + 1] = this.#start[node + 1]! + this.#start[node]!;
      this.#queue[node] = this.#start[node]!;
    }
    for (let arc = 0; arc < this.arcCount; arc++) {
      const tail = this.from[arc]!;
      this.#ordered[this.#queue[tail]!] = arc;
      this.#queue[tail] = this.#queue[tail]! + 1;
    }
  }

  /**
   * The first policy: greedy at the potentials given. Values count from node 0's: only differences matter, and a level that
   * drifted over a hundred thousand solves would let rounding pass for improvement, for ever. Returns the largest length.
   */
  #begin(potentials: Float64Array): number {
    let largest = 1;
    const level = potentials[0]!;
    for (let node = 0; node < this.nodeCount; node++) {
      this.#value[node] = level - potentials[node]!;
      let best = Number.NEGATIVE_INFINITY;
      for (let place = this.#start[node]!; place < this.#start[node + 1]!; place++) {
        const arc = this.#ordered[place]!;
        const gain = this.length[arc]! - potentials[this.to[arc]!]!;
        largest = Math.max(largest, Math.abs(this.length[arc]!));
        if (gain <= best) continue;
        best = gain;
        this.#policy[node] = arc;
      }
      assert(best > Number.NEGATIVE_INFINITY, `node ${node} has no arc out`);
    }
    return largest;
  }

  #next(node: number): number {
    return this.to[this.#policy[node]!]!;
  }

  #bestPolicyCycle(): number {
    let best = Number.NEGATIVE_INFINITY;
    this.#mark.fill(-1);
    for (let start = 0; start < this.nodeCount; start++) {
      let node = start;
      while (this.#mark[node] === -1) {
        this.#mark[node] = start;
        node = this.#next(node);
      }
      if (this.#mark[node] !== start) continue;
      const mean = this.#policyCycleMean(node);
      if (mean <= best) continue;
      best = mean;
      this.#root = node;
    }
    return best;
  }

  #policyCycleMean(start: number): number {
    let sum = 0;
    let count = 0;
    for (let node = start; count === 0 || node !== start; node = this.#next(node)) {
      sum += this.length[this.#policy[node]!]!;
      count++;
    }
    return sum / count;
  }

  /** Values along the policy, backwards from the best cycle; true where nodes had to change policy to lead there. */
  #evaluate(mean: number): boolean {
    this.#followers.fill(-1);
    for (let node = 0; node < this.nodeCount; node++) {
      const head = this.#next(node);
      this.#nextFollower[node] = this.#followers[head]!;
      this.#followers[head] = node;
    }
    this.#mark.fill(0);
    let reached = this.#spread(this.#root, mean, 0);
    const joined = reached < this.nodeCount;
    while (reached < this.nodeCount) reached = this.#attach(mean, reached);
    return joined;
  }

  /** Marks all that the policy leads to `from`; returns how many are marked now. */
  #spread(root: number, mean: number, reached: number): number {
    let head = reached;
    let tail = reached;
    this.#queue[tail++] = root;
    this.#mark[root] = 1;
    while (head < tail) {
      const node = this.#queue[head++]!;
      for (let follower = this.#followers[node]!; follower >= 0; follower = this.#nextFollower[follower]!) {
        if (this.#mark[follower] === 1) continue;
        this.#mark[follower] = 1;
        this.#value[follower] = this.length[this.#policy[follower]!]! - mean + this.#value[node]!;
        this.#queue[tail++] = follower;
      }
    }
    return tail;
  }

  /** Points nodes that the best cycle was not reached from at neighbours that do reach it. */
  #attach(mean: number, reached: number): number {
    const before = reached;
    for (let node = 0; node < this.nodeCount; node++) {
      if (this.#mark[node] === 1) continue;
      let best = Number.NEGATIVE_INFINITY;
      for (let place = this.#start[node]!; place < this.#start[node + 1]!; place++) {
        const arc = this.#ordered[place]!;
        const head = this.to[arc]!;
        const value = this.length[arc]! - mean + this.#value[head]!;
        if (this.#mark[head] !== 1 || value <= best) continue;
        best = value;
        this.#policy[node] = arc;
      }
      if (best === Number.NEGATIVE_INFINITY) continue;
      this.#value[node] = best;
      this.#mark[node] = 1;
      reached++;
    }
    assert(reached > before, 'the digraph is not strong');
    return reached;
  }

  #improve(mean: number, tolerance: number): boolean {
    let improved = false;
    for (let node = 0; node < this.nodeCount; node++) {
      let best = this.#value[node]! + tolerance;
      for (let place = this.#start[node]!; place < this.#start[node + 1]!; place++) {
        const arc = this.#ordered[place]!;
        const value = this.length[arc]! - mean + this.#value[this.to[arc]!]!;
        if (value <= best) continue;
        best = value;
        this.#policy[node] = arc;
        improved = true;
      }
    }
    return improved;
  }
}
