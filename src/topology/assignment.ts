/**
 * The assignment problem: a permutation of least total cost, by shortest augmenting paths with potentials (Kuhn 1955;
 * Jonker, Volgenant 1987), O(n³).
 */

/** columns[row], for costs [row · size + column], finite. */
export function leastAssignment(size: number, costs: Float64Array): Int32Array {
  const rowPrice = new Float64Array(size + 1);
  const columnPrice = new Float64Array(size + 1);
  /** [column], 1-based, the row it belongs to; column 0 holds the row being placed. */
  const rowOf = new Int32Array(size + 1);
  const cameFrom = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    rowOf[0] = row;
    const slack = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
    const done = new Uint8Array(size + 1);
    let column = 0;
    do {
      done[column] = 1;
      const placed = rowOf[column]!;
      let least = Number.POSITIVE_INFINITY;
      let nearest = 0;
      for (let other = 1; other <= size; other++) {
        if (done[other] === 1) continue;
        const reduced = costs[(placed - 1) * size + other - 1]! - rowPrice[placed]! - columnPrice[other]!;
        if (reduced < slack[other]!) {
          slack[other] = reduced;
          cameFrom[other] = column;
        }
        if (slack[other]! < least) [least, nearest] = [slack[other]!, other];
      }
      for (let other = 0; other <= size; other++) {
        if (done[other] === 1) {
          rowPrice[rowOf[other]!] = rowPrice[rowOf[other]!]! + least;
          columnPrice[other] = columnPrice[other]! - least;
        } else slack[other] = slack[other]! - least;
      }
      column = nearest;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[cameFrom[column]!]!;
      column = cameFrom[column]!;
    }
  }
  const columns = new Int32Array(size);
  for (let column = 1; column <= size; column++) columns[rowOf[column]! - 1] = column - 1;
  return columns;
}
