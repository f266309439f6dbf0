import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoundRecord, RunRecord } from '../../src/record/index.ts';
import { Bench, isBuilt, isPeer, recordsOf, roundsOf, TINY } from './swarm-run.ts';

const NAMES = ['silo-0', 'silo-1', 'silo-2', 'silo-3'];
const ROUNDS = 120;
const EVERY = 10;
const VICTIM = 2;
/** Neighbours of silo-2 on the ring of four. */
const NEIGHBOURS = ['silo-1', 'silo-3'];

const EXPERIMENT = TINY.replace('silos: 5', 'silos: 4')
  .replace('rounds: 40', `rounds: ${ROUNDS}`)
  .replace('everyRounds: 5', `everyRounds: ${EVERY}`);

const leavesOut =
  (reason: string) =>
  (entry: RunRecord): entry is RoundRecord =>
    entry.type === 'round' && entry.excluded.some((one) => one.peer === VICTIM && one.reason === reason);

describe.skipIf(!isBuilt)(
  'in a swarm of processes (skipped where dist/ is not built)',
  { timeout: 120_000 },
  () => {
    let bench: Bench;

    beforeEach(async () => {
      bench = await Bench.open(EXPERIMENT);
    });

    afterEach(() => bench.clean());

    it('a peer that is killed and not started again is left out as down, the others do all rounds, and the run says so', async () => {
      const swarm = bench.start('killed', '--restarts', '0');
      await swarm.completes('silo-2', EVERY + 2);
      const pids = swarm.peerPids();
      process.kill(pids[VICTIM] ?? 0, 'SIGKILL');
      expect(await swarm.exited, swarm.stderr).toBe(4);
      expect(pids.filter(isPeer)).toEqual([]);

      expect(swarm.stderr).toMatch(/silo-2 died \(SIGKILL\)/);
      const { peers, endReason } = swarm.summary();
      expect(endReason).toBe('rounds');
      expect(peers[VICTIM]).toMatchObject({ name: 'silo-2', rounds: 0, paramsSha256: '' });
      for (const peer of [0, 1, 3]) expect(peers[peer]?.rounds).toBe(ROUNDS);
      expect(peers[0]?.exclusions).toBe(0);
      for (const name of NEIGHBOURS) {
        const left = roundsOf(swarm.folder, name).filter(leavesOut('down'));
        expect(left.at(-1)?.round).toBe(ROUNDS);
        expect(peers[NAMES.indexOf(name)]?.exclusionsByReason).toEqual({ down: left.length });
      }
    });

    it('a peer that is killed and started again loses at most the rounds since its checkpoint, catches up and finishes', async () => {
      const swarm = bench.start('restarted');
      await swarm.completes('silo-2', EVERY + 2);
      process.kill(swarm.peerPids()[VICTIM] ?? 0, 'SIGKILL');
      expect(await swarm.exited, swarm.stderr).toBe(0);

      expect(swarm.stderr).toMatch(/silo-2 is started again from its newest checkpoint/);
      expect(swarm.summary().peers.map(({ rounds }) => rounds)).toEqual(NAMES.map(() => ROUNDS));
      const rounds = roundsOf(swarm.folder, 'silo-2').map(({ round }) => round);
      const again = rounds.findIndex((round, index) => index > 0 && round !== (rounds[index - 1] ?? 0) + 1);
      const [before = 0, after = 0] = again < 0 ? [0, 1] : rounds.slice(again - 1, again + 1);
      expect(before - after).toBeLessThan(EVERY);
      for (const name of NAMES)
        expect(roundsOf(swarm.folder, name).at(-1)).toMatchObject({ round: ROUNDS, excluded: [] });
    });

    it('a peer that stands still is left out at its deadline, and mixes with all again once it goes on', async () => {
      const floors = ['--set', 'exchange.deadline.floorMs=800', '--set', 'exchange.deadline.ceilingMs=2000'];
      const swarm = bench.start('stopped', ...floors);
      await swarm.completes('silo-2', EVERY + 2);
      const victim = swarm.peerPids()[VICTIM] ?? 0;
      process.kill(victim, 'SIGSTOP');
      await Promise.all(NEIGHBOURS.map((name) => swarm.records(name, leavesOut('deadline'))));
      process.kill(victim, 'SIGCONT');
      const lastOut = Math.max(
        ...NEIGHBOURS.map((name) => roundsOf(swarm.folder, name).findLast(leavesOut('deadline'))?.round ?? 0),
      );
      expect(await swarm.exited, swarm.stderr).toBe(0);
      expect(swarm.summary().peers.map(({ rounds }) => rounds)).toEqual(NAMES.map(() => ROUNDS));
      for (const name of NEIGHBOURS) {
        const later = roundsOf(swarm.folder, name).filter(({ round }) => round > lastOut);
        expect(later.some(({ excluded }) => excluded.length === 0)).toBe(true);
      }
      expect(recordsOf(swarm.folder, 'silo-2').filter(({ type }) => type === 'run')).toHaveLength(1);
    });
  },
);
