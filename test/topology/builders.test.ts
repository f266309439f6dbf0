import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildOverlay,
  components,
  diameter,
  diameterBound,
  distances,
  inNeighbours,
  isConnected,
  isSymmetric,
  maxDegree,
  outNeighbours,
  overlayOf,
  requireConnected,
  siloNames,
  type TopologySpec,
  topologyKinds,
  topologySchema,
} from '../../src/topology/index.ts';

/** kind, silos, undirected edges (or arcs), largest degree, diameter: counted by hand or known. */
const known: readonly (readonly [TopologySpec, number, number, number, number])[] = [
  [{ kind: 'ring' }, 1, 0, 0, 0],
  [{ kind: 'ring' }, 2, 1, 1, 1],
  [{ kind: 'ring' }, 8, 8, 2, 4],
  [{ kind: 'path' }, 5, 4, 2, 4],
  [{ kind: 'star', hub: 2 }, 6, 5, 5, 2],
  [{ kind: 'complete' }, 5, 10, 4, 1],
  [{ kind: 'grid' }, 12, 17, 4, 5],
  [{ kind: 'grid', rows: 2 }, 12, 16, 3, 6],
  [{ kind: 'grid', columns: 12 }, 12, 11, 2, 11],
  [{ kind: 'torus' }, 16, 32, 4, 4],
  [{ kind: 'torus', rows: 2, columns: 3 }, 6, 9, 3, 2],
  [{ kind: 'hypercube' }, 16, 32, 4, 4],
  [{ kind: 'hypercube' }, 1, 0, 0, 0],
  [{ kind: 'exponential' }, 8, 24, 3, 3],
  [{ kind: 'exponential' }, 11, 44, 4, 3],
  [{ kind: 'binary-tree' }, 7, 6, 3, 4],
];

describe.each(known)('%j over %i silos', (spec, silos, edges, degree, longest) => {
  const overlay = buildOverlay(spec, silos);

  test(`has ${edges} edges, degree ${degree}, diameter ${longest}, and is connected`, () => {
    const arcs = overlay.directed ? edges : 2 * edges;
    expect([overlay.arcs.length, maxDegree(overlay), diameter(overlay)]).toEqual([arcs, degree, longest]);
    expect(isConnected(overlay)).toBe(true);
    expect(isSymmetric(overlay)).toBe(!overlay.directed || spec.kind !== 'exponential');
  });
});

test('every kind of the schema has a builder', () => {
  const kinds = topologySchema.options.map((option) => option.shape.kind.value);
  expect([...topologyKinds].sort()).toEqual([...kinds].sort());
});

test('arcs and neighbours are ascending and without loops', () => {
  const overlay = buildOverlay({ kind: 'exponential' }, 6);
  const sorted = [...overlay.arcs].sort(([a, b], [c, d]) => a - c || b - d);
  expect(overlay.arcs).toEqual(sorted);
  // Node i receives from i + 1, i + 2, i + 4.
  expect(inNeighbours(overlay)[0]).toEqual([1, 2, 4]);
  expect(outNeighbours(overlay)[0]).toEqual([2, 4, 5]);
});

describe('random graphs', () => {
  test('random-regular is regular, connected, a function of its seed, and differs between seeds', () => {
    const build = (seed: number) => buildOverlay({ kind: 'random-regular', degree: 3, seed }, 20);
    for (let seed = 0; seed < 20; seed++) {
      const overlay = build(seed);
      expect(outNeighbours(overlay).every((list) => list.length === 3)).toBe(true);
      expect(isConnected(overlay)).toBe(true);
    }
    expect(build(4)).toEqual(build(4));
    expect(build(4).arcs).not.toEqual(build(5).arcs);
  });

  test('random-regular reaches the densest case, the complete graph less a matching', () => {
    const overlay = buildOverlay({ kind: 'random-regular', degree: 8, seed: 1 }, 10);
    expect(outNeighbours(overlay).every((list) => list.length === 8)).toBe(true);
  });

  test('erdos-renyi is redrawn until connected, and gives up with advice', () => {
    const overlay = buildOverlay({ kind: 'erdos-renyi', probability: 0.3, seed: 3 }, 12);
    expect(isConnected(overlay)).toBe(true);
    expect(() => buildOverlay({ kind: 'erdos-renyi', probability: 0.001 }, 12)).toThrow(/none of 200 draws/);
  });

  test('ring-chords is a ring with chords from every node, connected, a function of its seed', () => {
    for (const [count, chords] of [
      [3, 1],
      [5, 2],
      [6, 9],
      [40, 1],
      [200, 3],
    ] as const) {
      const overlay = buildOverlay({ kind: 'ring-chords', chords, seed: 5 }, count);
      const lists = outNeighbours(overlay);
      expect(lists.every((list, node) => list.includes((node + 1) % count))).toBe(true);
      expect(lists.every((list) => list.length >= Math.min(2 + chords, count - 1))).toBe(true);
      expect(isSymmetric(overlay)).toBe(true);
      expect(overlay.arcs.length).toBeLessThanOrEqual(2 * count * (1 + chords));
    }
    const build = (seed: number) => buildOverlay({ kind: 'ring-chords', chords: 2, seed }, 30);
    expect(build(1)).toEqual(build(1));
    expect(build(1).arcs).not.toEqual(build(2).arcs);
  });

  test.each([
    [3, 2],
    [5, 4],
    [9, 3],
    [50, 4],
    [300, 2],
  ])('permutations over %i silos: every silo sends to %i and hears as many', (silos, count) => {
    for (let seed = 0; seed < 5; seed++) {
      const overlay = buildOverlay({ kind: 'permutations', count, seed }, silos);
      expect(overlay.directed).toBe(true);
      expect(outNeighbours(overlay).every((list) => list.length === count)).toBe(true);
      expect(inNeighbours(overlay).every((list) => list.length === count)).toBe(true);
      expect(isConnected(overlay)).toBe(true);
    }
  });

  test('erdos-renyi over many silos has as many edges as it should', () => {
    const overlay = buildOverlay({ kind: 'erdos-renyi', probability: 0.001, seed: 2 }, 12_000);
    const edges = overlay.arcs.length / 2;
    // 71,994 expected, standard deviation 268.
    expect(Math.abs(edges - 71_994)).toBeLessThan(5 * 268);
    expect(new Set(overlay.arcs.map(([from, to]) => Math.sign(to - from))).size).toBe(2);
  });

  test("a missing seed is the experiment's", () => {
    const spec = { kind: 'random-regular', degree: 4 } as const;
    expect(buildOverlay(spec, 11, 29).arcs).toEqual(buildOverlay({ ...spec, seed: 29 }, 11, 1).arcs);
  });
});

test.each([
  [{ kind: 'hypercube' }, 11, /power of two: 8 or 16/],
  [{ kind: 'star', hub: 6 }, 6, /the hub is 0 to 5/],
  [{ kind: 'grid', rows: 5 }, 12, /rows one of 1, 2, 3, 4, 6, 12/],
  [{ kind: 'torus', rows: 3, columns: 3 }, 12, /3 × 3 over 12/],
  [{ kind: 'random-regular', degree: 3 }, 11, /must be even; use degree 4/],
  [{ kind: 'random-regular', degree: 11 }, 11, /below the count/],
  [{ kind: 'random-regular', degree: 1 }, 10, /never connected/],
  [{ kind: 'permutations', count: 5 }, 5, /below that of the silos/],
  [{ kind: 'complete' }, 3000, /8997000 arcs.*sparser graph/],
] as const)('%j over %i silos is refused with what would do', (spec, silos, message) => {
  expect(() => buildOverlay(spec as TopologySpec, silos)).toThrow(message);
});

describe('connectivity', () => {
  const oneWay = overlayOf({
    name: 'one-way',
    directed: true,
    nodes: ['a', 'b', 'c'],
    arcs: [
      [0, 1],
      [1, 0],
      [1, 2],
    ],
  });

  test('strong components of a digraph, and the error that names them', () => {
    expect(components(oneWay)).toEqual([[0, 1], [2]]);
    expect(() => requireConnected(oneWay)).toThrow(
      /not strongly connected: it has 2 components \{a, b\}, \{c\}/,
    );
  });

  test('components of an undirected graph in two parts', () => {
    const apart = overlayOf({
      name: 'apart',
      directed: false,
      nodes: siloNames(4),
      arcs: [
        [0, 3],
        [1, 2],
      ],
    });
    expect(components(apart)).toEqual([
      [0, 3],
      [1, 2],
    ]);
    expect(() => requireConnected(apart)).toThrow(/add edges/);
  });

  test('the bound of the diameter is exact on small graphs and never too low on large ones', () => {
    expect(diameterBound(oneWay)).toEqual({ hops: Number.POSITIVE_INFINITY, exact: true });
    expect(diameterBound(buildOverlay({ kind: 'ring' }, 12))).toEqual({ hops: 6, exact: true });
    for (const spec of [{ kind: 'ring' }, { kind: 'exponential' }, { kind: 'torus' }] as const) {
      const overlay = buildOverlay(spec, 2025);
      const { hops, exact } = diameterBound(overlay);
      const known = { ring: 1012, exponential: 11, torus: 44 }[spec.kind];
      expect(exact).toBe(false);
      expect(hops).toBeGreaterThanOrEqual(known);
      expect(hops).toBeLessThanOrEqual(2 * known);
    }
  });

  test('components of any digraph are those of mutual reach', () => {
    const graphs = fc
      .integer({ min: 1, max: 9 })
      .chain((count) =>
        fc.tuple(fc.constant(count), fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)))),
      );
    fc.assert(
      fc.property(graphs, ([count, arcs]) => {
        const overlay = overlayOf({ name: 'any', directed: true, nodes: siloNames(count), arcs });
        const hops = distances(overlay);
        const mutual = (a: number, b: number) => Number.isFinite(hops[a]![b]) && Number.isFinite(hops[b]![a]);
        const parts = components(overlay);
        expect(parts.flat().sort((a, b) => a - b)).toEqual(hops.map((_, node) => node));
        for (const part of parts)
          for (const node of part)
            expect(part).toEqual(hops.flatMap((_, other) => (mutual(node, other) ? [other] : [])));
      }),
    );
  });

  test('directed distances go along the arcs only', () => {
    expect(distances(oneWay)).toEqual([
      [0, 1, 2],
      [1, 0, 1],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0],
    ]);
  });
});
