/** Trees, matchings, tours, colourings, assignments and fair rates against brute force and their definitions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { leastAssignment } from '../../src/topology/assignment.ts';
import { fairRatesBps } from '../../src/topology/core-sharing.ts';
import { matchingsOf } from '../../src/topology/edge-colouring.ts';
import { oneTreeBound } from '../../src/topology/index.ts';
import { christofidesTour } from '../../src/topology/tours/christofides.ts';
import { improvedDirectedTour } from '../../src/topology/tours/directed-tour.ts';
import { nearestByCost } from '../../src/topology/tours/neighbours.ts';
import { minimumPerfectMatching } from '../../src/topology/tours/perfect-matching.ts';
import { improvedTour } from '../../src/topology/tours/tour-search.ts';
import { type Edge, type PairCost, pathInCube, spanningTree } from '../../src/topology/trees.ts';

const never = () => false;

/** A symmetric matrix of whole numbers drawn from a seed. */
function costs(count: number, seed: number, most = 50): { cost: PairCost; matrix: number[][] } {
  const random = Random.of(seed, 'costs');
  const matrix = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let one = 0; one < count; one++) {
    for (let other = 0; other < one; other++) {
      const value = 1 + random.integer(most);
      matrix[one]![other] = value;
      matrix[other]![one] = value;
    }
  }
  return { matrix, cost: (one, other) => matrix[one]![other]! };
}

function* permutations(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const tourCost = (tour: ArrayLike<number>, cost: PairCost) =>
  range(tour.length).reduce((sum, place) => sum + cost(tour[place]!, tour[(place + 1) % tour.length]!), 0);
const shortestTour = (count: number, cost: PairCost) =>
  Math.min(
    ...[...permutations(range(count - 1).map((node) => node + 1))].map((rest) =>
      tourCost([0, ...rest], cost),
    ),
  );
const isPermutation = (tour: ArrayLike<number>) => new Set(Array.from(tour)).size === tour.length;

const seeds = fc.integer({ min: 0, max: 1e6 });

describe('perfect matchings', () => {
  const cheapest = (nodes: readonly number[], cost: PairCost): number => {
    const [first, ...rest] = nodes;
    if (first === undefined) return 0;
    return Math.min(
      ...rest.map(
        (mate) =>
          cost(first, mate) +
          cheapest(
            rest.filter((node) => node !== mate),
            cost,
          ),
      ),
    );
  };

  test('of least weight, up to eight nodes, with many ties', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 4 }), fc.constantFrom(3, 50), (seed, half, most) => {
        const { cost } = costs(2 * half, seed, most);
        const matching = minimumPerfectMatching(2 * half, cost);
        expect(isPermutation(matching.flat())).toBe(true);
        expect(matching).toHaveLength(half);
        expect(matching.reduce((sum, [one, other]) => sum + cost(one, other), 0)).toBe(
          cheapest(range(2 * half), cost),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('of 60 nodes: no two pairs can change partners for less (blossoms inside blossoms)', () => {
    for (const seed of range(5)) {
      const { cost } = costs(60, seed, 8);
      const matching = minimumPerfectMatching(60, cost);
      expect(isPermutation(matching.flat())).toBe(true);
      for (const [a, b] of matching) {
        for (const [c, d] of matching) {
          if (a === c) continue;
          expect(cost(a, b) + cost(c, d)).toBeLessThanOrEqual(
            Math.min(cost(a, c) + cost(b, d), cost(a, d) + cost(b, c)),
          );
        }
      }
    }
  });
});

describe('tours', () => {
  test('local search finds the shortest of seven nodes, and the bound is below it', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { cost } = costs(7, seed);
        const neighbours = nearestByCost(7, cost, 6);
        const search = { cost, neighbours, random: Random.of(seed), expired: never, kicks: 200 };
        const tour = improvedTour(range(7), search);
        expect(isPermutation(tour)).toBe(true);
        const shortest = shortestTour(7, cost);
        expect(tourCost(tour, cost)).toBe(shortest);
        const bound = oneTreeBound(7, cost, { iterations: 50, tourLength: shortest });
        expect(bound).toBeLessThanOrEqual(shortest + 1e-6);
        expect(bound).toBeGreaterThan(0.7 * shortest);
      }),
      { numRuns: 40 },
    );
  });

  test('on 300 random points local search is within 6 % of the 1-tree bound, Christofides within 50 %', () => {
    const random = Random.of(3, 'points');
    const points = range(300).map(() => [random.uniform(), random.uniform()] as const);
    const cost: PairCost = (one, other) =>
      Math.hypot(points[one]![0] - points[other]![0], points[one]![1] - points[other]![1]);
    const start = christofidesTour(300, cost);
    expect(isPermutation(start)).toBe(true);
    const neighbours = nearestByCost(300, cost, 10);
    const tour = improvedTour(start, { cost, neighbours, random, expired: never, kicks: 3_000 });
    expect(isPermutation(tour)).toBe(true);
    const length = tourCost(tour, cost);
    const bound = oneTreeBound(300, cost, { iterations: 40, tourLength: length });
    expect(length / bound).toBeLessThan(1.06);
    expect(tourCost(start, cost) / bound).toBeLessThan(1.5);
  });

  test('a directed tour is never longer than where it began, and the shortest of six nodes', () => {
    for (const seed of range(20)) {
      const random = Random.of(seed, 'directed');
      const matrix = range(6).map(() => range(6).map(() => 1 + random.integer(50)));
      const cost: PairCost = (from, to) => matrix[from]![to]!;
      const tour = improvedDirectedTour(Int32Array.from(range(6)), cost, { random, expired: never });
      expect(isPermutation(tour)).toBe(true);
      expect(tourCost(tour, cost)).toBeLessThanOrEqual(tourCost(range(6), cost));
    }
  });

  test('the same seed gives the same tour; no time gives the tour it began with', () => {
    const { cost } = costs(40, 9);
    const neighbours = nearestByCost(40, cost, 8);
    const search = () =>
      improvedTour(range(40), { cost, neighbours, random: Random.of(1), expired: never, kicks: 500 });
    expect(search()).toEqual(search());
    const none = improvedTour(range(40), {
      cost,
      neighbours,
      random: Random.of(1),
      expired: () => true,
      kicks: 500,
    });
    expect(isPermutation(none)).toBe(true);
  });
});

describe('trees', () => {
  /** Kruskal's total, the definition to compare with. */
  const kruskal = (count: number, cost: PairCost) => {
    const part = range(count);
    const find = (node: number): number => (part[node] === node ? node : find(part[node]!));
    const pairs = range(count).flatMap((one) => range(one).map((other): Edge => [one, other]));
    let total = 0;
    for (const [one, other] of pairs.sort((a, b) => cost(...a) - cost(...b))) {
      if (find(one) === find(other)) continue;
      part[find(one)] = find(other);
      total += cost(one, other);
    }
    return total;
  };

  test('minimum; of bounded degree; and a path in the cube that takes steps of at most three edges', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 2, max: 12 }), (seed, count) => {
        const { cost } = costs(count, seed);
        const tree = spanningTree(count, cost);
        expect(tree.reduce((sum, edge) => sum + cost(...edge), 0)).toBe(kruskal(count, cost));
        const bounded = spanningTree(count, cost, 2);
        expect(new Set(bounded.flat()).size).toBe(count);
        for (const node of range(count))
          expect(bounded.flat().filter((end) => end === node).length).toBeLessThanOrEqual(2);
        const path = pathInCube(count, tree);
        expect(isPermutation(path)).toBe(true);
        expect(path).toHaveLength(count);
        for (const place of range(count - 1))
          expect(steps(tree, path[place]!, path[place + 1]!)).toBeLessThanOrEqual(3);
      }),
      { numRuns: 100 },
    );
  });

  function steps(tree: readonly Edge[], from: number, to: number): number {
    let reached = new Set([from]);
    for (let count = 0; ; count++) {
      if (reached.has(to)) return count;
      reached = new Set([
        ...reached,
        ...tree.flatMap(([a, b]) => (reached.has(a) ? [b] : reached.has(b) ? [a] : [])),
      ]);
    }
  }
});

test('edge colouring: matchings that partition the edges, at most Δ + 1 of them', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 2, max: 12 }),
      fc.double({ min: 0.2, max: 1, noNaN: true }),
      (seed, count, share) => {
        const random = Random.of(seed, 'graph');
        const edges = range(count).flatMap((one) =>
          range(one)
            .map((other): Edge => [other, one])
            .filter(() => random.uniform() < share),
        );
        const matchings = matchingsOf(count, edges);
        const degree = Math.max(
          0,
          ...range(count).map((node) => edges.flat().filter((end) => end === node).length),
        );
        expect(matchings.length).toBeLessThanOrEqual(degree + 1);
        for (const matching of matchings) expect(isPermutation(matching.flat())).toBe(true);
        expect(matchings.flat().map(String).sort()).toEqual(edges.map(String).sort());
      },
    ),
    { numRuns: 200 },
  );
});

test('the least assignment is the cheapest of all permutations', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, size) => {
      const random = Random.of(seed, 'assignment');
      const matrix = Float64Array.from({ length: size * size }, () => random.integer(40) - 20);
      const columns = leastAssignment(size, matrix);
      const total = (chosen: ArrayLike<number>) =>
        range(size).reduce((sum, row) => sum + matrix[row * size + chosen[row]!]!, 0);
      expect(isPermutation(columns)).toBe(true);
      expect(total(columns)).toBe(Math.min(...[...permutations(range(size))].map(total)));
    }),
    { numRuns: 100 },
  );
});

test('fair rates: a full link is shared alike, what it leaves goes to the others', () => {
  const access = { upBps: Float64Array.of(10, 10, 10), downBps: Float64Array.of(100, 100, 100) };
  // Arcs 0 → 1 and 0 → 2 over link 0 (capacity 6), arc 1 → 2 over link 1 (capacity 4), arc 0 → 2 over both.
  const linksOf = (from: number, to: number) => (from === 1 ? [1] : to === 2 ? [0, 1] : [0]);
  const rates = fairRatesBps(access, { capacityBps: Float64Array.of(6, 4), linksOf }, [
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  expect([...rates]).toEqual([4, 2, 2]);
});
