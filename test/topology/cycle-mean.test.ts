/** Maximum cycle means: Howard's algorithm against Karp's, brute force and known answers. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maximumCycleMean, type WeightedDigraph } from '../../src/topology/index.ts';

type Listed = readonly [from: number, to: number, length: number];

function digraph(nodeCount: number, arcs: readonly Listed[]): WeightedDigraph {
  return {
    nodeCount,
    from: Int32Array.from(arcs, ([from]) => from),
    to: Int32Array.from(arcs, ([, to]) => to),
    length: Float64Array.from(arcs, ([, , length]) => length),
  };
}

/** The best simple cycle by enumeration, as an exact fraction compared by cross products; whole lengths. */
function bruteForce(nodeCount: number, arcs: readonly Listed[]): number | undefined {
  let best: { sum: number; count: number } | undefined;
  const visit = (
    start: number,
    node: number,
    seen: ReadonlySet<number>,
    sum: number,
    count: number,
  ): void => {
    for (const [from, to, length] of arcs) {
      if (from !== node || to < start) continue;
      if (to === start && (best === undefined || (sum + length) * best.count > best.sum * (count + 1))) {
        best = { sum: sum + length, count: count + 1 };
      }
      if (to > start && !seen.has(to)) visit(start, to, new Set([...seen, to]), sum + length, count + 1);
    }
  };
  for (let start = 0; start < nodeCount; start++) visit(start, start, new Set([start]), 0, 0);
  return best === undefined ? undefined : best.sum / best.count;
}

/** Karp 1978, from a super source: max over v of min over k of (D_n(v) − D_k(v)) / (n − k). */
function karp(nodeCount: number, arcs: readonly Listed[]): number | undefined {
  const rows = [new Array<number>(nodeCount).fill(0)];
  for (let step = 0; step < nodeCount; step++) {
    const next = new Array<number>(nodeCount).fill(Number.NEGATIVE_INFINITY);
    for (const [from, to, length] of arcs) next[to] = Math.max(next[to]!, rows[step]![from]! + length);
    rows.push(next);
  }
  const means = rows[nodeCount]!.flatMap((last, node) => {
    if (last === Number.NEGATIVE_INFINITY) return [];
    return [Math.min(...rows.slice(0, nodeCount).map((row, k) => (last - row[node]!) / (nodeCount - k)))];
  });
  return means.length === 0 ? undefined : Math.max(...means);
}

const digraphs = fc.integer({ min: 1, max: 7 }).chain((nodeCount) =>
  fc.record({
    nodeCount: fc.constant(nodeCount),
    arcs: fc.uniqueArray(
      fc.tuple(
        fc.integer({ min: 0, max: nodeCount - 1 }),
        fc.integer({ min: 0, max: nodeCount - 1 }),
        fc.integer({ min: -20, max: 20 }),
      ),
      { selector: ([from, to]) => `${from},${to}`, maxLength: 24 },
    ),
  }),
);

const expectClose = (actual: number | undefined, wanted: number | undefined) => {
  if (wanted === undefined) expect(actual).toBeUndefined();
  else expect(actual).toBeCloseTo(wanted, 9);
};

describe("Howard's algorithm", () => {
  test('agrees with brute force and Karp: self-arcs, negative lengths, parts that are not strong', () => {
    fc.assert(
      fc.property(digraphs, ({ nodeCount, arcs }) => {
        const found = maximumCycleMean(digraph(nodeCount, arcs));
        expectClose(found?.mean, bruteForce(nodeCount, arcs));
        expectClose(found?.mean, karp(nodeCount, arcs));
      }),
      { numRuns: 1_000 },
    );
  });

  test('names a cycle that exists and has the mean it gives', () => {
    fc.assert(
      fc.property(digraphs, ({ nodeCount, arcs }) => {
        const found = maximumCycleMean(digraph(nodeCount, arcs));
        if (found === undefined) return;
        const { cycle, arcs: used } = found;
        expect(new Set(cycle).size).toBe(cycle.length);
        used.forEach((arc, place) => {
          expect(arcs[arc]!.slice(0, 2)).toEqual([cycle[place], cycle[(place + 1) % cycle.length]]);
        });
        const sum = used.reduce((total, arc) => total + arcs[arc]![2], 0);
        expect(sum / used.length).toBeCloseTo(found.mean, 9);
      }),
    );
  });

  test('known answers: integer graphs by brute force with fractions', () => {
    const { cases } = JSON.parse(
      readFileSync(new URL('../fixtures/topology.json', import.meta.url), 'utf8'),
    ) as { cases: { id: string; expected: [string, number]; inputs: { n: number; arcs: Listed[] } }[] };
    const known = cases.filter(({ id }) => id.startsWith('mcm_int'));
    expect(known.length).toBeGreaterThan(0);
    for (const { inputs, expected } of known) {
      expect(maximumCycleMean(digraph(inputs.n, inputs.arcs))?.mean).toBeCloseTo(expected[1], 9);
      expect(bruteForce(inputs.n, inputs.arcs)).toBeCloseTo(expected[1], 9);
    }
  });

  test('arcs that span several rounds count them: Σ length / Σ rounds', () => {
    const pipeline = {
      ...digraph(2, [
        [0, 1, 10],
        [1, 0, 2],
      ]),
      rounds: Float64Array.of(3, 1),
    };
    expect(maximumCycleMean(pipeline)?.mean).toBe(3);
  });

  test('a ring of 10,000 with chords: the sparse algorithm finds the planted cycle', () => {
    const count = 10_000;
    const arcs: Listed[] = Array.from({ length: count }, (_, node) => [
      node,
      (node + 1) % count,
      1 + ((node * 7919) % 13) / 100,
    ]);
    for (let node = 0; node < count; node++) arcs.push([node, (node * 31 + 17) % count, 0.5]);
    arcs.push([4_000, 3_999, 3]);
    const planted = (3 + arcs[3_999]![2]) / 2;
    expect(maximumCycleMean(digraph(count, arcs))?.mean).toBeCloseTo(planted, 12);
  });
});
