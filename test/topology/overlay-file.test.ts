import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ProblemsError } from '../../src/base/errors.ts';
import {
  defaultMixing,
  diameter,
  mixingMatrix,
  mixingProblems,
  overlayOf,
  overlayOfRound,
  overlayText,
  parseOverlay,
  requireConnected,
  siloNames,
} from '../../src/topology/index.ts';

const folder = new URL('../../topologies/overlays/', import.meta.url);

function problemsOf(text: string): string[] {
  try {
    parseOverlay(text, 'bad.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemsError);
    return (error as ProblemsError).problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe.each(readdirSync(folder))('topologies/overlays/%s', (file) => {
  test('is valid, connected and can be mixed on, and says where it is from', () => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const overlay = parseOverlay(text, file);
    requireConnected(overlay);
    expect(mixingProblems(overlay, mixingMatrix(overlay, defaultMixing(overlay)))).toEqual([]);
    expect(overlay.source).toBeDefined();
    expect(text.startsWith('#')).toBe(true);
  });
});

test('the Petersen graph has diameter 2', () => {
  expect(
    diameter(parseOverlay(readFileSync(new URL('petersen.yaml', folder), 'utf8'), 'petersen.yaml')),
  ).toBe(2);
});

test('undirected edges are stored both ways, and JSON is read like YAML', () => {
  const overlay = parseOverlay(
    '{"name": "pair", "directed": false, "nodes": ["a", "b"], "arcs": [[1, 0]]}',
    'x.json',
  );
  expect(overlay.arcs).toEqual([
    [0, 1],
    [1, 0],
  ]);
  expect(Object.isFrozen(overlay.arcs[0])).toBe(true);
});

test('a schedule alone gives the arcs, and each round its own', () => {
  const overlay = parseOverlay(
    '{name: s, directed: true, nodes: 3, schedule: [[[0, 1]], [[1, 2], [2, 0]]]}',
    's.yaml',
  );
  expect(overlay.arcs).toEqual([
    [0, 1],
    [1, 2],
    [2, 0],
  ]);
  expect(overlayOfRound(overlay, 2).arcs).toEqual([[0, 1]]);
});

test('every problem of a file is named at once', () => {
  const text = `
name: bad
directed: false
nodes: [a, b, b]
arcs: [[0, 3], [1, 1]]
weights: [[0, 0, 1], [0, 0, 1], [7, 0, 1]]
placement: [1]
`;
  expect(problemsOf(text)).toEqual([
    'nodes: two nodes are called b',
    'arcs.0: got [0, 3], wanted nodes from 0 to 2',
    'arcs.1: got [1, 1], a loop; a silo always keeps its own model',
    'weights.1: the weight of [0, 0] is given twice',
    'weights.2: got [7, 0, …], wanted nodes from 0 to 2',
    'placement: got 1 sites, wanted one for each of the 3 nodes',
  ]);
});

test('wrong types and missing parts are named with their paths', () => {
  expect(problemsOf('{name: 3, directed: no, nodes: 0, arcs: [[0, x]], edges: []}')).toEqual([
    'name: got 3, wanted a text',
    'directed: got "no", wanted true or false',
    'nodes: got 0, wanted a number at least 1',
    'arcs.0.1: got "x", wanted a number',
    'edges: unknown key',
  ]);
  expect(problemsOf('{name: x, directed: true, nodes: 2}')).toEqual([
    'arcs: is missing; wanted a list of [from, to], or a schedule',
  ]);
  expect(problemsOf('a: [1')[0]).toMatch(/^line 1, column 6: /);
});

test('a large overlay is written as JSON, below its comment, and read back the same; large YAML is refused', () => {
  const nodes = siloNames(1_000).map((name) => name.padEnd(5_000, ' of a long name'));
  const arcs = nodes.map((_, silo) => [silo, (silo + 1) % 1_000] as const);
  const overlay = overlayOf({ name: 'large', directed: false, nodes, arcs, timing: { kind: 'gossip' } });
  const text = overlayText(overlay, ['a comment']);
  expect(text.startsWith('# a comment\n{')).toBe(true);
  const again = parseOverlay(text, 'large.yaml');
  expect(again).toEqual(overlay);
  expect(problemsOf(`name: x\n${'# nothing\n'.repeat(500_000)}`)).toEqual([
    ': got YAML; more than 4194304 characters are read as JSON only',
  ]);
});
