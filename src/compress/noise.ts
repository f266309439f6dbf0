/**
 * Uniform numbers by the million: a counter through a 32-bit finaliser (mulberry32), started from a Random. Random itself costs ten
 * times as much per number, which would be most of a quantiser's time.
 */
import type { Chance } from './codec.ts';

/** Uniform in [0, 1) with 32 bits; equal seeds give equal numbers. */
export function noiseOf(seed: number): Chance {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
