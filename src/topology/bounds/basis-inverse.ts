/**
 * The inverse of a basis matrix, dense, as rows and columns come and go: O(m²) a step. Row p belongs to place p of the
 * basis, column r to row r of the linear program; places and rows are as many.
 */

/** Below, a pivot is no more than rounding: columns here are of the size of 1. */
const leastPivot = 1e-11;

export class BasisInverse {
  count = 0;
  /** Rows of the inverse begin so far apart. */
  stride = 0;
  /** [place · stride + row]. */
  values = new Float64Array(0);
  /** Squared lengths of its rows. [place] */
  norms = new Float64Array(0);

  reserve(count: number): void {
    if (count <= this.stride) return;
    const stride = Math.max(64, Math.ceil(count * 1.5));
    const values = new Float64Array(stride * stride);
    for (let place = 0; place < this.count; place++) {
      const start = place * this.stride;
      values.set(this.values.subarray(start, start + this.count), place * stride);
    }
    const norms = new Float64Array(stride);
    norms.set(this.norms);
    this.values = values;
    this.norms = norms;
    this.stride = stride;
  }

  /** A row more, whose own slack is in the basis; `coefficients`: the row at each place, [count]. */
  append(coefficients: Float64Array): void {
    const { count, stride, values } = this;
    const start = count * stride;
    values.fill(0, start, start + count + 1);
    for (let place = 0; place < count; place++) {
      const from = place * stride;
      values[from + count] = 0;
      const factor = coefficients[place]!;
      if (factor === 0) continue;
      for (let row = 0; row < count; row++) {
        values[start + row] = values[start + row]! - factor * values[from + row]!;
      }
    }
    values[start + count] = 1;
    this.count++;
    this.#measure(count);
  }

  /** Only these are left, in ascending order: the slacks of the rows that go are in the basis, at the places that go. */
  keep(places: readonly number[], rows: readonly number[]): void {
    const { stride, values } = this;
    this.count = rows.length;
    places.forEach((place, to) => {
      rows.forEach((row, column) => {
        values[to * stride + column] = values[place * stride + row]!;
      });
      this.#measure(to);
    });
  }

  /** After a column has entered at `place`, where `direction` is the inverse times it. */
  exchange(place: number, direction: Float64Array): void {
    const { count, stride, values } = this;
    const start = place * stride;
    const pivot = direction[place]!;
    for (let row = 0; row < count; row++) values[start + row] = values[start + row]! / pivot;
    for (let other = 0; other < count; other++) {
      const factor = direction[other]!;
      if (other === place || factor === 0) continue;
      const from = other * stride;
      let norm = 0;
      for (let row = 0; row < count; row++) {
        const value = values[from + row]! - factor * values[start + row]!;
        values[from + row] = value;
        norm += value * value;
      }
      this.norms[other] = norm;
    }
    this.#measure(place);
  }

  /** Adds a column of the inverse times `factor`. */
  addColumn(row: number, factor: number, sums: Float64Array): void {
    const { count, stride, values } = this;
    for (let place = 0, at = row; place < count; place++, at += stride) {
      sums[place] = sums[place]! + factor * values[at]!;
    }
  }

  /** From the basis itself, [row · count + place], which is used up; false, and in a useless state, where it is singular. */
  rebuild(basis: Float64Array): boolean {
    const { count, stride, values } = this;
    for (let place = 0; place < count; place++) values.fill(0, place * stride, place * stride + count);
    for (let place = 0; place < count; place++) values[place * stride + place] = 1;
    for (let place = 0; place < count; place++) {
      let best = place;
      for (let row = place + 1; row < count; row++) {
        if (Math.abs(basis[row * count + place]!) > Math.abs(basis[best * count + place]!)) best = row;
      }
      if (!(Math.abs(basis[best * count + place]!) > leastPivot)) return false;
      swapRows(basis, best, place, count, count);
      swapRows(values, best, place, count, stride);
      const pivot = basis[place * count + place]!;
      scaleRow(basis, place * count, count, 1 / pivot);
      scaleRow(values, place * stride, count, 1 / pivot);
      for (let row = 0; row < count; row++) {
        const factor = basis[row * count + place]!;
        if (row === place || factor === 0) continue;
        subtractRow(basis, row * count, place * count, count, factor);
        subtractRow(values, row * stride, place * stride, count, factor);
      }
    }
    for (let place = 0; place < count; place++) this.#measure(place);
    return true;
  }

  #measure(place: number): void {
    let norm = 0;
    const start = place * this.stride;
    for (let at = start; at < start + this.count; at++) norm += this.values[at]! ** 2;
    this.norms[place] = norm;
  }
}

function swapRows(values: Float64Array, one: number, other: number, count: number, stride: number): void {
  if (one === other) return;
  const row = values.slice(one * stride, one * stride + count);
  values.copyWithin(one * stride, other * stride, other * stride + count);
  values.set(row, other * stride);
}

function scaleRow(values: Float64Array, start: number, count: number, factor: number): void {
  for (let at = start; at < start + count; at++) values[at] = values[at]! * factor;
}

function subtractRow(values: Float64Array, to: number, from: number, count: number, factor: number): void {
  for (let at = 0; at < count; at++) values[to + at] = values[to + at]! - factor * values[from + at]!;
}
