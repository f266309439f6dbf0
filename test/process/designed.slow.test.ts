/** Real processes over loopback, on overlays that were designed for a network: they train, and nobody has to be left out. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadExperiment } from '../../src/experiment/index.ts';
import { parseSummary } from '../../src/record/index.ts';
import { parseOverlay } from '../../src/topology/index.ts';
import { run } from '../cli/run.ts';
import { Bench, isBuilt, TINY } from './swarm-run.ts';

const CITIES = `
name: five-cities
nodes:
  - {name: Lyon, latitude: 45.76, longitude: 4.84}
  - {name: Milan, latitude: 45.46, longitude: 9.19}
  - {name: Vienna, latitude: 48.21, longitude: 16.37}
  - {name: Oslo, latitude: 59.91, longitude: 10.75}
  - {name: Lisbon, latitude: 38.72, longitude: -9.14}
`;
const NETWORK = ['--workload', 'custom', '--model-bits', '20800', '--compute-ms', '5', '--access', '10M'];
const rounds = 20;

describe.skipIf(!isBuilt)('five processes', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open();
    writeFileSync(join(bench.folder, 'cities.yaml'), CITIES);
  });

  afterEach(() => bench.clean());

  it.each(['best-free-arcs', 'placed-schedule', 'matcha'])(
    'train over %s, as grapevine design saved it, and a simulation does too',
    async (kind) => {
      const overlay = join(bench.folder, 'overlay.yaml');
      const underlay = join(bench.folder, 'cities.yaml');
      const designed = await run(
        ...['design', '--underlay', underlay, ...NETWORK, '--overlay', kind, '--out', overlay],
      );
      expect(designed.exitCode, designed.stderr).toBe(0);
      const experiment = TINY.replace('topology: {kind: ring}', 'topology: {file: overlay.yaml}')
        .replace('rounds: 40', `rounds: ${rounds}`)
        .replace('momentum, learningRate: 0.05', 'sgd, learningRate: 0.5');
      const file = join(bench.folder, 'tiny.yaml');
      writeFileSync(file, experiment);
      const known = loadExperiment(file, []);
      expect(known.exchange.weights).toBe(kind === 'matcha' ? 'metropolis' : 'overlay');
      expect(known.overlay.schedule !== undefined).toBe(kind !== 'best-free-arcs');
      const swarm = bench.start('real');
      expect(await swarm.exited, swarm.stderr).toBe(0);
      const { peers, accuracy } = swarm.summary();
      expect(peers.map((peer) => peer.rounds)).toEqual(Array(5).fill(rounds));
      expect(peers.map(({ exclusions }) => exclusions)).toEqual(Array(5).fill(0));
      expect(accuracy.together?.worst).toBeGreaterThan(0.6);
      const virtual = join(bench.folder, 'virtual');
      const simulated = await run('simulate', file, '--out', virtual, '--quiet');
      expect(simulated.exitCode, simulated.stderr).toBe(0);
      const summary = parseSummary(readFileSync(join(virtual, 'summary.json'), 'utf8'), virtual);
      expect(summary.rounds).toBe(rounds);
      expect(summary.accuracy.together?.worst).toBeGreaterThan(0.6);
    },
  );

  it('do not start over stale arcs, which no rule waits for: the message says so', async () => {
    const overlay = join(bench.folder, 'overlay.yaml');
    const underlay = join(bench.folder, 'cities.yaml');
    const kind = 'multigraph-ring';
    const designed = await run(
      ...['design', '--underlay', underlay, ...NETWORK, '--overlay', kind, '--out', overlay],
    );
    expect(designed.exitCode, designed.stderr).toBe(0);
    const experiment = TINY.replace('topology: {kind: ring}', 'topology: {file: overlay.yaml}');
    writeFileSync(join(bench.folder, 'tiny.yaml'), experiment);
    const swarm = bench.start('real');
    expect(await swarm.exited).toBe(2);
    expect(swarm.stderr).toContain(
      'topology.file: multigraph-ring counts on models that arrive rounds later',
    );
  });

  it('of a sweep over topology.overlay: each kind is designed once for all its seeds, and kept beside the cells', () => {
    const swept = TINY.replace(
      '{kind: ring}',
      '{underlay: cities.yaml, overlay: ring, workload: {modelBits: 20800, computeMs: 5}, accessMbps: 10}',
    )
      .replace('rounds: 40', 'rounds: 4')
      .replace('dirichlet, alpha: 0.5', 'iid');
    const at = (name: string) => join(bench.folder, name);
    writeFileSync(at('tiny.yaml'), swept);
    const vary = 'vary: {topology.overlay: [ring, mst]}';
    writeFileSync(
      at('sweep.yaml'),
      `name: overlays\nexperiment: tiny.yaml\nrun: simulate\n${vary}\nseeds: 2\n`,
    );
    const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    const argv = [main, 'sweep', at('sweep.yaml'), '--out', at('sweep'), '--quiet'];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const designs = readdirSync(at('sweep/designs'));
    const arcs = designs.map(
      (name) => parseOverlay(readFileSync(at(`sweep/designs/${name}`), 'utf8'), name).arcs,
    );
    // A directed ring of five, and a tree of both directions.
    expect(arcs.map(({ length }) => length).sort()).toEqual([5, 8]);
  });
});
