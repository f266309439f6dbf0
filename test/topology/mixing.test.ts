import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import {
  type Arc,
  buildOverlay,
  defaultMixing,
  type MixingMatrix,
  mix,
  mixingMatrix,
  mixingProblems,
  type Overlay,
  overlayOf,
  siloNames,
  spectralGap,
} from '../../src/topology/index.ts';
import { dense } from './dense.ts';

const graph = (directed: boolean, count: number, arcs: readonly Arc[]): Overlay =>
  overlayOf({ name: 'graph', directed, nodes: siloNames(count), arcs });

/** A path, or a directed ring, with random extra arcs: always (strongly) connected. */
const connected = (directed: boolean) =>
  fc.tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 0, max: 2 ** 31 })).map(([count, seed]) => {
    const random = Random.of(seed, 'test-graph');
    const order = random.shuffle(Array.from({ length: count }, (_, index) => index));
    const arcs = order.map((node, index): Arc => [node, order[(index + 1) % count]!]);
    const extra = Array.from(
      { length: random.integer(2 * count) },
      (): Arc => [random.integer(count), random.integer(count)],
    );
    return graph(directed, count, [...(directed ? arcs : arcs.slice(1)), ...extra]);
  });

const cases = [
  ['metropolis', connected(false)],
  ['sinkhorn', connected(false)],
  ['sinkhorn', connected(true)],
] as const;

function sums(matrix: MixingMatrix): number[] {
  const all = dense(matrix);
  const rows = all.map((row) => row.reduce((sum, weight) => sum + weight, 0));
  const columns = all.map((_, sender) => all.reduce((sum, row) => sum + row[sender]!, 0));
  return [...rows, ...columns];
}

describe.each(cases)('%s weights on random graphs (%#)', (spec, graphs) => {
  test('rows and columns sum to 1 to 1e-11, entries are positive on the arcs and zero elsewhere', () => {
    fc.assert(
      fc.property(graphs, (overlay) => {
        const matrix = mixingMatrix(overlay, spec);
        for (const sum of sums(matrix)) expect(Math.abs(sum - 1)).toBeLessThanOrEqual(1e-11);
        expect(mixingProblems(overlay, matrix)).toEqual([]);
        for (const [from, to] of overlay.arcs) expect(matrix[to]!.get(from)).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  test('mixing keeps the mean and never widens the spread', () => {
    fc.assert(
      fc.property(graphs, fc.integer(), (overlay, seed) => {
        const random = Random.of(seed, 'values');
        const values = overlay.nodes.map(() => random.normal());
        const mixed = mix(mixingMatrix(overlay, spec), values);
        const mean = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0) / list.length;
        expect(mean(mixed)).toBeCloseTo(mean(values), 10);
        expect(Math.max(...mixed)).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test('renaming the silos renames the weights and leaves the gap', () => {
    fc.assert(
      fc.property(graphs, fc.integer(), (overlay, seed) => {
        const order = Random.of(seed, 'order').shuffle(overlay.nodes.map((_, index) => index));
        const renamed = overlay.arcs.map(([from, to]): Arc => [order[from]!, order[to]!]);
        const matrix = mixingMatrix(overlay, spec);
        const other = mixingMatrix(graph(overlay.directed, overlay.nodes.length, renamed), spec);
        matrix.forEach((row, receiver) => {
          row.forEach((weight, sender) => {
            expect(other[order[receiver]!]!.get(order[sender]!)).toBeCloseTo(weight, 9);
          });
        });
        expect(spectralGap(other)).toBeCloseTo(spectralGap(matrix), 6);
      }),
      { numRuns: 30 },
    );
  });
});

test('metropolis weights are symmetric to the bit', () => {
  fc.assert(
    fc.property(connected(false), (overlay) => {
      const matrix = mixingMatrix(overlay, 'metropolis');
      for (const [from, to] of overlay.arcs) expect(matrix[to]!.get(from)).toBe(matrix[from]!.get(to));
    }),
  );
});

test('sinkhorn by hand: 0 → 1 → 2 → 0 with 0 → 2 balances to one free number', () => {
  const overlay = graph(true, 3, [
    [0, 1],
    [1, 2],
    [2, 0],
    [0, 2],
  ]);
  const matrix = dense(mixingMatrix(overlay, 'sinkhorn'));
  // Rows by receiver: 0 hears 2; 1 hears 0; 2 hears 1 and 0. W = r cᵀ on the support.
  expect(matrix[0]![1]).toBe(0);
  expect(matrix[1]![2]).toBe(0);
  expect(matrix[0]![2]).toBeCloseTo(1 - matrix[0]![0]!, 12);
  const odds = (receiver: number, a: number, b: number) => matrix[receiver]![a]! / matrix[receiver]![b]!;
  expect(odds(2, 0, 1)).toBeCloseTo(odds(1, 0, 1), 9);
  expect(odds(2, 0, 2)).toBeCloseTo(odds(0, 0, 2), 9);
});

test('uniform weights hold on regular graphs and are refused elsewhere, with every column named', () => {
  const ring = mixingMatrix(buildOverlay({ kind: 'ring' }, 5), 'uniform');
  expect(ring[0]!.get(1)).toBe(1 / 3);
  const path = buildOverlay({ kind: 'path' }, 4);
  expect(() => mixingMatrix(path, 'uniform')).toThrow(
    /column 0 \(silo-0\) sums to 0\.8333.*column 3 \(silo-3\).*use metropolis/,
  );
});

test('metropolis on a directed graph and sinkhorn on one that is not strong are refused with advice', () => {
  expect(() => mixingMatrix(buildOverlay({ kind: 'exponential' }, 5), 'metropolis')).toThrow(/use sinkhorn/);
  const oneWay = graph(true, 3, [
    [0, 1],
    [1, 0],
    [1, 2],
  ]);
  expect(() => mixingMatrix(oneWay, 'sinkhorn')).toThrow(/lies on no cycle/);
});

describe('given weights', () => {
  const path = buildOverlay({ kind: 'path' }, 3);

  test('are taken when doubly stochastic within the graph', () => {
    const matrix = mixingMatrix(path, [
      [0, 0, 0.5],
      [0, 1, 0.5],
      [1, 0, 0.5],
      [1, 2, 0.5],
      [2, 1, 0.5],
      [2, 2, 0.5],
    ]);
    expect([...matrix[1]!]).toEqual([
      [0, 0.5],
      [1, 0],
      [2, 0.5],
    ]);
  });

  test('are refused with each fault named: negative, outside the graph, rows and columns', () => {
    const attempt = () =>
      mixingMatrix(path, [
        [0, 0, 1.5],
        [0, 1, -0.5],
        [1, 1, 1],
        [2, 2, 0.5],
        [2, 0, 0.5],
      ]);
    expect(attempt).toThrow(/W\[0\]\[1\] = -0\.5, wanted a finite number ≥ 0/);
    expect(attempt).toThrow(/W\[2\]\[0\] = 0\.5, but 0 \(silo-0\) does not send to 2 \(silo-2\)/);
    expect(attempt).toThrow(/column 0 \(silo-0\) sums to 2/);
    expect(attempt).not.toThrow(/row 2/);
  });

  test('that name a node outside the graph are refused', () => {
    expect(() => mixingMatrix(path, [[3, 0, 1]])).toThrow(/outside 0 to 2/);
  });

  test('are the default where the overlay carries some', () => {
    expect(defaultMixing({ ...path, weights: [[0, 0, 1]] })).toBe('overlay');
    expect(defaultMixing(path)).toBe('metropolis');
    expect(defaultMixing(buildOverlay({ kind: 'exponential' }, 6))).toBe('sinkhorn');
    expect(() => mixingMatrix(path, 'overlay')).toThrow(/wants an overlay file with weights/);
  });
});

describe('spectral gap', () => {
  test('sees negative eigenvalues: averaging with one partner only flips for ever', () => {
    const pair = buildOverlay({ kind: 'path' }, 2);
    const swap = mixingMatrix(pair, [
      [0, 1, 1],
      [1, 0, 1],
    ]);
    expect(spectralGap(swap)).toBeCloseTo(0, 12);
    expect(spectralGap(mixingMatrix(pair, 'metropolis'))).toBeCloseTo(1, 12);
  });

  test('sees complex eigenvalues: the directed ring of 5 with ½ and ½ has |λ| = cos(π/5)', () => {
    const ring = graph(
      true,
      5,
      Array.from({ length: 5 }, (_, node): Arc => [node, (node + 1) % 5]),
    );
    expect(spectralGap(mixingMatrix(ring, 'sinkhorn'))).toBeCloseTo(1 - Math.cos(Math.PI / 5), 10);
  });

  test('is 0 where the graph falls apart and 1 on the complete graph and for one silo', () => {
    const apart = graph(false, 4, [
      [0, 1],
      [2, 3],
    ]);
    expect(spectralGap(mixingMatrix(apart, 'metropolis'))).toBeCloseTo(0, 12);
    expect(spectralGap(mixingMatrix(buildOverlay({ kind: 'complete' }, 7), 'metropolis'))).toBeCloseTo(1, 10);
    expect(spectralGap(mixingMatrix(buildOverlay({ kind: 'ring' }, 1), 'metropolis'))).toBe(1);
  });

  test('above 400 silos the estimate agrees with the closed form of the hypercube, 2 / (d + 1)', () => {
    const matrix = mixingMatrix(buildOverlay({ kind: 'hypercube' }, 512), 'metropolis');
    expect(spectralGap(matrix)).toBeCloseTo(2 / 10, 3);
  });
});
