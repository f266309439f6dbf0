/** Networks: the built-in ones, every import format, and what each says about bad input. */
import { describe, expect, test } from 'vitest';
import { InputError, ProblemsError } from '../../src/base/errors.ts';
import {
  builtInUnderlays,
  connectivityGraph,
  findWorkload,
  openUnderlay,
  parseUnderlay,
  publishedConditions,
} from '../../src/topology/index.ts';

const conditions = { ...publishedConditions, workload: findWorkload('femnist') };

/** Three cities in every format: Lyon – Milan – Vienna, 340 and 620 km. */
const formats = {
  'x.yaml': `
name: three
nodes: [{name: Lyon, latitude: 45.76, longitude: 4.84}, {name: Milan, latitude: 45.46, longitude: 9.19}, {name: Vienna, latitude: 48.21, longitude: 16.37}]
links: [{from: Lyon, to: Milan, publishedKm: 340}, {from: 1, to: 2, publishedKm: 620}]`,
  'x.gml': `# a comment
Creator "somebody"
graph [
  label "three"
  node [ id 0 label "Lyon" Latitude 45.76 Longitude 4.84 ]
  node [ id 1
    label "Milan" Latitude 45.46 Longitude 9.19 ]
  node [ id 2 label "Vienna" Latitude 48.21 Longitude 16.37 graphics [ w 5.0 ] ]
  edge [ source 0 target 1 distance 340 ]
  edge [ source 1 target 2 distance 620.0 ]
]`,
  'x.graphml': `<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="Latitude" attr.type="double" for="node" id="d1"/>
  <key attr.name="Longitude" attr.type="double" for="node" id="d2"/>
  <key attr.name="label" attr.type="string" for="node" id="d3"/>
  <key attr.name="length" attr.type="double" for="edge" id="d4"/>
  <graph id="three" edgedefault="undirected">
    <node id="a"><data key="d1">45.76</data><data key="d2">4.84</data><data key="d3">Lyon</data></node>
    <node id="b"><data key="d1">45.46</data><data key="d2">9.19</data><data key="d3">Milan</data></node>
    <node id="c"><data key="d1">48.21</data><data key="d2">16.37</data><data key="d3">Vienna</data></node>
    <edge source="a" target="b"><data key="d4">340</data></edge>
    <edge source="b" target="c"><data key="d4">620</data></edge>
  </graph>
</graphml>`,
  'x.json': JSON.stringify({
    directed: false,
    graph: { name: 'three' },
    nodes: [
      { id: 0, name: 'Lyon', pos: [4.84, 45.76] },
      { id: 1, name: 'Milan', pos: [9.19, 45.46] },
      { id: 2, name: 'Vienna', pos: [16.37, 48.21] },
    ],
    edges: [
      { source: 0, target: 1, dist: 340 },
      { source: 1, target: 2, dist: 620 },
    ],
  }),
};

/** SNDlib has no lengths: great circles. */
const sndlib = {
  'x.xml': `<?xml version="1.0" encoding="ISO-8859-1"?>
<network xmlns="http://sndlib.zib.de/network" version="1.0">
 <networkStructure>
  <nodes coordinatesType="geographical">
   <node id="Lyon"><coordinates><x>4.84</x><y>45.76</y></coordinates></node>
   <node id="Milan"><coordinates><x>9.19</x><y>45.46</y></coordinates></node>
   <node id="Vienna"><coordinates><x>16.37</x><y>48.21</y></coordinates></node>
  </nodes>
  <links>
   <link id="L1"><source>Lyon</source><target>Milan</target></link>
   <link id="L2"><source>Milan</source><target>Vienna</target></link>
  </links>
 </networkStructure>
</network>`,
  'x.txt': `?SNDlib native format; type: network; version: 1.0
# network three
NODES (
  Lyon ( 4.84 45.76 )
  Milan ( 9.19 45.46 )
  Vienna ( 16.37 48.21 )
)
LINKS (
  L1 ( Lyon Milan ) 0.00 0.00 0.00 0.00 ( 9920.00 133.00 )
  L2 ( Milan Vienna ) 0.00 0.00 0.00 0.00 ( 9920.00 133.00 )
)`,
};

test.each(builtInUnderlays)('%s is complete: names, source, both lengths, every silo reached', (name) => {
  const underlay = openUnderlay(name);
  expect(underlay.source).toBeTruthy();
  expect(new Set(underlay.silos.map((silo) => silo.name)).size).toBe(underlay.nodes.length);
  for (const { lengthKm } of underlay.links) {
    expect(lengthKm?.published).toBeGreaterThanOrEqual(0);
    expect(lengthKm?.true).toBeGreaterThanOrEqual(0);
  }
  for (const lengths of ['published', 'true'] as const) {
    expect(connectivityGraph(underlay, { ...conditions, lengths }).siloCount).toBe(underlay.nodes.length);
  }
});

describe('formats', () => {
  test.each(Object.entries(formats))('%s: two links, delays of the way', (file, text) => {
    const underlay = parseUnderlay(text, file);
    expect(underlay.name).toBe('three');
    expect(underlay.silos.map(({ name }) => name)).toEqual(['Lyon', 'Milan', 'Vienna']);
    const graph = connectivityGraph(underlay, conditions);
    expect(graph.latencyMs(0, 2)).toBeCloseTo(0.0085 * 960 + 4, 9);
    expect(graph.coreBps(0, 2)).toBe(5e8);
    const straight = connectivityGraph(underlay, { ...conditions, lengths: 'true' });
    expect(straight.latencyMs(0, 1)).toBeCloseTo(0.0085 * 339.6 + 4, 1);
  });

  test.each(Object.entries(sndlib))(
    'SNDlib %s: great circles, capacities left out and said so',
    (file, text) => {
      const underlay = parseUnderlay(text, file);
      const graph = connectivityGraph(underlay, conditions);
      expect(graph.latencyMs(0, 1)).toBeCloseTo(0.0085 * 339.6 + 4, 1);
      expect(underlay.notes.join()).toContain('no unit');
    },
  );

  test('CSV list: asymmetric delays and rates, nothing added', () => {
    const text = 'from,to,latencyMs,bandwidthMbps\na,b,10,100\nb,a,12,50\n';
    const graph = connectivityGraph(parseUnderlay(text, 'm.csv'), conditions);
    expect([graph.latencyMs(0, 1), graph.latencyMs(1, 0)]).toEqual([10, 12]);
    expect([graph.coreBps(0, 1), graph.coreBps(1, 0)]).toEqual([1e8, 5e7]);
    expect(graph.symmetric).toBe(false);
  });

  test('CSV matrices: a triangle holds both ways', () => {
    const text =
      'latencyMs,a,b,c\na,,1,2\nb,,,3\nc,,,\n\nbandwidthMbps,a,b,c\na,0,10,20\nb,10,0,30\nc,20,30,0\n';
    const graph = connectivityGraph(parseUnderlay(text, 'm.csv'), conditions);
    expect([graph.latencyMs(2, 0), graph.latencyMs(1, 2)]).toEqual([2, 3]);
    expect(graph.coreBps(2, 1)).toBe(3e7);
    expect(graph.symmetric).toBe(true);
  });

  test('silos with figures of their own keep them, the others take the conditions', () => {
    const text = `{name: two, nodes: [{name: a}, {name: b}], links: [{from: a, to: b, latencyMs: 7, capacityBps: 2e8}],
      silos: [{name: A, node: a, upBps: 1e6, computeMs: 3}, {name: B, node: b}]}`;
    const graph = connectivityGraph(parseUnderlay(text, 'x.yaml'), conditions);
    expect([...graph.upBps]).toEqual([1e6, 1e10]);
    expect([...graph.computeMs]).toEqual([3, 4.6]);
    expect(graph.latencyMs(0, 1)).toBe(7);
    expect(graph.coreBps(0, 1)).toBe(2e8);
  });
});

/** What a file's problems are, as `place: message`. */
function problemsOf(text: string, file: string): string {
  try {
    parseUnderlay(text, file);
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemsError);
    return (error as ProblemsError).message;
  }
  return 'none';
}

describe('bad input says what is wrong, and where', () => {
  const node = (name: string) => `{name: ${name}, latitude: 1, longitude: 2}`;
  test.each([
    [
      'disconnected',
      `{name: x, nodes: [${node('a')}, ${node('b')}, ${node('c')}], links: [{from: a, to: b}]}`,
      'x.yaml',
      /links: the network is not connected: from a there is no way to \(or back from\) c/,
    ],
    [
      'zero capacity',
      `{name: x, nodes: [${node('a')}, ${node('b')}], links: [{from: a, to: b, capacityBps: 0}]}`,
      'x.yaml',
      /links\.0 capacity: got 0, wanted a finite number of bit\/s, more than 0/,
    ],
    [
      'negative capacity',
      'graph [ node [ id 0 label "a" ] node [ id 1 label "b" ]\n edge [ source 0 target 1 length 5 capacity -3 ] ]',
      'x.gml',
      /edge of line 2 capacity: got -3/,
    ],
    [
      'no coordinates, no lengths',
      '{name: x, nodes: [{name: a}, {name: b}], links: [{from: a, to: b}]}',
      'x.yaml',
      /links\.0: no length, no latency, and no coordinates of a and b/,
    ],
    [
      'NaN',
      'graph [ node [ id 0 label "a" ] node [ id 1 label "b" ]\n edge [ source 0 target 1 length NAN ] ]',
      'x.gml',
      /edge of line 2 published length: got NaN/,
    ],
    [
      'NaN coordinate',
      `{name: x, nodes: [{name: a, latitude: .nan, longitude: 2}, ${node('b')}]}`,
      'x.yaml',
      /nodes\.0\.latitude/,
    ],
    [
      'duplicate names',
      `{name: x, nodes: [${node('a')}, ${node('a')}]}`,
      'x.yaml',
      /nodes\.1: the name a is that of nodes\.0 too/,
    ],
    [
      'unknown ends',
      `{name: x, nodes: [${node('a')}], links: [{from: a, to: z, publishedKm: 1}]}`,
      'x.yaml',
      /links\.0: there is no node z/,
    ],
    [
      'latitude out of range',
      '{name: x, nodes: [{name: a, latitude: 91, longitude: 2}]}',
      'x.yaml',
      /nodes\.0\.latitude: got 91, wanted a finite number of degrees, -90 to 90/,
    ],
    [
      'CSV with a hole',
      'from,to,latencyMs\na,b,1\nb,a,2\na,c,3\nc,a,3\nb,c,4\n',
      'x.csv',
      /c → b: the latencyMs of c → b is missing — give every ordered pair, or each pair once/,
    ],
    [
      'CSV matrix with a hole',
      'latencyMs,a,b,c\na,0,1,2\nb,1,0,\nc,2,3,0\n',
      'x.csv',
      /line 3, column 4: the latencyMs of b → c is missing/,
    ],
    ['CSV with words', 'from,to,latencyMs\na,b,fast\n', 'x.csv', /line 2, column latencyMs: got fast/],
    [
      'CSV with NaN, told once',
      'from,to,latencyMs\na,b,1\nb,a,NaN\n',
      'x.csv',
      /^x\.csv: 1 problem\n {2}line 3, column latencyMs: got NaN, wanted a finite number of milliseconds/,
    ],
    [
      'CSV with zero bandwidth',
      'from,to,latencyMs,bandwidthMbps\na,b,1,0\n',
      'x.csv',
      /line 2, column bandwidthMbps: got 0, wanted a finite number of Mbit\/s, more than 0/,
    ],
    [
      'CSV given twice',
      'from,to,latencyMs\na,b,1\na,b,2\nb,a,1\n',
      'x.csv',
      /line 3, column latencyMs: a → b is given twice/,
    ],
    ['GML syntax', 'graph [\n node [ id 0\n', 'x.gml', /line 3: ends inside a bracket/],
    ['XML syntax', '<graphml><graph></graphml>', 'x.graphml', /line 1, column/],
    ['another XML', '<svg></svg>', 'x.xml', /the root is svg; wanted graphml, or network/],
    [
      'unknown keys',
      `{name: x, nodes: [${node('a')}], lnks: []}`,
      'x.yaml',
      /lnks: unknown key — did you mean links\?/,
    ],
    ['YAML syntax', 'name: [', 'x.yaml', /line \d+, column \d+/],
    ['nothing', '', 'x.yaml', /x\.yaml/],
  ])('%s', (_, text, file, wanted) => {
    expect(problemsOf(text, file)).toMatch(wanted);
  });

  test('100,000 nodes', () => {
    const nodes = Array.from({ length: 100_000 }, (_, index) => ({ id: index, pos: [0, 0] }));
    expect(problemsOf(JSON.stringify({ nodes, edges: [] }), 'x.json')).toMatch(
      /nodes: got 100000, wanted at most 10000/,
    );
  });

  test('a file that is not there, an unknown workload, lengths that nobody knows', () => {
    expect(() => openUnderlay('giaa')).toThrow(/there is no such file, and the built-in ones are gaia/);
    expect(() => findWorkload('inaturalis')).toThrow(/did you mean inaturalist\?/);
    const bare = parseUnderlay(
      '{name: x, nodes: [{name: a}, {name: b}], links: [{from: a, to: b, publishedKm: 5}]}',
      'x.yaml',
    );
    expect(() => connectivityGraph(bare, { ...conditions, lengths: 'true' })).toThrow(
      /the true length from a to b is not known/,
    );
  });

  test.each([
    [{ coreBps: 0 }, /core, bit\/s is 0/],
    [{ upBps: Number.NaN }, /access up, bit\/s is NaN/],
    [{ localSteps: 1.5 }, /local steps is 1\.5/],
    [{ workload: { modelBits: -1, computeMs: 1 } }, /model bits is -1/],
  ])('conditions %j', (wrong, wanted) => {
    expect(() => connectivityGraph(openUnderlay('gaia'), { ...conditions, ...wrong })).toThrow(wanted);
    expect(() => connectivityGraph(openUnderlay('gaia'), { ...conditions, ...wrong })).toThrow(InputError);
  });
});
