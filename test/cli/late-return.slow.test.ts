/** A silo that comes back when the others have ended: in a run of silos, and in a swarm. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/params/index.ts';
import { Bench, recordsOf } from '../process/swarm-run.ts';
import { BUILT, checkpointOf, type OwnData, ownData, Running, SILOS, summaryOf } from './own-data.ts';

/** So many that a test which is slow to look still finds the run under way. */
const ROUNDS = 150;

/** A swarm at its end, of which silo-1 was killed and came back: another one where it was done before it was to be killed. */
async function crashed(bench: Bench, attempt = 0): Promise<ReturnType<Bench['start']>> {
  const swarm = bench.start(`late-${attempt}`, '--restarts', '0');
  expect(await swarm.exited, swarm.stderr).toBe(0);
  return swarm.summary().peers[1]?.faults?.restart === 1 ? swarm : crashed(bench, attempt + 1);
}

describe.skipIf(!existsSync(BUILT))(
  'a silo that comes back when the others have ended (skipped where dist/ is not built)',
  () => {
    let own: OwnData;
    let running: Running[];

    const start = (name: string, ...options: string[]): Running => {
      const peer = new Running('peer', own.silo(name), ...options);
      running.push(peer);
      return peer;
    };

    /** Kills dream in the middle and waits for the others' end; once more where dream was done before the test came to it. */
    const killDream = async (): Promise<void> => {
      const [biscoe, dream, torgersen] = SILOS.map((name) => start(name, '--linger', '0')) as [
        Running,
        Running,
        Running,
      ];
      await dream.says(/listens on/);
      await checkpointOf(own.runFolder('dream'), 10);
      dream.kill('SIGKILL');
      const code = await dream.exited;
      expect(await Promise.all([biscoe.exited, torgersen.exited])).toEqual([0, 0]);
      const isDone = existsSync(join(own.runFolder('dream'), 'checkpoints', `${ROUNDS}.ckpt`));
      if (code === null && !isDone) return;
      for (const name of SILOS) await rm(own.runFolder(name), { recursive: true });
      await killDream();
    };

    const recordOf = async (name: string): Promise<unknown[]> => {
      const text = await readFile(join(own.runFolder(name), 'events.jsonl'), 'utf8');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    };

    beforeEach(async () => {
      own = await ownData();
      running = [];
      const quick = 'carrier: stream, deadline: {floorMs: 20, ceilingMs: 500, downGraceMs: 20}';
      await own.edit('experiment.yaml', 'carrier: stream', quick);
      await own.edit('experiment.yaml', 'rounds: 30', `rounds: ${ROUNDS}`);
    });

    afterEach(async () => {
      for (const peer of running) peer.kill('SIGKILL');
      await Promise.all(running.map(({ exited }) => exited));
      await own.remove();
    });

    it('stops with the model as it was and says why; with --alone it does its rounds, and ends', async () => {
      await killDream();
      const again = start('dream', '--gather', '0.2');
      expect(await again.exited).toBe(4);
      expect(again.output).toMatch(/no neighbour is there: waiting for one of them to come back/);
      const [, round] = /goes on from round (\d+)/.exec(again.output) ?? [];
      expect(again.output).toContain(
        `None of biscoe, torgersen was there: they have ended, or cannot be reached. The model is that of round ${round} of ${ROUNDS}`,
      );
      expect(again.output).toMatch(
        /Go on when one of them is back: grapevine peer .*; or without them: .* --alone/,
      );
      expect(await summaryOf(own.runFolder('dream'))).toMatchObject({
        endReason: 'interrupted',
        rounds: Number(round),
      });
      const record = await recordOf('dream');
      expect(record).toContainEqual(
        expect.objectContaining({ type: 'notice', what: 'nobody', round: Number(round) }),
      );
      expect(record).toContainEqual(
        expect.objectContaining({ type: 'end', reason: 'stopped', round: Number(round) }),
      );
      const saved = decodeSafetensors(await readFile(join(own.runFolder('dream'), 'params.safetensors')));
      expect(saved.metadata.round).toBe(round);

      const alone = start('dream', '--gather', '0.2', '--linger', '0', '--alone');
      expect(await alone.exited).toBe(0);
      expect((await summaryOf(own.runFolder('dream'))).rounds).toBe(ROUNDS);
    });

    it('of a swarm takes the others’ last state and ends with them', async () => {
      const bench = await Bench.open(`
name: late
seed: 1
data: {dataset: penguins, silos: 4}
model: softmax
train: {learningRate: 0.1, localSteps: 1, backend: cpu}
topology: ring
exchange: {deadline: {floorMs: 20, ceilingMs: 200, downGraceMs: 20}}
checkpoint: {everyRounds: 2}
stop: {rounds: 120}
faults:
  delay: 20
  list: [{kind: crash, peer: silo-1, at: 200ms, restartAt: 5s}]
`);
      try {
        const swarm = await crashed(bench);
        const { peers, endReason } = swarm.summary();
        expect(endReason).toBe('rounds');
        expect(peers.map(({ rounds }) => rounds)).toEqual([120, 120, 120, 120]);
        // What it notes of its links until it is closed may follow.
        const end = recordsOf(swarm.folder, 'silo-1').findLast(({ type }) => type === 'end');
        expect(end).toMatchObject({
          type: 'end',
          reason: 'rounds',
          round: 120,
        });
      } finally {
        await bench.clean();
      }
    });
  },
);
