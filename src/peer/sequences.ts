/**
 * Which sequence numbers have been heard from a neighbour: the greatest SEQUENCES_MAX of them exactly, all below as if heard. They are
 * kept as runs of consecutive numbers, of which there is one as long as nothing is lost, so that a hundred thousand peers can remember.
 */
const SEQUENCES_MAX = 256;

export class Sequences {
  /** The run with the greatest numbers, in the object itself: nearly always there is no other. */
  #first = 0;
  #last = -1;
  /** The runs below it: pairs [first, last], ascending. */
  #older: number[] | undefined;
  #count = 0;
  /** The greatest number forgotten. */
  #forgottenMax = -1;

  /** Numbers remembered one by one. */
  get size(): number {
    return this.#count;
  }

  /** Whether the number is new; remembers it. */
  take(sequence: number): boolean {
    if (sequence <= this.#forgottenMax) return false;
    if (this.#count === 0) {
      this.#first = sequence;
      this.#last = sequence;
    } else if (sequence === this.#last + 1) {
      this.#last = sequence;
    } else if (sequence > this.#last) {
      this.#older ??= [];
      this.#older.push(this.#first, this.#last);
      this.#first = sequence;
      this.#last = sequence;
    } else {
      this.#older ??= [];
      if (sequence >= this.#first || !insertInto(this.#older, sequence)) return false;
    }
    this.#count += 1;
    if (this.#count > SEQUENCES_MAX) this.#forget();
    return true;
  }

  clear(): void {
    this.#first = 0;
    this.#last = -1;
    this.#older = undefined;
    this.#count = 0;
    this.#forgottenMax = -1;
  }

  /** The least; that of a run of its own goes with it. */
  #forget(): void {
    this.#count -= 1;
    const older = this.#older;
    if (older === undefined || older.length === 0) {
      this.#forgottenMax = this.#first++;
      return;
    }
    const least = older[0]!;
    this.#forgottenMax = least;
    if (least === older[1]) older.splice(0, 2);
    else older[0] = least + 1;
  }
}

/** False where one of the runs has it. */
function insertInto(runs: number[], sequence: number): boolean {
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
