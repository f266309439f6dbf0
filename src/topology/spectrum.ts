/**
 * Spectral gap of a mixing matrix: 1 − max modulus over all eigenvalues but the leading 1. As W·1 = 1, subtracting
 * J = 11ᵀ/n moves just that eigenvalue to 0 (Wielandt deflation), so the gap is 1 − ρ(W − J), complex pairs included.
 * Up to 400 nodes ρ comes from a full eigenvalue decomposition. Above, it is estimated from the growth rate of
 * ‖(W − J)ᵏx‖ over 4,000 steps: good to about 3e-4, so of a gap below 1e-3 only the order of magnitude is known.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { Random } from '../base/random.ts';
import type { MixingMatrix } from './mixing.ts';

const decomposedNodesMax = 400;
const iterationCount = 4_000;

/** 0 where mixing never reaches consensus (disconnected, or periodic); 1 where one round gives the exact mean. */
export function spectralGap(matrix: MixingMatrix): number {
  const count = matrix.length;
  const radius = count <= decomposedNodesMax ? exactRadius(matrix) : estimatedRadius(matrix);
  // Rounding leaves moduli of nilpotent and periodic matrices a hair off 0 and 1.
  return Math.min(1, Math.max(0, 1 - radius));
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
function estimatedRadius(matrix: MixingMatrix): number {
  const random = Random.of(0, 'spectral-gap');
  const rows = matrix.map((row) => [...row]);
  let vector = Float64Array.from(matrix, () => random.normal());
  let logGrowth = 0;
  for (let iteration = 0; iteration < iterationCount; iteration++) {
    const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
    const next = Float64Array.from(rows, (row) => {
      let sum = -mean;
      for (const [sender, weight] of row) sum += weight * vector[sender]!;
      return sum;
    });
    const norm = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) return 0;
    if (iteration >= iterationCount / 2) logGrowth += Math.log(norm);
    vector = next.map((value) => value / norm);
  }
  return Math.exp(logGrowth / (iterationCount / 2));
}
