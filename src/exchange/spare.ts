/**
 * Memory for the next sum: a vector that came in a message, that nobody else holds and that the sum is the last to read. New memory of a
 * large vector costs more than mixing it does (every page of it is a fault; scripts/bench-kernels.mjs); the sum itself is the same to
 * the bit wherever it is written.
 */
import { type WeightedVector, weightedSum, weightedSumInto } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import type { RuleEvent } from './rule.ts';

/** Vectors of which only the rule that holds them knows. */
export type Spares = WeakSet<Vector>;

/** Notes the vectors of a message that are this receiver's alone. The caller sees to it that each is in one sum at most. */
export function noteSpares(spares: Spares, { exclusive, message }: RuleEvent & { kind: 'received' }): void {
  if (exclusive === true) for (const vector of message.vectors) spares.add(vector);
}

/** Σ weight·vector: written over the first term that is spare, which holds nothing else then; else a new vector. */
export function sumInSpare(spares: Spares, terms: readonly WeightedVector[]): Vector {
  const spare = terms.find(({ vector }) => spares.delete(vector));
  return spare === undefined ? weightedSum(terms) : weightedSumInto(spare.vector, terms);
}
