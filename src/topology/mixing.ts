/**
 * Mixing matrices: W[i][j] is the weight that i gives to what it receives from j (row = receiver). All are doubly
 * stochastic with support within the overlay and the diagonal, so that mixing keeps the mean of the peers' params.
 *
 * - metropolis (undirected): W_ij = 1 / (1 + max(d_i, d_j)), W_ii = 1 − Σ_j W_ij (Metropolis–Hastings; Xiao, Boyd 2004);
 * - sinkhorn (strong digraphs): I + Aᵀ scaled by rows and columns in turn (Sinkhorn, Knopp 1967). With the diagonal
 *   positive and every arc on a cycle the support is total, so the limit exists and keeps every arc;
 * - uniform: 1 / (1 + indegree), only where that is doubly stochastic;
 * - overlay: the weights saved in the overlay file; or a list [i, j, w].
 */
import { InputError } from '../base/errors.ts';
import { components } from './connectivity.ts';
import { type Expired, neverExpired, requireTime } from './deadline.ts';
import { inNeighbours, isSymmetric, type Overlay, type WeightEntry } from './overlay.ts';

/** Rows of W, sparse: row i is what i gives to each sender, ascending, i itself included, without other zeros. */
export type MixingMatrix = readonly ReadonlyMap<number, number>[];

export const namedWeights = ['metropolis', 'sinkhorn', 'uniform', 'overlay'] as const;

/** How the matrix is made: by name, or given entry by entry. */
export type MixingSpec = (typeof namedWeights)[number] | readonly WeightEntry[];

const stochasticTolerance = 1e-9;
const sinkhornTolerance = 1e-12;
const sinkhornSweepsMax = 100_000;

/**
 * The spec where the user gave none: the overlay's own weights, else metropolis or, for digraphs, sinkhorn. The phases of a schedule
 * need not be connected: where they are directed they are mixed uniformly, which fits those in which all degrees are equal.
 */
export function defaultMixing(overlay: Overlay): MixingSpec {
  const { weights, schedule, scheduleWeights, ...rest } = overlay;
  if (schedule !== undefined) {
    if (scheduleWeights !== undefined) return 'overlay';
    return schedule.every((arcs) => isSymmetric({ ...rest, arcs })) ? 'metropolis' : 'uniform';
  }
  if (weights !== undefined) return 'overlay';
  return isSymmetric(overlay) ? 'metropolis' : 'sinkhorn';
}

/**
 * The mixing matrix of an overlay; [nodeCount, nodeCount]. Throws InputError `mixing-wants-undirected`,
 * `mixing-wants-strong`, `mixing-not-converged`, `mixing-not-doubly-stochastic` or `mixing-without-weights`; OperatingError `time-limit` where `expired`
 * says so before weights are balanced.
 */
export function mixingMatrix(
  overlay: Overlay,
  spec: MixingSpec,
  expired: Expired = neverExpired,
): MixingMatrix {
  if (spec === 'metropolis') return metropolis(overlay);
  if (spec === 'sinkhorn') return sinkhorn(overlay, expired);
  if (spec === 'uniform') return uniform(overlay);
  if (spec !== 'overlay') return given(overlay, spec);
  if (overlay.weights === undefined) {
    throw new InputError(
      'mixing-without-weights',
      `weights: overlay wants an overlay file with weights, and ${overlay.name} has none; use metropolis or sinkhorn`,
    );
  }
  return given(overlay, overlay.weights);
}

/** W x for one number per peer; the definition that every exchange rule is measured against. */
export function mix(matrix: MixingMatrix, values: ArrayLike<number>): Float64Array {
  return Float64Array.from(matrix, (row) => {
    let sum = 0;
    for (const [sender, weight] of row) sum += weight * values[sender]!;
    return sum;
  });
}

/** What is wrong with a matrix, in words, each violated entry, row and column named; empty where it can be used. */
export function mixingProblems(overlay: Overlay, matrix: MixingMatrix): string[] {
  const name = (node: number) => `${node} (${overlay.nodes[node]})`;
  const senders = inNeighbours(overlay).map((list) => new Set(list));
  const problems: string[] = [];
  const columnSums = new Float64Array(matrix.length);
  matrix.forEach((row, receiver) => {
    row.forEach((weight, sender) => {
      const entry = `W[${receiver}][${sender}] = ${weight}`;
      if (!Number.isFinite(weight) || weight < 0) problems.push(`${entry}, wanted a finite number ≥ 0`);
      const allowed = weight === 0 || sender === receiver || senders[receiver]!.has(sender);
      if (!allowed) problems.push(`${entry}, but ${name(sender)} does not send to ${name(receiver)}`);
      columnSums[sender] = columnSums[sender]! + weight;
    });
    const sum = sumOf(row);
    if (!isOne(sum)) problems.push(`row ${name(receiver)} sums to ${sum}, wanted 1`);
  });
  columnSums.forEach((sum, sender) => {
    if (!isOne(sum)) problems.push(`column ${name(sender)} sums to ${sum}, wanted 1`);
  });
  return problems;
}

function metropolis(overlay: Overlay): MixingMatrix {
  if (!isSymmetric(overlay)) {
    throw new InputError(
      'mixing-wants-undirected',
      `metropolis weights want an undirected overlay, and ${overlay.name} is directed; use sinkhorn`,
    );
  }
  const neighbours = inNeighbours(overlay);
  return neighbours.map((senders, receiver) => {
    const weights = senders.map((sender) => 1 / (1 + Math.max(senders.length, neighbours[sender]!.length)));
    const own = 1 - weights.reduce((sum, weight) => sum + weight, 0);
    return rowOf(receiver, [...senders, receiver], [...weights, own]);
  });
}

function uniform(overlay: Overlay): MixingMatrix {
  const matrix = inNeighbours(overlay).map((senders, receiver) => {
    const support = [...senders, receiver];
    return rowOf(
      receiver,
      support,
      support.map(() => 1 / support.length),
    );
  });
  requireUsable(
    overlay,
    matrix,
    'uniform weights fit regular overlays only; use metropolis (undirected) or sinkhorn',
  );
  return matrix;
}

function given(overlay: Overlay, entries: readonly WeightEntry[]): MixingMatrix {
  const rows = overlay.nodes.map((_, receiver) => new Map([[receiver, 0]]));
  for (const [receiver, sender, weight] of entries) {
    const row = rows[receiver];
    if (row === undefined || rows[sender] === undefined) {
      throw new InputError(
        'mixing-not-doubly-stochastic',
        `weight [${receiver}, ${sender}, ${weight}] names a node outside 0 to ${rows.length - 1}`,
      );
    }
    row.set(sender, weight);
  }
  const matrix = rows.map((row, receiver) => rowOf(receiver, [...row.keys()], [...row.values()]));
  requireUsable(overlay, matrix, 'entries are [receiver, sender, weight], the diagonal included');
  return matrix;
}

function requireUsable(overlay: Overlay, matrix: MixingMatrix, advice: string): void {
  const problems = mixingProblems(overlay, matrix);
  if (problems.length === 0) return;
  const shown = problems.slice(0, 12).join('; ');
  const more = problems.length > 12 ? `; and ${problems.length - 12} more` : '';
  throw new InputError(
    'mixing-not-doubly-stochastic',
    `the mixing matrix of ${overlay.name} is not doubly stochastic on the overlay: ${shown}${more}; ${advice}`,
    { overlay: overlay.name, problems },
  );
}

function sinkhorn(overlay: Overlay, expired: Expired): MixingMatrix {
  if (components(overlay).length > 1) {
    throw new InputError(
      'mixing-wants-strong',
      `sinkhorn weights want a strongly connected overlay: an arc of ${overlay.name} lies on no cycle, so no doubly ` +
        'stochastic matrix uses it; add arcs until every silo reaches every other',
    );
  }
  const scaled = balance(
    inNeighbours(overlay).map((senders, receiver) => [...senders, receiver].sort((a, b) => a - b)),
    expired,
  );
  if (scaled === undefined) {
    throw new InputError(
      'mixing-not-converged',
      `sinkhorn weights of ${overlay.name} did not converge in ${sinkhornSweepsMax} sweeps; ` +
        'use metropolis on an undirected overlay, or give the weights',
    );
  }
  return scaled;
}

/** W_ij = r_i c_j on the support; r and c in turn make rows, then columns, sum to 1, until both do. */
function balance(support: readonly (readonly number[])[], expired: Expired): MixingMatrix | undefined {
  const count = support.length;
  const rowScale = new Float64Array(count).fill(1);
  const columnScale = new Float64Array(count).fill(1);
  const columnSums = new Float64Array(count);
  for (let sweep = 0; sweep < sinkhornSweepsMax; sweep++) {
    requireTime(expired, 'balancing the weights');
    columnSums.fill(0);
    for (let receiver = 0; receiver < count; receiver++) {
      const senders = support[receiver]!;
      let sum = 0;
      for (const sender of senders) sum += columnScale[sender]!;
      rowScale[receiver] = 1 / sum;
      for (const sender of senders) columnSums[sender] = columnSums[sender]! + rowScale[receiver]!;
    }
    let deviation = 0;
    for (let sender = 0; sender < count; sender++) {
      deviation = Math.max(deviation, Math.abs(columnScale[sender]! * columnSums[sender]! - 1));
    }
    // Checked before the columns are rescaled: now rows sum to 1 exactly and columns to within the tolerance.
    if (deviation <= sinkhornTolerance) return filled(support, rowScale, columnScale);
    for (let sender = 0; sender < count; sender++) columnScale[sender] = 1 / columnSums[sender]!;
  }
  return undefined;
}

function filled(
  support: readonly (readonly number[])[],
  rowScale: Float64Array,
  columnScale: Float64Array,
): MixingMatrix {
  return support.map((senders, receiver) =>
    rowOf(
      receiver,
      senders,
      senders.map((sender) => rowScale[receiver]! * columnScale[sender]!),
    ),
  );
}

/** A row in normal form: ascending, without zeros but for the diagonal. */
function rowOf(
  receiver: number,
  senders: readonly number[],
  weights: readonly number[],
): Map<number, number> {
  const entries = senders
    .map((sender, index) => [sender, weights[index]!] as const)
    .filter(([sender, weight]) => weight !== 0 || sender === receiver);
  return new Map(entries.sort(([a], [b]) => a - b));
}

function sumOf(row: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const weight of row.values()) sum += weight;
  return sum;
}

function isOne(sum: number): boolean {
  return Math.abs(sum - 1) <= stochasticTolerance;
}
