/**
 * Random matchings, MATCHA (Wang et al. 2019): the base graph is split into matchings by a proper edge colouring; each round every matching
 * is on with its own probability, chosen to maximise the algebraic connectivity λ₂(Σ p_j L_j) under Σ p_j ≤ C_b · m,
 * 0 ≤ p_j ≤ 1. As in Marfoq et al. 2020 a round lasts as long as its slowest active edge. Ours: p by projected supergradient ascent (the best iterate counts), where they use a solver.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { z } from 'zod';
import type { ConnectivityGraph } from './delays.ts';
import type { Design, DesignRun } from './designers/designer.ts';
import { matchingsOf } from './edge-colouring.ts';
import { type Arc, overlayOf, type RoundDraw } from './overlay.ts';
import { drawnRound } from './round-draws.ts';
import type { Edge } from './trees.ts';

/** `budget`: the share of matchings on in a round, C_b. `rounds`: how many drawn rounds a saved overlay holds. */
export const matchaOptions = z.strictObject({
  budget: z.number().gt(0).max(1).default(0.5),
  rounds: z.int().min(1).max(1_000).default(16),
});
type MatchaOptions = z.infer<typeof matchaOptions>;

const ascentSteps = 60;
/** Of the time: a step on hundreds of silos is long, and asks only before it begins. */
const ascentShare = 0.5;

/** The design on a base graph of edges given once; `name`: what the overlay is called. */
export function randomMatchings(
  name: string,
  edges: readonly Edge[],
  graph: ConnectivityGraph,
  { budget, rounds }: MatchaOptions,
  run: DesignRun,
): Design {
  const matchings = matchingsOf(graph.siloCount, edges, () => run.expired());
  const probabilities = activationProbabilities(graph.siloCount, matchings, budget, run);
  const draw: RoundDraw = {
    kind: 'groups',
    groups: matchings.map((matching, index) => ({
      chance: probabilities[index]!,
      arcs: matching.flatMap(([one, other]): Arc[] => [
        [one, other],
        [other, one],
      ]),
    })),
  };
  const { names: nodes } = graph;
  return {
    overlay: overlayOf({
      name,
      source: `designed: ${name}, budget ${budget}, ${matchings.length} matchings, ${rounds} rounds drawn`,
      directed: false,
      nodes,
      arcs: [],
      schedule: Array.from({ length: rounds }, (_, round) =>
        drawnRound(draw, { nodes }, run.random('round', round)),
      ),
    }),
    timing: { kind: 'random', barrier: true, draw },
    notes: [
      `${matchings.length} matchings, mean activation ${(mean(probabilities) * 100).toFixed(0)} %`,
      'a round lasts as long as its slowest edge; mixing figures are those of the drawn rounds with metropolis weights',
    ],
  };
}

/** p by ascent on λ₂(Σ p_j L_j): its supergradient is v'L_j v with v the Fiedler vector. */
function activationProbabilities(
  siloCount: number,
  matchings: readonly (readonly Edge[])[],
  budget: number,
  run: DesignRun,
): Float64Array {
  const total = budget * matchings.length;
  let current = new Float64Array(matchings.length).fill(budget);
  let best = current;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < ascentSteps && !run.expired(ascentShare); step++) {
    const { value, vector } = fiedler(siloCount, matchings, current);
    if (value > bestValue) [best, bestValue] = [current, value];
    const gradient = Float64Array.from(matchings, (matching) =>
      matching.reduce((sum, [one, other]) => sum + (vector[one]! - vector[other]!) ** 2, 0),
    );
    const norm = Math.sqrt(gradient.reduce((sum, slope) => sum + slope * slope, 0));
    if (norm === 0) break;
    const size = (0.5 * Math.sqrt(matchings.length)) / (norm * (step + 2));
    current = projected(
      current.map((probability, index) => probability + size * gradient[index]!),
      total,
    );
  }
  return best;
}

/** The second least eigenvalue of Σ p_j L_j and its vector. */
function fiedler(siloCount: number, matchings: readonly (readonly Edge[])[], probabilities: Float64Array) {
  const laplacian = Matrix.zeros(siloCount, siloCount);
  matchings.forEach((matching, index) => {
    const weight = probabilities[index]!;
    for (const [one, other] of matching) {
      laplacian.set(one, other, laplacian.get(one, other) - weight);
      laplacian.set(other, one, laplacian.get(other, one) - weight);
      laplacian.set(one, one, laplacian.get(one, one) + weight);
      laplacian.set(other, other, laplacian.get(other, other) + weight);
    }
  });
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(laplacian, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((_, index) => index)
    .sort((a, b) => realEigenvalues[a]! - realEigenvalues[b]!);
  const second = order[Math.min(1, siloCount - 1)]!;
  return { value: realEigenvalues[second]!, vector: eigenvectorMatrix.getColumn(second) };
}

/** The nearest point of {0 ≤ p ≤ 1, Σ p ≤ total}: p − τ clipped, τ by bisection. */
function projected(point: Float64Array, total: number): Float64Array<ArrayBuffer> {
  const clipped = (shift: number) => point.map((value) => Math.min(1, Math.max(0, value - shift)));
  const sum = (values: Float64Array) => values.reduce((all, value) => all + value, 0);
  if (sum(clipped(0)) <= total) return clipped(0) as Float64Array<ArrayBuffer>;
  let [low, high] = [0, point.reduce((most, value) => Math.max(most, value), 0)];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (sum(clipped(middle)) > total) low = middle;
    else high = middle;
  }
  return clipped(high) as Float64Array<ArrayBuffer>;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
