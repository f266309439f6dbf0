/** Which messages of a neighbour have been heard. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sequences } from '../../src/peer/sequences.ts';

const REMEMBERED = 256;

/** The definition: a set of numbers, of which the least goes when there are too many. */
class Remembered {
  readonly #numbers = new Set<number>();
  #forgottenMax = -1;

  take(sequence: number): boolean {
    if (sequence <= this.#forgottenMax || this.#numbers.has(sequence)) return false;
    this.#numbers.add(sequence);
    if (this.#numbers.size > REMEMBERED) {
      this.#forgottenMax = Math.min(...this.#numbers);
      this.#numbers.delete(this.#forgottenMax);
    }
    return true;
  }
}

test('a number is new once, and those too far back are as if heard, in whatever order they come', () => {
  const jump = fc.oneof(
    { arbitrary: fc.constant(1), weight: 6 },
    { arbitrary: fc.integer({ min: -300, max: 40 }), weight: 1 },
  );
  fc.assert(
    fc.property(fc.array(jump, { maxLength: 900, minLength: 1, size: 'max' }), (jumps) => {
      const sequences = new Sequences();
      const definition = new Remembered();
      let current = 0;
      for (const by of jumps) {
        current = Math.max(0, current + by);
        expect(sequences.take(current)).toBe(definition.take(current));
        expect(sequences.size).toBeLessThanOrEqual(REMEMBERED);
      }
      sequences.clear();
      expect(sequences.take(0)).toBe(true);
    }),
    { numRuns: 40 },
  );
});
