/**
 * STL-FW (Le Bars, Bellet, Tommasi, Lavoie, Kermarrec 2023): a sparse doubly stochastic W that lessens the neighbourhood
 * bias, by Frank–Wolfe on g(W) = (1/n) ‖W Π − (11ᵀ/n) Π‖²_F + (λ/n) ‖W − 11ᵀ/n‖²_F with Π the label shares. Each step
 * adds one permutation (an assignment problem on the gradient), with the exact line search, so l steps give degree ≤ l.
 * Where the graph is not strong after `degree` steps, more are taken until it is.
 */
import { z } from 'zod';

import { leastAssignment } from '../assignment.ts';
import { isConnected } from '../connectivity.ts';
import { type LabelShares, meanShares, requireLabelShares } from '../label-shares.ts';
import { type Arc, type Overlay, overlayOf, type WeightEntry } from '../overlay.ts';
import { type Designer, outOfTime } from './designer.ts';

const options = z.strictObject({
  degree: z.int().min(1).max(100).default(5),
  regularisation: z.number().gt(0).default(0.1),
});

export const stlFw: Designer<z.infer<typeof options>> = {
  name: 'stl-fw',
  summary:
    'weights learnt from label shares by Frank–Wolfe; {degree: 5, regularisation: 0.1}; wants label shares',
  options,
  silosMax: 500,
  design({ graph, labelShares }, { degree, regularisation }, run) {
    const shares = requireLabelShares(labelShares, graph.siloCount, 'stl-fw');
    const state = new FrankWolfe(shares, regularisation);
    const source = (count: number) => `designed: stl-fw, ${count} steps, λ ${regularisation}`;
    let steps = 0;
    let overlay = state.overlay(graph.names, source(0));
    while ((steps < degree || !isConnected(overlay)) && steps <= 2 * graph.siloCount && !run.expired()) {
      if (!state.step()) break;
      steps++;
      overlay = state.overlay(graph.names, source(steps));
    }
    if (!isConnected(overlay)) throw outOfTime('stl-fw');
    return {
      overlay,
      timing: { kind: 'gossip' },
      notes: [`${steps} steps, neighbourhood bias ${state.bias().toExponential(2)}`],
    };
  },
};

class FrankWolfe {
  readonly #shares: LabelShares;
  readonly #global: readonly number[];
  readonly #regularisation: number;
  readonly #size: number;
  /** W, by row. */
  readonly #weights: Float64Array;
  /** W Π, [silo][class]. */
  #mixed: number[][];

  constructor(shares: LabelShares, regularisation: number) {
    this.#shares = shares;
    this.#global = meanShares(shares);
    this.#regularisation = regularisation;
    this.#size = shares.length;
    this.#weights = new Float64Array(this.#size ** 2);
    for (let silo = 0; silo < this.#size; silo++) this.#weights[silo * this.#size + silo] = 1;
    this.#mixed = shares.map((row) => [...row]);
  }

  /** One permutation more; false where none helps. */
  step(): boolean {
    const size = this.#size;
    const heads = leastAssignment(size, this.#gradient());
    const gamma = this.#stepSize(heads);
    if (gamma <= 1e-12) return false;
    for (let silo = 0; silo < size; silo++) {
      for (let other = 0; other < size; other++) this.#weights[silo * size + other]! *= 1 - gamma;
      this.#weights[silo * size + heads[silo]!]! += gamma;
      this.#mixed[silo] = this.#mixed[silo]!.map(
        (share, label) => (1 - gamma) * share + gamma * this.#shares[heads[silo]!]![label]!,
      );
    }
    return true;
  }

  /** (1/n) ‖W Π − (11ᵀ/n) Π‖²_F. */
  bias(): number {
    const squares = this.#mixed.map((row) =>
      row.reduce((sum, share, label) => sum + (share - this.#global[label]!) ** 2, 0),
    );
    return squares.reduce((sum, square) => sum + square, 0) / this.#size;
  }

  overlay(nodes: readonly string[], source: string): Overlay {
    const size = this.#size;
    const arcs: Arc[] = [];
    const weights: WeightEntry[] = [];
    for (let receiver = 0; receiver < size; receiver++) {
      for (let sender = 0; sender < size; sender++) {
        const weight = this.#weights[receiver * size + sender]!;
        if (weight > 0 && receiver !== sender) arcs.push([sender, receiver]);
        if (weight > 0) weights.push([receiver, sender, weight]);
      }
    }
    return overlayOf({ name: 'stl-fw', source, directed: true, nodes, arcs, weights });
  }

  /** n/2 ∇g: (W Π − Π̄) Πᵀ + λ (W − J). */
  #gradient(): Float64Array {
    const size = this.#size;
    const gradient = new Float64Array(size * size);
    for (let silo = 0; silo < size; silo++) {
      const excess = this.#mixed[silo]!.map((share, label) => share - this.#global[label]!);
      for (let other = 0; other < size; other++) {
        const dot = excess.reduce((sum, value, label) => sum + value * this.#shares[other]![label]!, 0);
        gradient[silo * size + other] =
          dot + this.#regularisation * (this.#weights[silo * size + other]! - 1 / size);
      }
    }
    return gradient;
  }

  /** Exact: g is quadratic along W + γ (P − W). */
  #stepSize(heads: Int32Array): number {
    const size = this.#size;
    let slope = 0;
    let curvature = 0;
    for (let silo = 0; silo < size; silo++) {
      const target = this.#shares[heads[silo]!]!;
      this.#mixed[silo]!.forEach((share, label) => {
        const move = target[label]! - share;
        slope += (share - this.#global[label]!) * move;
        curvature += move * move;
      });
      for (let other = 0; other < size; other++) {
        const weight = this.#weights[silo * size + other]!;
        const move = (heads[silo] === other ? 1 : 0) - weight;
        slope += this.#regularisation * (weight - 1 / size) * move;
        curvature += this.#regularisation * move * move;
      }
    }
    return curvature === 0 ? 0 : Math.min(1, Math.max(0, -slope / curvature));
  }
}
