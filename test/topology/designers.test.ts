/** What every designer promises, on a real underlay, on one with asymmetric measurements, and on tiny ones. */
import { describe, expect, test } from 'vitest';
import { GrapevineError } from '../../src/base/errors.ts';
import { Random } from '../../src/base/random.ts';
import {
  type ConnectivityGraph,
  compareDesigns,
  connectivityGraph,
  consensusOf,
  type Design,
  type Designer,
  designers,
  designOne,
  findDesigner,
  findWorkload,
  isConnected,
  judge,
  openUnderlay,
  overlayOf,
  overlayText,
  parseOverlay,
  parseUnderlay,
  publishedConditions,
  registered,
} from '../../src/topology/index.ts';

const conditions = { ...publishedConditions, workload: findWorkload('inaturalist') };

function measured(count: number): ConnectivityGraph {
  const random = Random.of(4, 'measured', count);
  const rows = Array.from({ length: count }, (_, from) =>
    Array.from({ length: count }, (__, to) =>
      from === to ? '' : `s${from},s${to},${5 + random.integer(100)},${50 + random.integer(900)}\n`,
    ).join(''),
  );
  return connectivityGraph(
    parseUnderlay(`from,to,latencyMs,bandwidthMbps\n${rows.join('')}`, 'm.csv'),
    conditions,
  );
}

/** Two of four labels a silo. */
const sharesFor = (count: number) =>
  Array.from({ length: count }, (_, silo) => [0, 1, 2, 3].map((label) => (label % 2 === silo % 2 ? 0.5 : 0)));

/** Expires after so many questions. */
function run(limit = 200) {
  let asked = 0;
  return {
    random: (...path: (string | number)[]) => Random.of(1, 'test', ...path),
    expired: () => ++asked > limit,
    progress: () => undefined,
  };
}

const networks = {
  gaia: connectivityGraph(openUnderlay('gaia'), conditions),
  'nine silos, asymmetric': measured(9),
};

function designed(name: string, graph: ConnectivityGraph, limit?: number): Design | string {
  try {
    return findDesigner(name).design({ graph, labelShares: sharesFor(graph.siloCount) }, {}, run(limit));
  } catch (error) {
    if (!(error instanceof GrapevineError)) throw error;
    return error.code;
  }
}

describe.each(Object.entries(networks))('%s', (_, graph) => {
  test.each(designers.map(({ name }) => name))(
    '%s: strong over its period, judged, saved and read back',
    (name) => {
      const design = designed(name, graph);
      if (typeof design === 'string') {
        expect(design).toBe('design-wants-links');
        expect(graph.linkedArcs).toHaveLength(0);
        return;
      }
      const { overlay, timing } = design;
      expect(overlay.nodes).toEqual(graph.names);
      expect(isConnected(overlay)).toBe(true);
      const { cycleTimeMs, maxDegree } = judge(graph, overlay, timing, { mixing: false });
      expect(cycleTimeMs).toBeGreaterThan(25.4);
      expect(maxDegree).toBeLessThan(graph.siloCount);
      expect(consensusOf(overlay)?.roundsTo1e3).toBeLessThan(100_000);
      const saved = parseOverlay(overlayText({ ...overlay, timing }, ['a comment']), 'saved.yaml');
      expect(saved).toEqual(overlayOf({ ...overlay, timing }));
      const again = judge(graph, saved, saved.timing!, { mixing: false });
      expect(again.cycleTimeMs).toBeCloseTo(cycleTimeMs, 9);
      expect(designed(name, graph)).toMatchObject({ overlay });
    },
  );
});

test.each(designers.map(({ name }) => name))(
  '%s without any time gives what it has, or says time-limit',
  (name) => {
    const design = designed(name, networks.gaia, 0);
    if (typeof design === 'string') expect(design).toBe('time-limit');
    else expect(isConnected(design.overlay)).toBe(true);
  },
);

test.each([1, 2, 3])('%d silos: a design, or a code that says why not', (count) => {
  const nodes = [
    '{name: a, latitude: 1, longitude: 1}',
    '{name: b, latitude: 2, longitude: 9}',
    '{name: c, latitude: 9, longitude: 5}',
  ];
  const graph = connectivityGraph(
    parseUnderlay(`{name: x, nodes: [${nodes.slice(0, count).join(', ')}]}`, 'x.yaml'),
    conditions,
  );
  for (const { name } of designers) {
    const design = designed(name, graph);
    if (typeof design === 'string')
      expect(design).toMatch(/^(design-wants-links|topology-invalid|design-too-small)$/);
    else expect(judge(graph, design.overlay, design.timing).cycleTimeMs).toBeGreaterThanOrEqual(25.4);
  }
});

test('the STAR rule, the period of a schedule and random rounds by hand', () => {
  const graph = measured(3);
  const design = designed('one-peer-exponential', graph) as Design;
  const { cycleTimeMs, criticalCycle } = judge(graph, design.overlay, { kind: 'gossip' });
  expect(criticalCycle?.phases).toHaveLength(criticalCycle!.silos.length);
  const all = judge(graph, { ...design.overlay, schedule: [design.overlay.arcs] }, { kind: 'gossip' });
  expect(cycleTimeMs).toBeLessThanOrEqual(all.cycleTimeMs + 1e-9);
  const first = { ...design.overlay, schedule: [design.overlay.schedule![0]!] };
  const fixed = { kind: 'random', barrier: false, draw: { kind: 'phases' } } as const;
  const drawn = judge(graph, first, fixed);
  const still = judge(graph, first, { kind: 'gossip' });
  expect(drawn.cycleTimeMs).toBeCloseTo(still.cycleTimeMs, 0);
});

test('a placement puts nodes where it says', () => {
  const graph = measured(4);
  const nodes = graph.names;
  const ring = [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
  ] as const;
  const placement = [2, 0, 3, 1];
  const moved = ring.map(([from, to]) => [placement[from]!, placement[to]!] as const);
  const at = (arcs: readonly (readonly [number, number])[], extra = {}) =>
    judge(graph, { name: 'r', directed: true, nodes, arcs, ...extra }, { kind: 'gossip' }).cycleTimeMs;
  expect(at(ring, { placement })).toBeCloseTo(at(moved), 9);
  expect(() => at(ring, { placement: [0, 0, 1, 2] })).toThrow(/one node for each silo/);
});

test('a designer of one’s own is compared like the others; what does not fit is skipped with its reason', () => {
  const path: Designer<Record<string, never>> = {
    ...(findDesigner('mst') as unknown as Designer<Record<string, never>>),
    name: 'path',
    options: { safeParse: () => ({ success: true, data: {} }) } as never,
    design: ({ graph }) => ({
      overlay: {
        name: 'path',
        directed: false,
        nodes: graph.names,
        arcs: graph.names
          .slice(1)
          .flatMap((_, silo) => [[silo, silo + 1] as const, [silo + 1, silo] as const]),
      },
      timing: { kind: 'gossip' },
      notes: [],
    }),
  };
  const chosen = [registered(path), findDesigner('d-cliques'), findDesigner('mst')];
  let nowMs = 0;
  const options = { seed: 1, limitMs: 100, now: () => nowMs++ };
  const { designs, skipped } = compareDesigns({ graph: networks.gaia }, chosen, options);
  expect(designs.map(({ name }) => name)).toEqual(['path', 'mst']);
  expect(skipped).toMatchObject([{ name: 'd-cliques', code: 'label-shares-missing' }]);
  const late = compareDesigns({ graph: networks.gaia }, chosen, { ...options, limitMs: 0 });
  expect(late.skipped.map(({ code }) => code)).toEqual(['time-limit', 'time-limit', 'time-limit']);
});

test('free arcs stand at the cycle time of best and of the ring themselves, alone and in a comparison, quick ones first', () => {
  const graph = measured(16);
  let nowMs = 0;
  const options = { seed: 2, limitMs: 400, now: () => nowMs++ };
  const alone = (name: string) => designOne({ graph }, findDesigner(name), {}, options).judgement.cycleTimeMs;
  expect(alone('best-free-arcs')).toBeCloseTo(alone('best'), 6);
  expect(alone('ring-free-arcs')).toBeCloseTo(alone('ring'), 6);
  const names = ['best-free-arcs', 'best', 'ring-free-arcs', 'ring'];
  const turns: string[] = [];
  const progress = (line: string) => turns.push(...(/^([\w-]+) \(\d of 4\)/.exec(line)?.slice(1) ?? []));
  const { designs } = compareDesigns({ graph }, names.map(findDesigner), { ...options, progress });
  expect(turns).toEqual(['ring', 'ring-free-arcs', 'best', 'best-free-arcs']);
  expect(designs.map(({ name }) => name)).toEqual(names);
  const [bestFree, best, ringFree, ring] = designs.map(({ judgement }) => judgement.cycleTimeMs);
  expect(bestFree).toBeCloseTo(best!, 6);
  expect(ringFree).toBeCloseTo(ring!, 6);
  const [free, first] = designs;
  expect(free!.design.lowerBoundMs).toBe(first!.design.lowerBoundMs);
});

test('best is no slower than whatever else was compared, however short its time', () => {
  const graph = measured(16);
  let nowMs = 0;
  const now = () => nowMs++;
  const limited = (limitMs: number, given = {}) =>
    designOne({ graph }, findDesigner('best'), given, { seed: 3, limitMs, now });
  const known = limited(1_500, { boundSteps: 0, runs: 0 });
  expect(limited(30).judgement.cycleTimeMs).toBeGreaterThan(known.judgement.cycleTimeMs);
  const oracle = { name: 'oracle', summary: '', silosMax: 16, design: () => known.design };
  const { designs, lowerBoundMs } = compareDesigns({ graph }, [findDesigner('best'), oracle], {
    seed: 3,
    limitMs: 60,
    now,
  });
  const [best, other] = designs.map(({ judgement }) => judgement.cycleTimeMs);
  expect(best).toBeLessThanOrEqual(other!);
  expect(lowerBoundMs).toBeLessThanOrEqual(best!);
});

test('label shares: D-Cliques brings every label together, STL-FW lessens the bias of its first step', () => {
  const { graph, labelShares } = { graph: networks.gaia, labelShares: sharesFor(11) };
  const cliques = findDesigner('d-cliques').design({ graph, labelShares }, { size: 4 }, run());
  expect(Number(/to the global shares ([\d.]+)/.exec(cliques.notes[0]!)![1])).toBeLessThan(0.4);
  const bias = (degree: number) => {
    const { notes } = findDesigner('stl-fw').design({ graph, labelShares }, { degree }, run());
    return Number(/bias ([\d.e+-]+)/.exec(notes[0]!)![1]);
  };
  expect(bias(8)).toBeLessThanOrEqual(bias(2));
  expect(() => findDesigner('stl-fw').design({ graph, labelShares: [[1]] }, {}, run())).toThrow(/got 1 rows/);
});

test.each([
  ['rnig', {}, /overlay rnig is not known; did you mean ring\?/],
  ['random-regular', { degree: 1 }, /degree × silos must be even; use degree 2/],
  ['random-regular', { degre: 4 }, /degre: unknown key — did you mean degree\?/],
  ['epidemic', { fanout: 11 }, /wanted a fanout of at most 10/],
  ['star', { hub: 11 }, /the hub is 0 to 10, or best/],
])('%s %j says what is wrong', (name, options, wanted) => {
  expect(() => findDesigner(name).design({ graph: networks.gaia }, options, run())).toThrow(wanted);
});
