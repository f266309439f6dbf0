import { describe, expect, it } from 'vitest';
import { plotPanels } from '../../src/report/panels.ts';
import { panelsOf } from '../../src/sweep/panels.ts';
import { cellAt, parseSweep } from '../../src/sweep/sweep.ts';

const VARY = `
  exchange.rule: [dpsgd, push-sum, pairwise]
  topology.kind: [ring, complete]
  faults: [{loss: 0}, {loss: 0.1}]
`;

function sweepWith(plot: string, vary = VARY) {
  return parseSweep(`name: grid\nexperiment: e.yaml\nvary:${vary}plot: ${plot}\n`, 'grid.yaml');
}

/** Lines by panel. */
function drawn(sweep: ReturnType<typeof sweepWith>, cells: number): Record<string, string[]> {
  const curves = Array.from({ length: cells }, (_, index) => ({
    labels: cellAt(sweep, index).labels,
    points: [{ x: index, mean: 0.5, low: 0.4, high: 0.6 }],
  }));
  const panels = panelsOf(sweep, curves);
  return Object.fromEntries(panels.map(({ name, lines }) => [name, lines.map((line) => line.name)]));
}

describe("a sweep's plot", () => {
  it('is one frame while its lines can be told apart; of more, the last axes become panels', () => {
    expect(drawn(sweepWith('{}', '\n  topology.kind: [ring, star]\n  seedless: [1]\n'), 2)).toEqual({
      '': ['ring', 'star'],
    });
    const rules = ['dpsgd', 'push-sum', 'pairwise'].flatMap((rule) => [`${rule}, ring`, `${rule}, complete`]);
    expect(drawn(sweepWith('{}'), 12)).toEqual({ '{"loss":0}': rules, '{"loss":0.1}': rules });
  });

  it('has the panels that it is asked for, and is told where there is no such axis', () => {
    expect(Object.keys(drawn(sweepWith('{panels: [exchange.rule, faults]}'), 12))).toHaveLength(6);
    expect(drawn(sweepWith('{panels: []}'), 12)['']).toHaveLength(12);
    expect(() => sweepWith('{panels: [rule]}')).toThrow(
      /plot\.panels: names rule, which is no axis; wanted some of exchange\.rule, topology\.kind, faults/,
    );
  });

  it('gives a line the same colour in every panel, and puts no band over a line', () => {
    const line = (name: string) => ({ name, points: [{ x: 0, mean: 0.5, low: 0.4, high: 0.6 }] });
    const svg = plotPanels({
      title: 't',
      xLabel: 'round',
      yLabel: 'accuracy',
      panels: [
        { name: 'calm <1>', lines: [line('a'), line('b')] },
        { name: 'lossy', lines: [line('b')] },
      ],
    });
    const strokes = [...svg.matchAll(/<polyline[^>]*stroke="(#\w+)"/g)].map(([, stroke]) => stroke);
    expect(strokes[2]).toBe(strokes[1]);
    expect(strokes[0]).not.toBe(strokes[1]);
    const shapes = [...svg.matchAll(/<(polygon|polyline)/g)].map(([, shape]) => shape);
    expect(shapes).toEqual(['polygon', 'polygon', 'polyline', 'polyline', 'polygon', 'polyline']);
    expect(svg).toContain('calm &lt;1&gt;');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
