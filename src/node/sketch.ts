/**
 * A fixed random projection of a vector (count sketch: Charikar, Chen, Farach-Colton 2002): element k adds its value with a
 * random sign to one of SKETCH_SIZE buckets. Linear, and E‖S(x − y)‖² = ‖x − y‖² with a relative standard deviation of √(2/SKETCH_SIZE):
 * enough to watch the consensus distance without moving the params.
 */
import type { Vector } from '../params/layout.ts';

const SKETCH_SIZE = 128;

/** The same projection on every peer. */
export function sketch(vector: Vector): Float64Array {
  const buckets = new Float64Array(SKETCH_SIZE);
  for (let index = 0; index < vector.length; index++) {
    const hash = Math.imul(index + 1, 0x9e3779b1);
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    const sign = (mixed & 1) === 0 ? 1 : -1;
    buckets[(mixed >>> 8) & (SKETCH_SIZE - 1)]! += sign * vector[index]!;
  }
  return buckets;
}
