import { describe, expect, it } from 'vitest';
import { plotLines } from '../../src/report/lines.ts';
import { plotPanels } from '../../src/report/panels.ts';

const point = (x: number, mean: number, half = 0) => ({ x, mean, low: mean - half, high: mean + half });

describe('lines with bands', () => {
  it('draws a line per series, a band where there is an interval, and names that cannot break the page', () => {
    const svg = plotLines({
      title: 'a < b',
      xLabel: 'round',
      yLabel: 'accuracy',
      lines: [
        { name: 'with <band>', points: [point(0, 0.5, 0.1), point(10, 0.9, 0.05)] },
        { name: 'plain', points: [point(0, 0.4), point(10, 0.6)] },
      ],
    });
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<polygon/g)).toHaveLength(1);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).toContain('with &lt;band&gt;');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('keeps to positive values on logarithmic axes, and says so where nothing is left', () => {
    const plot = { title: 't', xLabel: 'x', yLabel: 'y', logX: true, logY: true };
    const svg = plotLines({
      ...plot,
      lines: [{ name: 'a', points: [point(0, 1), point(10, 1e-9), point(1000, 1)] }],
    });
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(plotLines({ ...plot, lines: [] })).toContain('nothing to show');
  });

  it('draws a share from 0 to 1 at most, bands and axis, in panels as well', () => {
    const plot = { title: 't', xLabel: 'round', yLabel: 'accuracy', share: true };
    const numbers = (svg: string) =>
      [...svg.matchAll(/text-anchor="end"[^>]*>([^<]+)</g)].map(([, text]) => Number(text));
    for (const [mean, half] of [
      [0.98, 0.1],
      [0.03, 0.1],
      [1, 0],
      [0, 0],
      [0.5, 3],
    ] as const) {
      const lines = [{ name: 'a', points: [point(0, mean, half), point(10, mean, half)] }];
      for (const svg of [
        plotLines({ ...plot, lines }),
        plotPanels({ ...plot, panels: [{ name: 'p', lines }] }),
      ]) {
        expect(numbers(svg).length).toBeGreaterThan(1);
        expect(Math.min(...numbers(svg))).toBeGreaterThanOrEqual(0);
        expect(Math.max(...numbers(svg))).toBeLessThanOrEqual(1);
        expect(svg).not.toMatch(/NaN|Infinity/);
      }
    }
  });
});
