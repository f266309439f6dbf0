/**
 * How fast an overlay mixes, with W its mixing matrix (a product over the phases where there is a schedule), J = 11ᵀ/n:
 *
 * - rounds to consensus: the least k with ‖W_k … W_1 − J‖₂ ≤ 1e-3; exact: 0 but for rounding, within two periods;
 * - spectral gap: 1 − ρ(W − J); of a schedule 1 − ρ^(1/P) of its period;
 * - effective number of neighbours (Vogels, Hendrikx, Jaggi 2022): n_W(γ) = [1/(1 − γ)] / mean_i[λ_i² / (1 − γ λ_i²)],
 *   which for any W is [1/(1 − γ)] / (Σ_k γ^(k−1) ‖Wᵏ‖²_F / n): the random walk's variance, summed by doubling.
 *
 * Norms of doubly stochastic products never grow, so k is found by doubling and bisection. Dense, hence up to 400 silos;
 * above only the gap is known, and k follows from it, marked as an estimate.
 */
import { InputError } from '../base/errors.ts';
import { isConnected } from './connectivity.ts';
import { type Dense, product, spectralNorm, sum, transposed } from './dense.ts';
import { defaultMixing, type MixingMatrix, mixingMatrix } from './mixing.ts';
import { isSymmetric, type Overlay } from './overlay.ts';
import { overlayOfRound } from './schedule.ts';
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

/** Undefined where the overlay has no usable weights, or is too large even for an estimate. */
export function consensusOf(overlay: Overlay): Consensus | undefined {
  const size = overlay.nodes.length;
  if (size > sparseSilosMax) return undefined;
  try {
    const phases = Math.max(1, overlay.schedule?.length ?? 1);
    if (size > denseSilosMax) return phases === 1 ? estimated(phaseMatrix(overlay, 0)) : undefined;
    return counted(Array.from({ length: phases }, (_, phase) => deflated(phaseMatrix(overlay, phase), size)));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** n_W(γ) of a mixing matrix; [size × size], 0 < γ < 1. */
export function effectiveNeighbours(matrix: MixingMatrix, size: number, gamma: number): number {
  return effective(deflated(matrix, size), gamma);
}

/** A round's matrix: its own weights, metropolis, or (directed) sinkhorn where strong and uniform where not. */
function phaseMatrix(overlay: Overlay, round: number): MixingMatrix {
  const phase = overlayOfRound(overlay, round);
  const isLoose = phase.weights === undefined && !isSymmetric(phase) && !isConnected(phase);
  return mixingMatrix(phase, isLoose ? 'uniform' : defaultMixing(phase));
}

/** W − J, dense. */
function deflated(matrix: MixingMatrix, size: number): Dense {
  const values = new Float64Array(size * size).fill(-1 / size);
  for (let receiver = 0; receiver < size; receiver++) {
    for (const [sender, weight] of matrix[receiver]!) values[receiver * size + sender]! += weight;
  }
  return { size, values };
}

/** Products of deflated doubly stochastic matrices are the products deflated, as W J = J W = J. */
function counted(phases: readonly Dense[]): Consensus {
  let within: number | undefined;
  let exact: number | undefined;
  let before = 1;
  let running = phases[0]!;
  const period = phases.length;
  let whole = running;
  for (let round = 1; round <= 2 * period; round++) {
    if (round > 1) running = product(phases[(round - 1) % period]!, running);
    if (round === period) whole = running;
    const norm = spectralNorm(running);
    if (norm <= threshold) within ??= round;
    if (norm <= exactThreshold && before > exactDropFrom) {
      exact = round;
      break;
    }
    before = norm;
  }
  const rate = decayRate(whole);
  return {
    spectralGap: exact === undefined ? Math.max(0, 1 - rate ** (1 / period)) : 1,
    roundsTo1e3: within ?? roundsByDoubling(whole, phases),
    isEstimate: false,
    ...(exact === undefined ? {} : { roundsToExact: exact }),
    ...(period === 1 ? { effectiveNeighbours: effective(phases[0]!, effectiveGamma) } : {}),
  };
}

/** ρ from ‖Aᵏ‖^(1/k) at a large power of two, rescaled on the way. */
function decayRate(matrix: Dense): number {
  let power = matrix;
  let logNorm = 0;
  for (let doubling = 0; doubling < 24; doubling++) {
    const norm = spectralNorm(power);
    if (norm <= 1e-300) return 0;
    power = { size: power.size, values: power.values.map((value) => value / norm) };
    logNorm += Math.log(norm) / 2 ** doubling;
    power = product(power, power);
  }
  return Math.exp(logNorm);
}

function roundsByDoubling(period: Dense, phases: readonly Dense[]): number {
  const powers = [period];
  while (spectralNorm(powers.at(-1)!) > threshold) {
    if (powers.length > doublingsMax) return Number.POSITIVE_INFINITY;
    powers.push(product(powers.at(-1)!, powers.at(-1)!));
  }
  let reached: Dense | undefined;
  let periods = 0;
  for (let doubling = powers.length - 2; doubling >= 0; doubling--) {
    const candidate = reached === undefined ? powers[doubling]! : product(powers[doubling]!, reached);
    if (spectralNorm(candidate) <= threshold) continue;
    reached = candidate;
    periods += 2 ** doubling;
  }
  let rounds = periods * phases.length;
  for (const phase of phases) {
    reached = reached === undefined ? phase : product(phase, reached);
    rounds++;
    if (spectralNorm(reached) <= threshold) return rounds;
  }
  return rounds;
}

/** Σ_{k ≥ 1} γ^(k−1) W^k (W^k)ᵀ by doubling, on W − J: the average's own mode adds 1 / (1 − γ). */
function effective(matrix: Dense, gamma: number): number {
  const { size } = matrix;
  let power = matrix;
  let total = product(matrix, transposed(matrix));
  let factor = gamma;
  while (factor > 1e-18) {
    total = sum(total, product(product(power, total), transposed(power)), factor);
    power = product(power, power);
    factor *= factor;
  }
  let trace = 1 / (1 - gamma);
  for (let node = 0; node < size; node++) trace += total.values[node * size + node]!;
  return size / (1 - gamma) / trace;
}

function estimated(matrix: MixingMatrix): Consensus {
  const gap = spectralGap(matrix);
  const rounds = gap <= 0 ? Number.POSITIVE_INFINITY : Math.ceil(Math.log(threshold) / Math.log(1 - gap));
  return { spectralGap: gap, roundsTo1e3: Math.max(1, rounds), isEstimate: true };
}
