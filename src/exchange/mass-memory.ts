/**
 * Memory that one vector of mass leaves and the next one takes: what y was before a gift, and sums that a newer one of the same sender has
 * replaced and that nobody else holds. One store for all peers of a thread, since what is in its vectors is never read. It keeps as many
 * as a round of one peer uses at once, all of the greatest length seen: new memory for short ones costs little.
 */

let kept: Float64Array[] = [];
let keptMax = 1;

/** A vector of `length` with anything in it, from now on the caller's. */
export function vacant(length: number): Float64Array {
  return (kept[0]?.length === length ? kept.pop() : undefined) ?? new Float64Array(length);
}

/** Nobody holds this vector but the caller, who lets go of it. */
export function vacate(vector: Float64Array): void {
  const keptLength = kept[0]?.length ?? 0;
  if (vector.length > keptLength) kept = [vector];
  else if (vector.length === keptLength && kept.length < keptMax) kept.push(vector);
}

/** How many vectors a round takes at once. */
export function keepVacant(count: number): void {
  keptMax = Math.max(keptMax, count);
}
