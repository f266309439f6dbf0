/**
 * What mass.ts and push-sum do to whole vectors, one pass over memory each. Plain loops with nothing but typed arrays of one type in them,
 * which is what V8 makes fast code of; their results go into memory that is there (mass-memory.ts), because new memory costs more
 * than the sums do (scripts/bench-kernels.mjs).
 */
import type { Vector } from '../params/layout.ts';

/** next ← y + (part − before). False, and next is worth nothing, where that moves an element beyond ±`yMax`. */
export function plusGift(
  next: Float64Array,
  y: Float64Array,
  part: Float64Array,
  before: Float64Array,
  yMax: number,
): boolean {
  let isWithin = true;
  for (let at = 0; at < next.length; at++) {
    const sum = y[at]! + (part[at]! - before[at]!);
    next[at] = sum;
    if (!(Math.abs(sum) <= yMax)) isWithin = false;
  }
  return isWithin || next.every((sum, at) => Math.abs(sum) <= yMax || part[at] === before[at]);
}

/** next ← part + y/parts; y ← y − arcCount·(next − part), which is what was given and not what should have been. */
export function giveOwnShare(
  next: Float64Array,
  part: Float64Array,
  y: Float64Array,
  parts: number,
  arcCount: number,
): void {
  for (let at = 0; at < next.length; at++) {
    const before = part[at]!;
    const held = y[at]!;
    const sum = before + held / parts;
    next[at] = sum;
    y[at] = held - arcCount * (sum - before);
  }
}

/** The same with shares of what y was before other gifts. */
export function giveShare(
  next: Float64Array,
  part: Float64Array,
  y: Float64Array,
  share: Float64Array,
  arcCount: number,
): void {
  for (let at = 0; at < next.length; at++) {
    const before = part[at]!;
    const sum = before + share[at]!;
    next[at] = sum;
    y[at]! -= arcCount * (sum - before);
  }
}

/** y ← y + factor·(after − before). */
export function addChange(y: Float64Array, factor: number, after: Vector, before: Vector): void {
  for (let at = 0; at < y.length; at++) y[at]! += factor * (after[at]! - before[at]!);
}

/** out ← vector/divisor, in out's precision. Returns it. */
export function divide<Out extends Vector>(out: Out, vector: Float64Array, divisor: number): Out {
  for (let at = 0; at < out.length; at++) out[at] = vector[at]! / divisor;
  return out;
}
