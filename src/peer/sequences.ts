/**
 * Which sequence numbers have been heard from a neighbour: the greatest SEQUENCES_MAX of them exactly, all below as if heard. They are
 * kept as runs of consecutive numbers, of which there is one as long as nothing is lost, so that a hundred thousand peers can remember.
 */
const SEQUENCES_MAX = 256;

export class Sequences {
  /** Pairs [first, last], ascending. */
  readonly #runs: number[] = [];
  #count = 0;
  /** The greatest number forgotten. */
  #forgottenMax = -1;

  /** Numbers remembered one by one. */
  get size(): number {
    return this.#count;
  }

  /** Whether the number is new; remembers it. */
  take(sequence: number): boolean {
    if (sequence <= this.#forgottenMax || !this.#insert(sequence)) return false;
    this.#count += 1;
    if (this.#count > SEQUENCES_MAX) this.#forget();
    return true;
  }

  clear(): void {
    this.#runs.length = 0;
    this.#count = 0;
    this.#forgottenMax = -1;
  }

  #insert(sequence: number): boolean {
    const runs = this.#runs;
    // From the end: nearly always it is the next number.
    for (let last = runs.length - 1; last > 0; last -= 2) {
      const lastOfRun = runs[last]!;
      if (sequence === lastOfRun + 1) {
        runs[last] = sequence;
        return true;
      }
      if (sequence > lastOfRun) {
        runs.splice(last + 1, 0, sequence, sequence);
        return true;
      }
      if (sequence >= runs[last - 1]!) return false;
    }
    runs.unshift(sequence, sequence);
    return true;
  }

  /** The least. */
  #forget(): void {
    const runs = this.#runs;
    const least = runs[0]!;
    this.#forgottenMax = least;
    this.#count -= 1;
    if (least === runs[1]) runs.splice(0, 2);
    else runs[0] = least + 1;
  }
}
