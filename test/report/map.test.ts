/** Maps of overlays: what is drawn, and that names and nodes stay legible. */
import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { landOf } from '../../src/report/coastlines.ts';
import { drawOverlayMap, type MapNode, type OverlayMap, type Pair } from '../../src/report/map.ts';
import { openUnderlay } from '../../src/topology/index.ts';

function nodesOf(underlay: string): MapNode[] {
  return openUnderlay(underlay).nodes.map((node) => ({ ...node, isSilo: true }));
}

function ringOf(count: number): Pair[] {
  return Array.from({ length: count }, (_, silo) => [silo, (silo + 1) % count] as const);
}

function mapOf(nodes: readonly MapNode[], parts: Partial<OverlayMap> = {}): OverlayMap {
  const arcs = ringOf(nodes.length);
  const texts = { title: 'a & b', subtitles: ['c < d'], criticalText: 'the slowest' };
  return { ...texts, nodes, links: [], arcs, directed: true, critical: [], ...parts };
}

const count = (svg: string, what: RegExp) => svg.match(what)?.length ?? 0;
const numbers = (svg: string, what: RegExp) => [...svg.matchAll(what)].map(([, ...all]) => all.map(Number));

describe.each([
  ['gaia', 11],
  ['exodus', 79],
  ['ebone', 87],
])('%s', (underlay, silos) => {
  const nodes = nodesOf(underlay);
  const links = openUnderlay(underlay).links.map(({ from, to }) => [from, to] as const);
  const critical = [
    [0, 1],
    [1, 2],
  ] as const;
  const svg = drawOverlayMap(mapOf(nodes, { links, critical }), landOf);

  it('is well-formed, without numbers that are none, and small', () => {
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.length).toBeLessThan(150_000);
    expect(svg).toContain('a &amp; b');
  });

  it('draws every silo, link and arc once, and the critical arcs as such', () => {
    expect(count(svg, /<circle class="silo"/g)).toBe(silos);
    for (const { name } of nodes) expect(svg.split(`<title>${name}</title>`)).toHaveLength(2);
    expect(count(svg, /<path class="link"/g)).toBe(links.length);
    expect(count(svg, /<path class="critical"/g)).toBe(2);
    expect(count(svg, /<path class="arc"/g)).toBe(silos - 2);
  });

  it('keeps nodes apart and within the frame', () => {
    const at = numbers(svg, /<circle class="silo" cx="([\d.]+)" cy="([\d.]+)"/g);
    const [[left, top, width, height]] = numbers(
      svg,
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="none"/g,
    ) as [[number, number, number, number]];
    at.forEach(([x, y], index) => {
      expect(x).toBeGreaterThan(left);
      expect(x).toBeLessThan(left + width);
      expect(y).toBeGreaterThan(top);
      expect(y).toBeLessThan(top + height);
      for (const [otherX, otherY] of at.slice(0, index))
        expect(Math.hypot(x! - otherX!, y! - otherY!)).toBeGreaterThan(6);
    });
  });
});

describe('a map of an overlay', () => {
  it('is the same every time', () => {
    const map = mapOf(nodesOf('geant'));
    expect(drawOverlayMap(map, landOf)).toBe(drawOverlayMap(map, landOf));
  });

  it('draws an undirected edge once and without an arrow', () => {
    const nodes = nodesOf('aws-na').slice(0, 3);
    const both = ringOf(3).flatMap(([from, to]): Pair[] => [
      [from, to],
      [to, from],
    ]);
    const map = mapOf(nodes, { arcs: both, directed: false, critical: [[1, 0]] });
    const svg = drawOverlayMap(map, landOf);
    expect(count(svg, /<path class="(arc|critical)"/g)).toBe(3);
    expect(count(svg, /<path class="critical"/g)).toBe(1);
    expect(svg).not.toMatch(/<path [^>]*fill="#2166ac"/);
  });

  it('rings the silo whose own steps take longest', () => {
    const svg = drawOverlayMap(mapOf(nodesOf('gaia'), { critical: [[4, 4]] }), landOf);
    expect(count(svg, /<circle class="critical"/g)).toBe(1);
    expect(count(svg, /<path class="critical"/g)).toBe(0);
  });

  it('groups the routers of a city under one name, and tells others of that name apart', () => {
    const at = (name: string, latitude: number, longitude: number) => ({
      name,
      latitude,
      longitude,
      isSilo: true,
    });
    const svg = drawOverlayMap(
      mapOf([
        at('Geneva, Switzerland144', 46.2, 6.1),
        at('Geneva, Switzerland145', 46.2, 6.1),
        at('silo-1', 48.9, 2.3),
        at('silo-2', 52.5, 13.4),
      ]),
      landOf,
    );
    const names = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(names).toEqual(expect.arrayContaining(['Geneva ×2', 'silo-1', 'silo-2']));
  });

  it('draws few silos, silos at one place, near a pole and on both sides of the date line', () => {
    const at = (latitude: number, longitude: number) => ({
      name: `${latitude} ${longitude}`,
      latitude,
      longitude,
      isSilo: true,
    });
    const lists = [
      [at(10, 20)],
      [at(0, 0), at(0, 0)],
      [at(-18, 178), at(-14, -171)],
      [at(78, 15), at(-77, 166), at(0, -60)],
      [at(89.9, 0), at(89.8, 180)],
    ];
    for (const nodes of lists) {
      const svg = drawOverlayMap(mapOf(nodes, { arcs: nodes.length > 1 ? [[0, 1]] : [] }), landOf);
      expect(XMLValidator.validate(svg)).toBe(true);
      expect(svg).not.toMatch(/NaN|Infinity/);
      expect(count(svg, /<circle class="silo"/g)).toBe(nodes.length);
    }
  });

  it('says what is missing where nodes have no coordinates', () => {
    const nodes = [...nodesOf('gaia'), { name: 'nowhere', isSilo: true }];
    expect(() => drawOverlayMap(mapOf(nodes), landOf)).toThrow(
      expect.objectContaining({
        code: 'places-missing',
        message: expect.stringMatching(/nowhere has none; add latitude and longitude/),
      }),
    );
  });
});
