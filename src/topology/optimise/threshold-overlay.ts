/**
 * The best strong overlay for given node potentials u, where an arc's delay d(i, j) does not depend on the others: the
 * least threshold t such that the arcs with r(i, j) = d(i, j) + u(i) − u(j) ≤ t are strong. Every cycle's mean of r is
 * its mean of d, so λ ≤ t; and for the u of an optimal overlay t = λ. So the search for an overlay is a search for u.
 * The overlay kept is one bottleneck arborescence out of node 0 and one into it (Prim's rule), at most 2(n − 1) arcs:
 * O(n²), without allocation. Recomputing u from the overlay's cycle mean and repeating never raises λ.
 */
import { CycleMeanSolver } from './cycle-mean-solver.ts';

export class ThresholdOverlay {
  readonly solver: CycleMeanSolver;
  readonly #count: number;
  /** d(i, j) at i · n + j, and transposed. */
  readonly #delayMs: Float64Array;
  readonly #transposed: Float64Array;
  readonly #key: Float64Array;
  readonly #parent: Int32Array;
  readonly #outside: Int32Array;

  /** `delayMs`: [n × n], row = sender; its diagonal is ignored. */
  constructor(count: number, delayMs: Float64Array) {
    this.#count = count;
    this.#delayMs = delayMs;
    this.#transposed = new Float64Array(count * count);
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) this.#transposed[to * count + from] = delayMs[from * count + to]!;
    }
    this.solver = new CycleMeanSolver(count, 2 * count);
    this.#key = new Float64Array(count);
    this.#parent = new Int32Array(count);
    this.#outside = new Int32Array(count);
  }

  /**
   * The cycle mean reached from `potentials` by building and solving in turn, `roundsMax` times at most; potentials are
   * replaced by the last overlay's, which the solver then holds.
   */
  descend(potentials: Float64Array, roundsMax: number): number {
    let last = Number.POSITIVE_INFINITY;
    for (let round = 0; round < roundsMax; round++) {
      this.#build(potentials);
      const mean = this.solver.solve(potentials);
      if (mean > last - 1e-9) return mean;
      last = mean;
    }
    return last;
  }

  #build(potentials: Float64Array): void {
    this.solver.arcCount = 0;
    this.#grow(this.#delayMs, potentials, 1);
    this.#grow(this.#transposed, potentials, -1);
  }

  /** sign 1: arcs point away from node 0; −1: towards it, and `delayMs` is transposed. */
  #grow(delayMs: Float64Array, potentials: Float64Array, sign: number): void {
    const count = this.#count;
    const key = this.#key;
    const parent = this.#parent;
    const outside = this.#outside;
    for (let node = 1; node < count; node++) {
      outside[node - 1] = node;
      key[node] = Number.POSITIVE_INFINITY;
    }
    let current = 0;
    for (let left = count - 1; left > 0; left--) {
      const row = current * count;
      const shift = sign * potentials[current]!;
      let best = Number.POSITIVE_INFINITY;
      let bestPlace = 0;
      for (let place = 0; place < left; place++) {
        const node = outside[place]!;
        const reduced = delayMs[row + node]! + shift - sign * potentials[node]!;
        if (reduced < key[node]!) {
          key[node] = reduced;
          parent[node] = current;
        }
        if (key[node]! < best) {
          best = key[node]!;
          bestPlace = place;
        }
      }
      current = outside[bestPlace]!;
      outside[bestPlace] = outside[left - 1]!;
      this.#keep(parent[current]!, current, sign);
    }
  }

  #keep(parent: number, child: number, sign: number): void {
    const solver = this.solver;
    const arc = solver.arcCount++;
    const [from, to] = sign === 1 ? [parent, child] : [child, parent];
    solver.from[arc] = from;
    solver.to[arc] = to;
    solver.length[arc] = this.#delayMs[from * this.#count + to]!;
  }
}
