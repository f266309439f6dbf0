/** The optimum over all strong overlays of five silos, by looking at each of the 565,080. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { type ConnectivityGraph, findDesigner, judge } from '../../src/topology/index.ts';
import { homogeneousGraph, randomGraph } from './random-graph.ts';
import { leastOverAllStrong } from './strong-digraphs.ts';

const graphs: readonly (readonly [string, ConnectivityGraph])[] = [
  ['homogeneous', homogeneousGraph(5, 1)],
  ['heterogeneous, asymmetric', randomGraph(5, 1)],
  ['heterogeneous, asymmetric, with slow access', { ...randomGraph(5, 2), modelBits: 4e7 }],
];

describe('best of five silos', () => {
  it.each(graphs)('%s: is the optimum, and so is its bound', (_, graph) => {
    const { strongCount, leastMs } = leastOverAllStrong(graph);
    expect(strongCount).toBe(565_080);
    const { overlay, timing, lowerBoundMs } = findDesigner('best').design(
      { graph },
      {},
      {
        random: (...path) => Random.of(1, ...path),
        expired: () => false,
        progress: () => undefined,
      },
    );
    expect(judge(graph, overlay, timing, { mixing: false }).cycleTimeMs).toBeCloseTo(leastMs, 9);
    expect(lowerBoundMs).toBeCloseTo(leastMs, 6);
    expect(lowerBoundMs).toBeLessThan(leastMs + 1e-9);
  });
});
