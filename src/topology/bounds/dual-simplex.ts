/**
 * Linear programs that grow: min c·x over x ≥ 0 with c ≥ 0 and rows Σ a·x ≤ b or = b, by the dual simplex method with
 * steepest edges (Forrest, Goldfarb 1992) and Harris' ratio test. It starts without rows, and goes on from where it
 * stands when rows are added. Every step is a solution of the dual, so the objective only ever rises to the optimum.
 * Rounding is its user's to care for: prices prove nothing until they are put into the dual. Numbers of the size of 1.
 */
import { BasisInverse } from './basis-inverse.ts';

export interface LinearRow {
  /** Each column once. */
  readonly columns: Int32Array;
  readonly values: Float64Array;
  readonly limit: number;
  /** True: = limit; else ≤. */
  readonly isEquality: boolean;
}

/** `failed`: no solution, or none that rounding lets it find. */
export type Solution = 'optimal' | 'expired' | 'failed';

export interface SimplexRun {
  /** Asked every few steps. */
  expired(): boolean;
}

const feasible = 1e-9;
const leastPivot = 1e-7;
const harris = 1e-11;
/** The inverse is computed anew after so many steps, and where a step finds it this far off. */
const stepsPerInverse = 400;
const inverseError = 1e-6;
const stepsPerClockCheck = 16;

/** Variables in the basis: columns as they are, the slack of row r as −1 − r. */
export class DualSimplex {
  /** Taken so far. */
  steps = 0;
  readonly #costs: Float64Array;
  #rows: LinearRow[] = [];
  #basis: number[] = [];
  readonly #inverse = new BasisInverse();
  /** [place] */
  #values = new Float64Array(0);
  /** [row] */
  #prices = new Float64Array(0);
  /** [column] */
  readonly #reduced: Float64Array;
  /** 1: in the basis. [column], [row] */
  readonly #isBasic: Uint8Array;
  #isSlackBasic = new Uint8Array(0);
  readonly #alpha: Float64Array;
  #direction = new Float64Array(0);
  /** Entries by column: [column] → where they begin, as row and value. */
  readonly #starts: Int32Array;
  #entryRows = new Int32Array(0);
  #entryValues = new Float64Array(0);
  #areEntriesOld = false;
  #stepsOfInverse = 0;

  /** `costs`: [columns], none negative. */
  constructor(costs: Float64Array) {
    this.#costs = costs;
    this.#reduced = costs.slice();
    this.#isBasic = new Uint8Array(costs.length);
    this.#alpha = new Float64Array(costs.length);
    this.#starts = new Int32Array(costs.length + 1);
  }

  /** What the dual comes to: Σ price · limit. */
  get objective(): number {
    return this.#rows.reduce((total, { limit }, row) => total + limit * this.#prices[row]!, 0);
  }

  /** [columns] */
  columnValues(): Float64Array {
    const values = new Float64Array(this.#costs.length);
    this.#basis.forEach((variable, place) => {
      if (variable >= 0) values[variable] = this.#values[place]!;
    });
    return values;
  }

  /** Of each row, ≤ 0 for inequalities but for rounding. [rows] */
  rowPrices(): Float64Array {
    return this.#prices.slice(0, this.#rows.length);
  }

  /** Its slack is in the basis: without the row nothing changes. */
  isIdle(row: number): boolean {
    return this.#isSlackBasic[row] === 1;
  }

  /** New rows, their slacks in the basis. */
  add(rows: readonly LinearRow[]): void {
    this.#makeRoom(this.#rows.length + rows.length);
    const dense = new Float64Array(this.#costs.length);
    for (const row of rows) {
      const place = this.#rows.length;
      row.columns.forEach((column, index) => {
        dense[column] = row.values[index]!;
      });
      let value = row.limit;
      const coefficients = Float64Array.from(this.#basis, (variable, other) => {
        const factor = variable < 0 ? 0 : dense[variable]!;
        value -= factor * this.#values[other]!;
        return factor;
      });
      for (const column of row.columns) dense[column] = 0;
      this.#inverse.append(coefficients);
      this.#rows.push(row);
      this.#basis.push(-1 - place);
      this.#values[place] = value;
      this.#prices[place] = 0;
      this.#isSlackBasic[place] = 1;
    }
    this.#areEntriesOld = true;
  }

  /** Takes those of the idle rows away that `isGone` names. */
  remove(isGone: (row: number) => boolean): void {
    const rows = [...this.#rows.keys()].filter((row) => !(this.isIdle(row) && isGone(row)));
    const newRow = new Map(rows.map((row, index) => [row, index]));
    const places = [...this.#basis.keys()].filter((place) => {
      const variable = this.#basis[place]!;
      return variable >= 0 || newRow.has(-1 - variable);
    });
    this.#inverse.keep(places, rows);
    this.#basis = places.map((place) => {
      const variable = this.#basis[place]!;
      return variable >= 0 ? variable : -1 - newRow.get(-1 - variable)!;
    });
    this.#rows = rows.map((row) => this.#rows[row]!);
    places.forEach((place, index) => {
      this.#values[index] = this.#values[place]!;
    });
    rows.forEach((row, index) => {
      this.#prices[index] = this.#prices[row]!;
      this.#isSlackBasic[index] = this.#isSlackBasic[row]!;
    });
    this.#areEntriesOld = true;
  }

  solve({ expired }: SimplexRun): Solution {
    if (this.#areEntriesOld) this.#sortEntries();
    for (let step = 1; ; step++) {
      if (step % stepsPerClockCheck === 0 && expired()) return 'expired';
      if (this.#stepsOfInverse >= stepsPerInverse && !this.#invert()) return 'failed';
      const place = this.#leaving();
      if (place < 0) return 'optimal';
      if (this.#step(place)) continue;
      if (this.#stepsOfInverse === 0 || !this.#invert()) return 'failed';
    }
  }

  #makeRoom(count: number): void {
    this.#inverse.reserve(count);
    const { stride } = this.#inverse;
    if (stride === this.#values.length) return;
    const grown = <Items extends Float64Array | Uint8Array>(longer: Items, old: Items): Items => {
      longer.set(old);
      return longer;
    };
    this.#values = grown(new Float64Array(stride), this.#values);
    this.#prices = grown(new Float64Array(stride), this.#prices);
    this.#isSlackBasic = grown(new Uint8Array(stride), this.#isSlackBasic);
    this.#direction = new Float64Array(stride);
  }

  #sortEntries(): void {
    const starts = this.#starts.fill(0);
    for (const { columns } of this.#rows) {
      for (const column of columns) starts[column + 1] = starts[column + 1]! + 1;
    }
    for (let column = 0; column + 1 < starts.length; column++) {
      starts[column + 1] = starts[column + 1]! + starts[column]!;
    }
    const next = starts.slice();
    this.#entryRows = new Int32Array(starts.at(-1)!);
    this.#entryValues = new Float64Array(starts.at(-1)!);
    this.#rows.forEach(({ columns, values }, row) => {
      columns.forEach((column, index) => {
        const entry = next[column]!;
        next[column] = entry + 1;
        this.#entryRows[entry] = row;
        this.#entryValues[entry] = values[index]!;
      });
    });
    this.#areEntriesOld = false;
  }

  /** The place of the basis furthest beyond its limit; −1: all within. */
  #leaving(): number {
    let best = -1;
    let most = 0;
    for (let place = 0; place < this.#basis.length; place++) {
      const value = this.#values[place]!;
      const variable = this.#basis[place]!;
      const isWithin =
        value >= -feasible && (value <= feasible || variable >= 0 || !this.#rows[-1 - variable]!.isEquality);
      if (isWithin) continue;
      const score = (value * value) / this.#inverse.norms[place]!;
      if (score <= most) continue;
      most = score;
      best = place;
    }
    return best;
  }

  /** False: nothing can take the place, or the inverse is too far off to say. */
  #step(place: number): boolean {
    this.#fillAlpha(place);
    const entering = this.#entering(place, this.#values[place]! < 0 ? -1 : 1);
    if (entering === undefined) return false;
    const start = place * this.#inverse.stride;
    const rate = entering >= 0 ? this.#alpha[entering]! : this.#inverse.values[start - 1 - entering]!;
    const direction = this.#fillDirection(entering);
    const pivot = direction[place]!;
    if (!(Math.abs(pivot - rate) <= inverseError * (1 + Math.abs(rate)))) return false;
    const reduced = entering >= 0 ? this.#reduced[entering]! : -this.#prices[-1 - entering]!;
    this.#reprice(place, Math.max(0, reduced) / rate, entering);
    const amount = this.#values[place]! / pivot;
    for (let other = 0; other < this.#basis.length; other++) {
      this.#values[other] = this.#values[other]! - amount * direction[other]!;
    }
    this.#values[place] = amount;
    this.#inverse.exchange(place, direction);
    this.#basis[place] = entering;
    this.steps++;
    this.#stepsOfInverse++;
    return true;
  }

  /** How much of the leaving variable a unit of each column takes the place of. */
  #fillAlpha(place: number): void {
    const alpha = this.#alpha.fill(0);
    const start = place * this.#inverse.stride;
    for (let row = 0; row < this.#rows.length; row++) {
      const factor = this.#inverse.values[start + row]!;
      if (factor === 0) continue;
      const { columns, values } = this.#rows[row]!;
      for (let index = 0; index < columns.length; index++) {
        const column = columns[index]!;
        alpha[column] = alpha[column]! + factor * values[index]!;
      }
    }
  }

  /** The variable whose reduced cost is used up first; of nearly equal ones that with the largest pivot. */
  #entering(place: number, sign: number): number | undefined {
    let reach = Number.POSITIVE_INFINITY;
    this.#forEachCandidate(place, sign, (_, reduced, rate) => {
      reach = Math.min(reach, (Math.max(0, reduced) + harris) / rate);
    });
    let best: number | undefined;
    let steepest = 0;
    this.#forEachCandidate(place, sign, (variable, reduced, rate) => {
      if (rate <= steepest || Math.max(0, reduced) > reach * rate) return;
      steepest = rate;
      best = variable;
    });
    return best;
  }

  #forEachCandidate(
    place: number,
    sign: number,
    look: (variable: number, reduced: number, rate: number) => void,
  ): void {
    for (let column = 0; column < this.#costs.length; column++) {
      const rate = sign * this.#alpha[column]!;
      if (rate > leastPivot && this.#isBasic[column] === 0) look(column, this.#reduced[column]!, rate);
    }
    const start = place * this.#inverse.stride;
    for (let row = 0; row < this.#rows.length; row++) {
      const rate = sign * this.#inverse.values[start + row]!;
      if (rate <= leastPivot || this.#isSlackBasic[row] === 1 || this.#rows[row]!.isEquality) continue;
      look(-1 - row, -this.#prices[row]!, rate);
    }
  }

  /** Prices move by `change` along the row of the inverse, before the basis changes. */
  #reprice(place: number, change: number, entering: number): void {
    const start = place * this.#inverse.stride;
    for (let column = 0; column < this.#costs.length; column++) {
      if (this.#isBasic[column] === 1) continue;
      this.#reduced[column] = this.#reduced[column]! - change * this.#alpha[column]!;
    }
    for (let row = 0; row < this.#rows.length; row++) {
      this.#prices[row] = this.#prices[row]! + change * this.#inverse.values[start + row]!;
    }
    const leaving = this.#basis[place]!;
    if (leaving >= 0) {
      this.#isBasic[leaving] = 0;
      this.#reduced[leaving] = -change;
    } else this.#isSlackBasic[-1 - leaving] = 0;
    if (entering >= 0) {
      this.#isBasic[entering] = 1;
      this.#reduced[entering] = 0;
    } else {
      this.#isSlackBasic[-1 - entering] = 1;
      this.#prices[-1 - entering] = 0;
    }
  }

  /** The inverse times the entering column. */
  #fillDirection(entering: number): Float64Array {
    const direction = this.#direction.fill(0);
    if (entering < 0) this.#inverse.addColumn(-1 - entering, 1, direction);
    else {
      for (let entry = this.#starts[entering]!; entry < this.#starts[entering + 1]!; entry++) {
        this.#inverse.addColumn(this.#entryRows[entry]!, this.#entryValues[entry]!, direction);
      }
    }
    return direction;
  }

  /** The inverse from the basis alone, then values, prices and reduced costs; false where the basis is singular. */
  #invert(): boolean {
    const count = this.#rows.length;
    const basis = new Float64Array(count * count);
    this.#basis.forEach((variable, place) => {
      if (variable < 0) basis[(-1 - variable) * count + place] = 1;
      else {
        for (let entry = this.#starts[variable]!; entry < this.#starts[variable + 1]!; entry++) {
          basis[this.#entryRows[entry]! * count + place] = this.#entryValues[entry]!;
        }
      }
    });
    this.#stepsOfInverse = 0;
    if (!this.#inverse.rebuild(basis)) return false;
    this.#recompute();
    return true;
  }

  #recompute(): void {
    const prices = this.#prices.fill(0);
    this.#basis.forEach((variable, place) => {
      const start = place * this.#inverse.stride;
      const cost = variable < 0 ? 0 : this.#costs[variable]!;
      let value = 0;
      this.#rows.forEach(({ limit }, row) => {
        const factor = this.#inverse.values[start + row]!;
        value += factor * limit;
        prices[row] = prices[row]! + cost * factor;
      });
      this.#values[place] = value;
    });
    this.#reduced.set(this.#costs);
    this.#rows.forEach(({ columns, values }, row) => {
      const price = prices[row]!;
      columns.forEach((column, index) => {
        this.#reduced[column] = this.#reduced[column]! - price * values[index]!;
      });
    });
  }
}
