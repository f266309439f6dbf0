/**
 * How fast an overlay mixes, with W its mixing matrix (a product over the phases where there is a schedule), J = 11ᵀ/n:
 *
 * - rounds to consensus: the least k with ‖W_k … W_1 − J‖₂ ≤ 1e-3; exact: 0 but for rounding, within two periods;
 * - spectral gap: 1 − ρ(W − J); of a schedule 1 − ρ^(1/P) of its period;
 * - effective number of neighbours (Vogels, Hendrikx, Jaggi 2022): n_W(γ) = [1/(1 − γ)] / mean_i[λ_i² / (1 − γ λ_i²)],
 *   which for any W is [1/(1 − γ)] / (Σ_k γ^(k−1) ‖Wᵏ‖²_F / n): the random walk's variance, summed by doubling.
 *
 * Of one symmetric W the eigenvalues say it all. Else norms of doubly stochastic products never grow, so k is found by doubling and
 * bisection. Dense, hence up to 400 silos; above only the gap is known, and k follows from it, marked as an estimate.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { InputError } from '../base/errors.ts';
import { type Expired, neverExpired, requireTime } from './deadline.ts';
import { type Dense, product, spectralNorm, sum, transposed } from './dense.ts';
import { defaultMixing, type MixingMatrix } from './mixing.ts';
import type { Overlay } from './overlay.ts';
import { mixingMatrixOfRound } from './schedule.ts';
import { spectralGap } from './spectrum.ts';

export interface Consensus {
  readonly spectralGap: number;
  /** Infinity where mixing never gets there. */
  readonly roundsTo1e3: number;
  /** True where it follows from the gap instead of being counted. */
  readonly isEstimate: boolean;
  /** Rounds to the exact average; missing where it is only approached. */
  readonly roundsToExact?: number;
  /** n_W at `effectiveGamma`; of static overlays. */
  readonly effectiveNeighbours?: number;
}

const effectiveGamma = 0.9;
const threshold = 1e-3;
/** Exact averaging falls to rounding errors in one round; decay, however fast, passes through what lies between. */
const exactThreshold = 1e-12;
const exactDropFrom = 1e-8;
const denseSilosMax = 400;
const sparseSilosMax = 3_000;
const doublingsMax = 40;
/** Of periodic and disconnected graphs the second eigenvalue is 1 but for rounding. */
const periodicTolerance = 1e-12;
const whatMixing = 'finding out how the overlay mixes';

/**
 * With the weights that a run would use. Undefined where these do not fit, or where the overlay is too large even for an estimate. Throws
 * OperatingError `time-limit` where `expired` says so before it is done.
 */
export function consensusOf(overlay: Overlay, expired: Expired = neverExpired): Consensus | undefined {
  const size = overlay.nodes.length;
  if (size > sparseSilosMax) return undefined;
  try {
    const phases = Math.max(1, overlay.schedule?.length ?? 1);
    const matrixOf = (phase: number) => mixingMatrixOfRound(overlay, phase, defaultMixing(overlay), expired);
    if (size > denseSilosMax) return phases === 1 ? estimated(matrixOf(0), expired) : undefined;
    const dense = Array.from({ length: phases }, (_, phase) => {
      requireTime(expired, whatMixing);
      return deflated(matrixOf(phase), size);
    });
    requireTime(expired, whatMixing);
    return phases === 1 && isSymmetricMatrix(dense[0]!) ? ofSpectrum(dense[0]!) : counted(dense, expired);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** n_W(γ) of a mixing matrix; [size × size], 0 < γ < 1. */
export function effectiveNeighbours(matrix: MixingMatrix, size: number, gamma: number): number {
  return effective(deflated(matrix, size), gamma, neverExpired);
}

/** W − J, dense. */
function deflated(matrix: MixingMatrix, size: number): Dense {
  const values = new Float64Array(size * size).fill(-1 / size);
  for (let receiver = 0; receiver < size; receiver++) {
    for (const [sender, weight] of matrix[receiver]!) values[receiver * size + sender]! += weight;
  }
  return { size, values };
}

function isSymmetricMatrix({ size, values }: Dense): boolean {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) {
      if (Math.abs(values[row * size + column]! - values[column * size + row]!) > 1e-15) return false;
    }
  }
  return true;
}

/** ‖Wᵏ − J‖₂ = ρᵏ. */
function ofSpectrum({ size, values }: Dense): Consensus {
  const matrix = Matrix.from1DArray(size, size, values);
  const { realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const radius = realEigenvalues.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const isExact = radius <= exactThreshold;
  const gamma = effectiveGamma;
  const variance = realEigenvalues.reduce((total, value) => total + value ** 2 / (1 - gamma * value ** 2), 0);
  // J's own eigenvalue 1 was deflated to a 0.
  const mean = (variance + 1 / (1 - gamma)) / size;
  return {
    spectralGap: isExact ? 1 : Math.max(0, 1 - radius),
    roundsTo1e3: roundsOfRadius(radius),
    isEstimate: false,
    ...(isExact ? { roundsToExact: 1 } : {}),
    effectiveNeighbours: 1 / (1 - gamma) / mean,
  };
}

/** The least k ≥ 1 with ρᵏ ≤ 1e-3; Infinity where rounding alone keeps ρ below 1. */
function roundsOfRadius(radius: number): number {
  if (radius >= 1 - periodicTolerance) return Number.POSITIVE_INFINITY;
  if (radius <= threshold) return 1;
  return Math.ceil(Math.log(threshold) / Math.log(radius) - 1e-9);
}

/** The product, unless the time is up: OperatingError `time-limit`. */
function productWithin(one: Dense, other: Dense, expired: Expired): Dense {
  requireTime(expired, whatMixing);
  return product(one, other);
}

/** Products of deflated doubly stochastic matrices are the products deflated, as W J = J W = J. */
function counted(phases: readonly Dense[], expired: Expired): Consensus {
  let within: number | undefined;
  let exact: number | undefined;
  let before = 1;
  let running = phases[0]!;
  const period = phases.length;
  let whole = running;
  for (let round = 1; round <= 2 * period; round++) {
    if (round > 1) running = productWithin(phases[(round - 1) % period]!, running, expired);
    if (round === period) whole = running;
    const norm = spectralNorm(running, expired);
    if (norm <= threshold) within ??= round;
    if (norm <= exactThreshold && before > exactDropFrom) {
      exact = round;
      break;
    }
    before = norm;
  }
  const rate = decayRate(whole, expired);
  return {
    spectralGap: exact === undefined ? Math.max(0, 1 - rate ** (1 / period)) : 1,
    roundsTo1e3: within ?? roundsByDoubling(whole, phases, expired),
    isEstimate: false,
    ...(exact === undefined ? {} : { roundsToExact: exact }),
    ...(period === 1 ? { effectiveNeighbours: effective(phases[0]!, effectiveGamma, expired) } : {}),
  };
}

/** ρ from ‖Aᵏ‖^(1/k) at a large power of two, rescaled on the way. */
function decayRate(matrix: Dense, expired: Expired): number {
  let power = matrix;
  let logNorm = 0;
  for (let doubling = 0; doubling < 24; doubling++) {
    const norm = spectralNorm(power, expired);
    if (norm <= 1e-300) return 0;
    power = { size: power.size, values: power.values.map((value) => value / norm) };
    logNorm += Math.log(norm) / 2 ** doubling;
    power = productWithin(power, power, expired);
  }
  return Math.exp(logNorm);
}

function roundsByDoubling(period: Dense, phases: readonly Dense[], expired: Expired): number {
  const powers = [period];
  while (spectralNorm(powers.at(-1)!, expired) > threshold) {
    if (powers.length > doublingsMax) return Number.POSITIVE_INFINITY;
    powers.push(productWithin(powers.at(-1)!, powers.at(-1)!, expired));
  }
  let reached: Dense | undefined;
  let periods = 0;
  for (let doubling = powers.length - 2; doubling >= 0; doubling--) {
    const candidate =
      reached === undefined ? powers[doubling]! : productWithin(powers[doubling]!, reached, expired);
    if (spectralNorm(candidate, expired) <= threshold) continue;
    reached = candidate;
    periods += 2 ** doubling;
  }
  let rounds = periods * phases.length;
  for (const phase of phases) {
    reached = reached === undefined ? phase : productWithin(phase, reached, expired);
    rounds++;
    if (spectralNorm(reached, expired) <= threshold) return rounds;
  }
  return rounds;
}

/** Σ_{k ≥ 1} γ^(k−1) W^k (W^k)ᵀ by doubling, on W − J: the average's own mode adds 1 / (1 − γ). */
function effective(matrix: Dense, gamma: number, expired: Expired): number {
  const { size } = matrix;
  let power = matrix;
  let total = product(matrix, transposed(matrix));
  let factor = gamma;
  while (factor > 1e-18) {
    total = sum(
      total,
      productWithin(productWithin(power, total, expired), transposed(power), expired),
      factor,
    );
    power = productWithin(power, power, expired);
    factor *= factor;
  }
  let trace = 1 / (1 - gamma);
  for (let node = 0; node < size; node++) trace += total.values[node * size + node]!;
  return size / (1 - gamma) / trace;
}

function estimated(matrix: MixingMatrix, expired: Expired): Consensus {
  const gap = spectralGap(matrix, expired);
  const rounds = gap <= 0 ? Number.POSITIVE_INFINITY : Math.ceil(Math.log(threshold) / Math.log(1 - gap));
  return { spectralGap: gap, roundsTo1e3: Math.max(1, rounds), isEstimate: true };
}
