import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, isBuilt, isPeer, recordsOf } from './swarm-run.ts';

const NAMES = ['silo-0', 'silo-1', 'silo-2', 'silo-3', 'silo-4'];
const ROUNDS = 30;

/** Lost messages make nearly every round as long as its deadline, so that the run outlasts what is planned. */
const EXPERIMENT = `
name: scheduled
seed: 1
data: {dataset: penguins, silos: 5}
model: softmax
train: {learningRate: 0.1, localSteps: 2, backend: cpu}
topology: ring
exchange: {deadline: {floorMs: 100, ceilingMs: 400, downGraceMs: 50}}
checkpoint: {everyRounds: 2}
stop: {rounds: ${ROUNDS}}
faults:
  loss: 0.1
  list:
    - {kind: crash, peer: silo-1, at: 300ms, restartAt: 600ms}
    - {kind: pause, peer: silo-3, after: 200ms, until: 700ms}
    - {kind: slow, peer: silo-0, factor: 2}
`;

describe.skipIf(!isBuilt)('a swarm under a fault schedule (skipped where dist/ is not built)', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open(EXPERIMENT);
  });

  afterEach(() => bench.clean());

  it('kills, starts again, stops and continues real processes, loses their messages, ends well and counts it all', async () => {
    // No restarts of the launcher's own: that by schedule is none of them.
    const swarm = bench.start('scheduled', '--restarts', '0');
    await swarm.says(/silo-3 goes on/);
    const pids = swarm.peerPids();
    expect(await swarm.exited, swarm.stderr).toBe(0);
    expect(pids.filter(isPeer)).toEqual([]);

    const { peers, endReason } = swarm.summary();
    expect(endReason).toBe('rounds');
    expect(peers.map(({ rounds }) => rounds)).toEqual(NAMES.map(() => ROUNDS));
    expect(peers[1]?.faults).toMatchObject({ crash: 1, restart: 1 });
    expect(peers[3]?.faults).toMatchObject({ pause: 1 });
    const lost = peers.reduce((sum, { faults }) => sum + (faults?.loss ?? 0), 0);
    expect(lost).toBeGreaterThan(0);

    const lives = recordsOf(swarm.folder, 'silo-1').filter(({ type }) => type === 'run');
    expect(lives).toHaveLength(2);
    const noticed = (peer: string) =>
      recordsOf(swarm.folder, peer).flatMap((entry) => (entry.type === 'notice' ? [entry.what] : []));
    expect(noticed('silo-1')).toContain('fault-restart');
    expect(noticed('silo-3')).toContain('fault-pause');
    expect(swarm.stderr).toMatch(/silo-1 is killed by the fault schedule/);
  });
});
