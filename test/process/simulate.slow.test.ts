/** What was simulated is what runs: real processes end with the bits of the simulation, and their logs replay to them. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSummary } from '../../src/record/index.ts';
import { run } from '../cli/run.ts';
import { Bench, digests, isBuilt, PATIENT, type Swarm, TINY } from './swarm-run.ts';

const FIVE = TINY.replace('rounds: 40', 'rounds: 20').replace('everyRounds: 4', 'everyRounds: 20');
const PENGUINS = FIVE.replace('dataset: digits', 'dataset: penguins').replace(
  'model: softmax',
  'model: {kind: mlp, hidden: [8]}',
);
const LOSING =
  `${FIVE.replace('exchange: {deadline: {floorMs: 60000, ceilingMs: 60000}}', 'exchange: {rule: gossip-learning}')}
record: all
faults: {list: [{kind: crash, peer: 1, at: 200ms, restartAt: 800ms}]}
`.replace('rounds: 20', 'rounds: 60');

describe.skipIf(!isBuilt)('five silos', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open();
  });

  afterEach(() => bench.clean());

  it.each([
    ['digits', FIVE],
    ['penguins', PENGUINS],
  ])('on %s end with the same bits as processes and on virtual time', async (_, experiment) => {
    const file = join(bench.folder, 'tiny.yaml');
    writeFileSync(file, experiment);
    const real = bench.start('real', ...PATIENT);
    const simulated = await run('simulate', file, '--out', bench.run('simulated'), ...PATIENT);
    expect(simulated.exitCode, simulated.stderr).toBe(0);
    expect(await real.exited, real.stderr).toBe(0);
    const { peers } = real.summary();
    const virtual = parseSummary(
      readFileSync(join(bench.run('simulated'), 'summary.json'), 'utf8'),
      'summary',
    );
    expect(digests(virtual)).toEqual(digests(real.summary()));
    expect(peers.map(({ exclusions }) => exclusions)).toEqual([0, 0, 0, 0, 0]);
    expect(virtual.bytesSent).toBe(real.summary().bytesSent);
    expect(new Set(peers.map(({ pid }) => pid)).size).toBe(5);
    for (const { socketBytesSent, bytesSent } of peers) expect(socketBytesSent).toBeGreaterThan(bytesSent);
  });

  /** A run at its end in which silo-1 was killed and came back: another one where it was done before it was to be killed. */
  const crashed = async (attempt = 0): Promise<Swarm> => {
    const real = bench.start(`real-${attempt}`);
    expect(await real.exited, real.stderr).toBe(0);
    return real.summary().peers[1]?.faults?.restart === 1 ? real : crashed(attempt + 1);
  };

  it('one of which was killed and started again replay from their logs alone', async () => {
    writeFileSync(join(bench.folder, 'tiny.yaml'), LOSING);
    const real = await crashed();
    const recorded = digests(real.summary());
    const log = readFileSync(join(real.folder, 'peers/silo-1/events.jsonl'), 'utf8');
    expect(log.match(/"kind":"start"/g)?.length).toBe(2);
    for (const silo of readdirSync(join(real.folder, 'peers')))
      for (const left of readdirSync(join(real.folder, 'peers', silo)))
        if (left !== 'events.jsonl') rmSync(join(real.folder, 'peers', silo, left), { recursive: true });
    rmSync(join(real.folder, 'summary.json'));
    const replay = await run('replay', real.folder, '--json');
    expect(replay.exitCode, replay.stderr).toBe(0);
    expect(JSON.parse(replay.stdout).peers.map(({ replayed }: { replayed: string }) => replayed)).toEqual(
      recorded,
    );
  });
});
