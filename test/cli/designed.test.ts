/** Overlays designed for a network, inside an experiment: designed alike each time, trained over, and as fast as the designer says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { loadExperiment } from '../../src/experiment/index.ts';
import { parseSummary, type RunSummary } from '../../src/record/index.ts';
import {
  connectivityGraph,
  delayDigraph,
  findDesigner,
  maximumCycleMean,
  type Overlay,
  openUnderlay,
  publishedConditions,
} from '../../src/topology/index.ts';
import { parseOverlay } from '../../src/topology/overlay-file.ts';
import { overlayText } from '../../src/topology/overlay-text.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-designed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const STEP_MS = 5;
const ROUNDS = 60;
/** 650 params of 32 bits. */
const WORKLOAD = { modelBits: 20_800, computeMs: STEP_MS };

function write(name: string, { topology, more = '' }: { topology: string; more?: string }): string {
  writeFileSync(
    at(name),
    `
name: ${name.replace('.yaml', '')}
seed: 1
data: {dataset: {kind: digits, limit: {train: 660}}, partition: {kind: iid}}
model: softmax
train: {learningRate: 0.5, batchSize: 16, localSteps: 1, backend: cpu}
topology: ${topology}
links: {underlay: gaia, accessMbps: 10}
simulate: {compute: {kind: constant, time: ${STEP_MS}}}
baselines: []
evaluate: {everyRounds: ${ROUNDS}}
stop: {rounds: ${ROUNDS}}
${more}`,
  );
  return at(name);
}

async function simulated(file: string, ...settings: string[]): Promise<RunSummary> {
  const out = `${file}.run`;
  const { exitCode, stderr } = await run('simulate', file, '--out', out, '--quiet', ...settings);
  expect(exitCode, stderr).toBe(0);
  return parseSummary(readFileSync(join(out, 'summary.json'), 'utf8'), out);
}

const rate = 10e6;
const graph = connectivityGraph(openUnderlay('gaia'), {
  ...publishedConditions,
  upBps: rate,
  downBps: rate,
  workload: WORKLOAD,
});

/** An overlay file, as `grapevine design --out` writes it. */
function save(kind: string, options: object): string {
  const { overlay, timing } = findDesigner(kind).design({ graph }, options, {
    random: (...path) => Random.of(1, 'design', ...path),
    expired: () => false,
    progress: () => undefined,
    wantsBound: false,
  });
  writeFileSync(at(`${kind}.yaml`), overlayText({ ...overlay, timing }));
  return at(`${kind}.yaml`);
}

/** Milliseconds a round. */
function predicted({ arcs }: Overlay): number {
  return maximumCycleMean(delayDigraph(graph, arcs))?.mean ?? 0;
}

const designed = (overlay: string, options = '{}') =>
  `{underlay: gaia, overlay: ${overlay}, options: ${options}, workload: {modelBits: ${WORKLOAD.modelBits}, computeMs: ${STEP_MS}}, accessMbps: 10}`;

describe('an overlay designed inside an experiment', () => {
  it.each([
    ['ring', '{}'],
    ['best', '{runs: 1, steps: 2000}'],
    ['mst', '{}'],
  ])('%s: its simulated rounds take what the designer says', async (kind, options) => {
    const file = write(`pace-${kind}.yaml`, { topology: designed(kind, options) });
    const { wallSeconds, rounds, accuracy } = await simulated(file);
    const roundMs = (wallSeconds * 1000) / ROUNDS;
    const cycleMs = predicted(loadExperiment(file, []).overlay);
    expect(rounds).toBe(ROUNDS);
    // Training and messages of the first round have nobody to wait for: an end effect of a round or so.
    expect(roundMs / cycleMs).toBeGreaterThan(0.95);
    expect(roundMs / cycleMs).toBeLessThan(1.05);
    expect(accuracy.together?.worst).toBeGreaterThan(0.6);
  });

  it('is the same each time, and written out in what was resolved', () => {
    const file = write('same.yaml', { topology: designed('best', '{runs: 1, steps: 500}') });
    const [one, other] = [loadExperiment(file, []), loadExperiment(file, [])];
    expect(one.overlay).toEqual(other.overlay);
    expect(one.overlay.nodes).toHaveLength(11);
  });

  it.each([
    ['underlay: gaia', 'underlay: gaja', /topology\.underlay.*did you mean gaia/s],
    ['overlay: ring', 'overlay: rong', /topology\.overlay.*did you mean ring/s],
    ['computeMs: 5', 'computeMs: -5', /topology\.workload/],
    ['overlay: ring', 'overlay: multigraph-ring', /topology\.overlay: .*models that arrive rounds later/],
    ['accessMbps: 10', 'accessMbps: 0', /topology\.accessMbps/],
  ])('%s as %s is refused by name', (from, to, message) => {
    const file = write('bad.yaml', { topology: designed('ring').replace(from, to) });
    expect(() => loadExperiment(file, [])).toThrow(message);
  });

  it('over links diluted to a third takes three times as long where training takes no time', async () => {
    const topology = designed('ring');
    const settings = ['--set', 'simulate.compute.time=0'];
    const of = async (name: string, dilation: number) => {
      const file = write(name, { topology });
      const links = `links={underlay: gaia, accessMbps: 10, dilation: ${dilation}}`;
      return (await simulated(file, ...settings, '--set', links)).wallSeconds;
    };
    expect((await of('slow.yaml', 3)) / (await of('as-is.yaml', 1))).toBeCloseTo(3, 6);
  });

  it('comes from the cache where it was designed before from the same things, and anew where anything differs', () => {
    const kept = new Map<string, string>();
    const designs = {
      read: (key: string) => kept.get(key),
      write: (key: string, text: string) => void kept.set(key, text),
    };
    const file = write('cached.yaml', { topology: designed('ring') });
    const load = (...overrides: string[]) => loadExperiment(file, overrides, { designs }).overlay;
    const first = load();
    expect(kept.size).toBe(1);
    const [key] = kept.keys();
    // What the cache says is what is used; a text that cannot be read is as good as none.
    kept.set(key!, kept.get(key!)!.replace(/^name: .*$/m, 'name: from-the-cache'));
    expect(load().name).toBe('from-the-cache');
    kept.set(key!, '{');
    expect(load()).toEqual(first);
    expect(kept.size).toBe(1);
    load('topology.accessMbps=20');
    load('topology.overlay=mst');
    load('topology.seed=2');
    expect(kept.size).toBe(4);
    // The experiment's own seed and stop have no part in it.
    load('seed=9', 'stop.rounds=3');
    expect(kept.size).toBe(4);
  });

  it.each([
    ['{underlay: gaja}', /links\.underlay.*did you mean gaia/s],
    ['{underlay: gaia, dilation: 0}', /links\.dilation/],
    ['{underlay: gaia, accessMbps: -1}', /links\.accessMbps/],
    ['{underlay: gaia, delay: 5}', /links\.delay.*unknown key/s],
    ['{underlay: geant}', /links\.underlay.*geant, which has 40 silos, and the experiment has 11/s],
    ['{arcs: [[0, 5, {delay: 1}]]}', /links\.arcs\.0.*no link between 0 and 5/s],
  ])('links: %s is refused by name', (links, message) => {
    const file = write('bad-links.yaml', { topology: '{kind: ring}' });
    expect(() => loadExperiment(file, ['data.silos=11', `links=${links}`])).toThrow(message);
  });

  it('all that is wrong with it and with the links is told together', () => {
    const file = write('all-bad.yaml', { topology: designed('rong').replace('{modelBits', '{modelbits') });
    expect(() => loadExperiment(file, ['links.underlay=gaja'])).toThrow(
      /(?=.*topology\.workload)(?=.*links\.underlay)/s,
    );
    const arcs = 'links={arcs: [[0, 5, {delay: 1}], [0, 99, {delay: 1}]]}';
    const settings = ['topology={kind: ring}', 'data.silos=11', arcs];
    expect(() => loadExperiment(file, settings)).toThrow(/(?=.*no link between 0 and 5)(?=.*from 0 to 99)/s);
    const names = write('names.yaml', {
      topology: designed('rong').replace('underlay: gaia', 'underlay: gaja'),
    });
    expect(() => loadExperiment(names, [])).toThrow(/(?=.*did you mean gaia)(?=.*did you mean ring)/s);
  });

  it('wants as many silos as the network has', () => {
    const file = write('count.yaml', { topology: designed('ring') });
    expect(() => loadExperiment(file, ['data.silos=7'])).toThrow(
      /gaia, which has 11 silos, and the experiment has 7/,
    );
  });
});

describe('a saved design', () => {
  it('best with free arcs is trained over, with its own weights', async () => {
    const overlay = save('best-free-arcs', { runs: 1, steps: 2000, mixingSteps: 200 });
    const file = write('free.yaml', { topology: `{file: ${overlay}}` });
    const experiment = loadExperiment(file, []);
    expect(experiment.overlay.weights).toBeDefined();
    expect(experiment.exchange.weights).toBe('overlay');
    expect(experiment.overlay.arcs.length).toBeGreaterThan(11);
    const { accuracy, wallSeconds } = await simulated(file);
    expect(accuracy.together?.worst).toBeGreaterThan(0.6);
    expect((wallSeconds * 1000) / ROUNDS / predicted(experiment.overlay)).toBeLessThan(1.05);
  });

  it('random matchings are trained over: the rounds that were drawn, again and again', async () => {
    const file = write('drawn.yaml', { topology: `{file: ${save('matcha', { rounds: 6 })}}` });
    expect(loadExperiment(file, []).overlay.schedule).toHaveLength(6);
    const { rounds, accuracy } = await simulated(file);
    expect(rounds).toBe(ROUNDS);
    expect(accuracy.together?.worst).toBeGreaterThan(0.6);
  });

  it('with stale arcs is refused, as no rule waits for models of several ages; without its timing it is a ring', () => {
    const overlay = save('multigraph-ring', {});
    const file = write('stale.yaml', { topology: `{file: ${overlay}}` });
    expect(() => loadExperiment(file, [])).toThrow(
      /topology\.file: multigraph-ring counts on models that arrive rounds later.*take timing out of its file/s,
    );
    const text = readFileSync(overlay, 'utf8');
    writeFileSync(overlay, text.slice(0, text.indexOf('timing:')));
    expect(loadExperiment(file, []).overlay.arcs).toHaveLength(11);
  });

  it('lies on the network by its names, in whatever order they are', async () => {
    const ring = parseOverlay(readFileSync(save('ring', {}), 'utf8'), 'ring.yaml');
    const last = ring.nodes.length - 1;
    const backwards = {
      ...ring,
      nodes: ring.nodes.toReversed(),
      arcs: ring.arcs.map(([from, to]) => [last - from, last - to] as const),
    };
    writeFileSync(at('backwards.yaml'), overlayText(backwards));
    const wallSeconds = async (overlay: string) =>
      (await simulated(write(`by-${overlay}`, { topology: `{file: ${at(overlay)}}` }))).wallSeconds;
    expect(await wallSeconds('backwards.yaml')).toBeCloseTo(await wallSeconds('ring.yaml'), 6);
    writeFileSync(at('strange.yaml'), overlayText({ ...ring, nodes: ['Atlantis', ...ring.nodes.slice(1)] }));
    expect(() =>
      loadExperiment(write('by-strange.yaml', { topology: `{file: ${at('strange.yaml')}}` }), []),
    ).toThrow(
      /topology: nodes\.0: Atlantis is no silo of gaia.*no node for 1 of the 11 silos of gaia: Virginia/s,
    );
  });

  it('a placed schedule is trained over, and averages exactly once a period', async () => {
    const overlay = save('placed-schedule', {});
    const topology = `{file: ${overlay}}`;
    const file = write('placed.yaml', { topology });
    const { overlay: placed } = loadExperiment(file, []);
    const period = placed.schedule?.length ?? 0;
    expect(period).toBeGreaterThan(1);
    const { accuracy } = await simulated(file);
    expect(accuracy.together?.worst).toBeGreaterThan(0.6);

    // Every silo begins at an optimum of its own, and nobody trains.
    const settings = [
      'train.localSteps=0',
      'data.dataset={kind: toy}',
      'model={kind: quadratic, start: optimum}',
    ];
    const distanceAfter = async (rounds: number) => {
      const set = [...settings, `stop.rounds=${rounds}`].flatMap((setting) => ['--set', setting]);
      const { consensusDistance } = await simulated(write(`exact-${rounds}.yaml`, { topology }), ...set);
      return consensusDistance;
    };
    expect(await distanceAfter(period - 1)).toBeGreaterThan(1e-3);
    expect(await distanceAfter(period)).toBeLessThan(1e-12);
  });
});
