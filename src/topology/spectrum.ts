/**
 * Spectral gap of a mixing matrix: 1 − max modulus over all eigenvalues but the leading 1. As W·1 = 1, subtracting
 * J = 11ᵀ/n moves just that eigenvalue to 0 (Wielandt deflation), so the gap is 1 − ρ(W − J), complex pairs included.
 * Up to 400 nodes ρ comes from a full eigenvalue decomposition. Above, it is estimated from the growth rate of
 * ‖(W − J)ᵏx‖ over 4,000 steps: good to about 3e-4, so of a gap below 1e-3 only the order of magnitude is known. Matrices of more than
 * 50,000 entries get fewer steps, down to 200, for 2·10⁸ products in all.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { Random } from '../base/random.ts';
import { type Expired, neverExpired, requireTime } from './deadline.ts';
import type { MixingMatrix } from './mixing.ts';

const decomposedNodesMax = 400;
const iterationsMax = 4_000;
const iterationsMin = 200;
const productsMax = 2e8;

/**
 * 0 where mixing never reaches consensus (disconnected, or periodic); 1 where one round gives the exact mean. OperatingError
 * `time-limit` where `expired` says so before an estimate is done.
 */
export function spectralGap(matrix: MixingMatrix, expired: Expired = neverExpired): number {
  const count = matrix.length;
  const radius = count <= decomposedNodesMax ? exactRadius(matrix) : estimatedRadius(matrix, expired);
  // Rounding leaves moduli of nilpotent and periodic matrices a hair off 0 and 1.
  return Math.min(1, Math.max(0, 1 - radius));
}

/** Per round, of matrices that are used one after another, again and again: 1 − ρ(W_P … W_1 − J)^(1/P). */
export function periodGap(matrices: readonly MixingMatrix[]): number {
  const [first, ...rest] = matrices;
  if (first === undefined) return 0;
  return 1 - (1 - spectralGap(rest.reduce(after, first))) ** (1 / matrices.length);
}

/** What two rounds come to: later · earlier. */
function after(earlier: MixingMatrix, later: MixingMatrix): MixingMatrix {
  return later.map((row) => {
    const sum = new Map<number, number>();
    for (const [between, weight] of row) {
      for (const [sender, before] of earlier[between]!)
        sum.set(sender, (sum.get(sender) ?? 0) + weight * before);
    }
    return sum;
  });
}

function exactRadius(matrix: MixingMatrix): number {
  const count = matrix.length;
  const deflated = new Matrix(
    matrix.map((row) => Array.from(matrix, (_, sender) => (row.get(sender) ?? 0) - 1 / count)),
  );
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(deflated);
  return realEigenvalues.reduce(
    (most, real, index) => Math.max(most, Math.hypot(real, imaginaryEigenvalues[index]!)),
    0,
  );
}

/** Mean growth over the second half of the iteration: a complex pair's oscillation averages out. */
function estimatedRadius(matrix: MixingMatrix, expired: Expired): number {
  const random = Random.of(0, 'spectral-gap');
  const { starts, senders, weights } = flattened(matrix);
  const iterationCount = Math.min(
    iterationsMax,
    Math.max(iterationsMin, Math.floor(productsMax / weights.length)),
  );
  let vector = Float64Array.from(matrix, () => random.normal());
  let next = new Float64Array(matrix.length);
  let logGrowth = 0;
  for (let iteration = 0; iteration < iterationCount; iteration++) {
    requireTime(expired, 'the spectral gap');
    const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
    let squares = 0;
    for (let row = 0; row < next.length; row++) {
      let sum = -mean;
      for (let place = starts[row]!; place < starts[row + 1]!; place++)
        sum += weights[place]! * vector[senders[place]!]!;
      next[row] = sum;
      squares += sum * sum;
    }
    const norm = Math.sqrt(squares);
    if (norm === 0) return 0;
    if (2 * iteration >= iterationCount) logGrowth += Math.log(norm);
    for (let row = 0; row < next.length; row++) next[row]! /= norm;
    [vector, next] = [next, vector];
  }
  return Math.exp(logGrowth / Math.floor(iterationCount / 2));
}

/** Row i's entries are those at starts[i] to starts[i + 1]. */
function flattened(matrix: MixingMatrix) {
  const starts = new Int32Array(matrix.length + 1);
  matrix.forEach((row, index) => {
    starts[index + 1] = starts[index]! + row.size;
  });
  const senders = new Int32Array(starts[matrix.length]!);
  const weights = new Float64Array(senders.length);
  let place = 0;
  for (const row of matrix) {
    for (const [sender, weight] of row) {
      senders[place] = sender;
      weights[place++] = weight;
    }
  }
  return { starts, senders, weights };
}
