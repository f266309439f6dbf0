import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoundRecord, RunRecord } from '../../src/record/index.ts';
import {
  allGone,
  Bench,
  isBuilt,
  isMidway,
  isPeer,
  midway,
  recordsOf,
  roundsOf,
  type Swarm,
  TINY,
} from './swarm-run.ts';

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

/** More than any run here does: it goes on until it is interrupted, however long what the test waits for takes. */
const ENDLESS = ['--set', 'stop.rounds=1000000'];

const isRound = (entry: RunRecord): entry is RoundRecord => entry.type === 'round';

/** The last round that a peer has recorded. */
const lastRound = (folder: string, name: string): number => roundsOf(folder, name).at(-1)?.round ?? 0;

/** Resolves when the peer has mixed with all its neighbours in `from` or a later round. */
const mixesWithAll = (swarm: Swarm, name: string, from: number): Promise<RoundRecord> =>
  swarm.records(
    name,
    (entry): entry is RoundRecord => isRound(entry) && entry.round >= from && entry.excluded.length === 0,
  );

describe.skipIf(!isBuilt)('in a swarm of processes (skipped where dist/ is not built)', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open(EXPERIMENT);
  });

  afterEach(() => bench.clean());

  it('a peer that is killed and not started again is left out as down, the others do all rounds, and the run says so', async () => {
    let pids: number[] = [];
    const swarm = await midway(
      (attempt) => bench.start(`killed-${attempt}`, '--restarts', '0'),
      async (running) => {
        await running.completes('silo-2', EVERY + 2);
        pids = running.peerPids();
        if (!running.signal(VICTIM, 'SIGKILL')) return false;
        await allGone(pids.slice(VICTIM, VICTIM + 1));
        return isMidway(running.folder, 'silo-2', ROUNDS);
      },
    );
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

  it('a peer that is killed and started again loses at most the rounds since its checkpoint, catches up and mixes with all', async () => {
    const swarm = bench.start('restarted', ...ENDLESS);
    await swarm.completes('silo-2', EVERY + 2);
    expect(swarm.signal(VICTIM, 'SIGKILL')).toBe(true);
    await swarm.says(/silo-2 is started again from its newest checkpoint/);
    const [before, after] = await swarm.finds('silo-2', (entries) => {
      const second = entries.findLastIndex(({ type }) => type === 'run');
      const earlier = entries.slice(0, second).findLast(isRound);
      const later = entries.slice(second).find(isRound);
      return earlier && later ? ([earlier.round, later.round] as const) : undefined;
    });
    expect(before - after).toBeLessThan(EVERY);
    const back = await mixesWithAll(swarm, 'silo-2', Math.max(before, after) + 1);
    await Promise.all(NAMES.map((name) => mixesWithAll(swarm, name, back.round)));
    swarm.process.kill('SIGINT');
    expect(await swarm.exited, swarm.stderr).toBe(4);

    expect(recordsOf(swarm.folder, 'silo-2').filter(({ type }) => type === 'run')).toHaveLength(2);
    expect(roundsOf(swarm.folder, 'silo-0').flatMap(({ excluded }) => excluded)).toEqual([]);
    for (const name of NEIGHBOURS)
      for (const { excluded } of roundsOf(swarm.folder, name))
        expect(excluded.filter(({ peer }) => peer !== VICTIM)).toEqual([]);
  });

  it('a peer that stands still is left out at its deadline, and mixes with all again once it goes on', async () => {
    const floors = ['--set', 'exchange.deadline.floorMs=800', '--set', 'exchange.deadline.ceilingMs=2000'];
    const swarm = bench.start('stopped', ...ENDLESS, ...floors);
    await swarm.completes('silo-2', EVERY + 2);
    expect(swarm.signal(VICTIM, 'SIGSTOP')).toBe(true);
    const stopped = lastRound(swarm.folder, 'silo-2');
    const isLeftOut = (entry: RunRecord): entry is RoundRecord =>
      leavesOut('deadline')(entry) && entry.round > stopped;
    await Promise.all(NEIGHBOURS.map((name) => swarm.records(name, isLeftOut)));
    expect(swarm.signal(VICTIM, 'SIGCONT')).toBe(true);
    const since = Math.max(...NEIGHBOURS.map((name) => lastRound(swarm.folder, name)));
    await mixesWithAll(swarm, 'silo-2', since + 1);
    await Promise.all(NEIGHBOURS.map((name) => mixesWithAll(swarm, name, since + 1)));
    swarm.process.kill('SIGINT');
    expect(await swarm.exited, swarm.stderr).toBe(4);
    expect(recordsOf(swarm.folder, 'silo-2').filter(({ type }) => type === 'run')).toHaveLength(1);
  });
});
