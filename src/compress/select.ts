/**
 * The indices of the k elements of largest magnitude, ascending; ties go to the lowest index. Radix selection on the bits of |x|,
 * 16 at a time from the top, because magnitudes order as their bits do: linear, whatever the values.
 */
import type { Vector } from '../params/layout.ts';

const DIGITS = 65536;

/** 1 ≤ count ≤ vector.length; elements finite. */
export function largestOf(vector: Vector, count: number): Uint32Array {
  const { length } = vector;
  const digits = new Uint16Array(vector.buffer, vector.byteOffset, vector.byteLength / 2); // little-endian
  const perElement = vector.BYTES_PER_ELEMENT / 2;
  const histogram = new Uint32Array(DIGITS);
  // The bits of the k-th largest magnitude, found digit by digit.
  const threshold = new Uint16Array(perElement);
  let wanted = count;
  for (let place = perElement - 1; place >= 0; place--) {
    histogram.fill(0);
    if (place === perElement - 1) {
      for (let at = place; at < digits.length; at += perElement) histogram[digits[at]! & 0x7fff]! += 1;
    } else {
      for (let index = 0; index < length; index++) {
        const order = compareAbove(digits, index, perElement, threshold, place);
        if (order === 0) histogram[digits[index * perElement + place]!]! += 1;
      }
    }
    let digit = DIGITS - 1;
    while (histogram[digit]! < wanted) wanted -= histogram[digit--]!;
    threshold[place] = digit;
  }
  const chosen = new Uint32Array(count);
  let filled = 0;
  for (let index = 0; index < length && filled < count; index++) {
    const order = compareAbove(digits, index, perElement, threshold, -1);
    if (order > 0 || (order === 0 && wanted > 0)) chosen[filled++] = index;
    if (order === 0) wanted -= 1;
  }
  return chosen;
}

/** Sign of (digits of |x[index]| above `place`) − (those of the threshold). */
function compareAbove(
  digits: Uint16Array,
  index: number,
  perElement: number,
  threshold: Uint16Array,
  place: number,
): number {
  const top = perElement - 1;
  let difference = (digits[index * perElement + top]! & 0x7fff) - threshold[top]!;
  for (let at = top - 1; difference === 0 && at > place; at--)
    difference = digits[index * perElement + at]! - threshold[at]!;
  return difference;
}
