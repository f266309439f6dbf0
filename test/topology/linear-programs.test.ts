/** What the lower bounds stand on: the dual simplex method, and smallest cuts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { DualSimplex, type LinearRow } from '../../src/topology/bounds/dual-simplex.ts';
import { CutGraph } from '../../src/topology/bounds/smallest-cut.ts';

const patient = { expired: () => false };

/** Costs, and rows that a random point keeps: some as equalities, some with room. */
function randomProgram(seed: number): { costs: Float64Array; rows: LinearRow[] } {
  const random = Random.of(seed, 'program');
  const columnCount = 4 + random.integer(12);
  const point = Float64Array.from({ length: columnCount }, () =>
    random.uniform() < 0.5 ? 0 : random.uniform(),
  );
  const rows = Array.from({ length: 2 + random.integer(14) }, (): LinearRow => {
    const columns = Int32Array.from(point.keys()).filter(() => random.uniform() < 0.5);
    const values = Float64Array.from(columns, () => random.integer(7) - 3);
    const isEquality = random.uniform() < 0.3;
    const sum = columns.reduce((total, column, at) => total + values[at]! * point[column]!, 0);
    return {
      columns,
      values,
      isEquality,
      limit: sum + (isEquality ? 0 : random.integer(2) * random.uniform()),
    };
  });
  return { costs: Float64Array.from(point, () => random.uniform()), rows };
}

function expectOptimal(simplex: DualSimplex, costs: Float64Array, rows: readonly LinearRow[]): void {
  const values = simplex.columnValues();
  const prices = simplex.rowPrices();
  const reduced = costs.slice();
  rows.forEach(({ columns, values: entries, limit, isEquality }, row) => {
    let sum = 0;
    columns.forEach((column, at) => {
      sum += entries[at]! * values[column]!;
      reduced[column] = reduced[column]! - prices[row]! * entries[at]!;
    });
    expect(sum).toBeLessThanOrEqual(limit + 1e-7);
    if (isEquality) expect(sum).toBeGreaterThanOrEqual(limit - 1e-7);
    else expect(prices[row]).toBeLessThanOrEqual(1e-7);
  });
  for (const value of values) expect(value).toBeGreaterThanOrEqual(-1e-7);
  for (const cost of reduced) expect(cost).toBeGreaterThanOrEqual(-1e-7);
  const cost = values.reduce((total, value, column) => total + value * costs[column]!, 0);
  expect(cost).toBeCloseTo(simplex.objective, 6);
}

describe('the dual simplex method', () => {
  it('ends with a solution and prices that prove each other, in one go and row by row', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { costs, rows } = randomProgram(seed);
        const whole = new DualSimplex(costs);
        whole.add(rows);
        expect(whole.solve(patient)).toBe('optimal');
        expectOptimal(whole, costs, rows);
        const grown = new DualSimplex(costs);
        let least = 0;
        for (const row of rows) {
          grown.add([row]);
          expect(grown.solve(patient)).toBe('optimal');
          expect(grown.objective).toBeGreaterThanOrEqual(least - 1e-7);
          least = grown.objective;
        }
        expect(grown.objective).toBeCloseTo(whole.objective, 6);
      }),
      { numRuns: 100 },
    );
  });

  it('comes to the same without the rows that were idle, and with them again', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { costs, rows } = randomProgram(seed);
        const simplex = new DualSimplex(costs);
        simplex.add(rows);
        simplex.solve(patient);
        const { objective } = simplex;
        const isIdle = rows.map((_, row) => simplex.isIdle(row));
        simplex.remove(() => true);
        const kept = rows.filter((_, row) => !isIdle[row]);
        expect(simplex.solve(patient)).toBe('optimal');
        expectOptimal(simplex, costs, kept);
        const idle = rows.filter((_, row) => isIdle[row]);
        simplex.add(idle);
        expect(simplex.solve(patient)).toBe('optimal');
        expectOptimal(simplex, costs, [...kept, ...idle]);
        expect(simplex.objective).toBeCloseTo(objective, 6);
      }),
      { numRuns: 70 },
    );
  });

  it('says where there is no solution', () => {
    const simplex = new DualSimplex(Float64Array.of(1, 1));
    const row = (value: number, limit: number): LinearRow => ({
      columns: Int32Array.of(0, 1),
      values: Float64Array.of(value, value),
      limit,
      isEquality: false,
    });
    simplex.add([row(-1, -2), row(1, 1)]);
    expect(simplex.solve(patient)).toBe('failed');
  });
});

describe('smallest cuts', () => {
  it('are the least of all cuts between two nodes, by trying them all', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = Random.of(seed, 'cut');
      const count = 3 + random.integer(4);
      const arcs = Array.from({ length: 3 * count }, () => {
        return [random.integer(count), random.integer(count), random.integer(5)] as const;
      }).filter(([from, to]) => from !== to);
      const graph = new CutGraph(count);
      for (const [from, to, capacity] of arcs) graph.add(from, to, capacity);
      const into = (isInside: (node: number) => boolean) =>
        arcs.reduce(
          (total, [from, to, capacity]) => total + (!isInside(from) && isInside(to) ? capacity : 0),
          0,
        );
      let least = Number.POSITIVE_INFINITY;
      for (let set = 0; set < 2 ** count; set++) {
        if ((set & 1) === 0 && (set >> 1) & 1)
          least = Math.min(
            least,
            into((node) => ((set >> node) & 1) === 1),
          );
      }
      const { capacity, inside } = graph.cut(0, 1);
      expect(capacity).toBeCloseTo(least, 9);
      expect([inside[0], inside[1]]).toEqual([0, 1]);
      expect(into((node) => inside[node] === 1)).toBeCloseTo(least, 9);
    }
  });
});
