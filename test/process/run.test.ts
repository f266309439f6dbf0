import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointRounds } from '../../src/node/checkpoint-store.ts';
import type { RunSummary } from '../../src/record/index.ts';
import { fileStorage } from '../../src/storage/files.ts';
import {
  allGone,
  Bench,
  digests,
  isBuilt,
  isMidway,
  isPeer,
  midway,
  PATIENT,
  readSummary,
  recordsOf,
  roundsOf,
  type Swarm,
} from './swarm-run.ts';

const NAMES = ['silo-0', 'silo-1', 'silo-2', 'silo-3', 'silo-4'];
const ROUNDS = 40;
/** Rounds between common checkpoints. */
const EVERY = 5;

describe.skipIf(!isBuilt)('a swarm of processes (skipped where dist/ is not built)', () => {
  let bench: Bench;
  let uninterrupted: Swarm;
  let summary: RunSummary;

  beforeAll(async () => {
    bench = await Bench.open();
    uninterrupted = bench.start('uninterrupted', ...PATIENT);
    expect(await uninterrupted.exited, uninterrupted.stderr).toBe(0);
    summary = uninterrupted.summary();
  });

  afterAll(() => bench.clean());

  it('completes every round with every neighbour, one process per silo, and sums it up', async () => {
    expect(summary).toMatchObject({
      type: 'summary',
      name: 'tiny',
      mode: 'swarm',
      seed: 1,
      backend: 'cpu',
      rounds: ROUNDS,
      endReason: 'rounds',
      messagesSent: 2 * NAMES.length * ROUNDS,
    });
    expect(summary.peers.map(({ name }) => name)).toEqual(NAMES);
    expect(new Set(summary.peers.map(({ pid }) => pid)).size).toBe(NAMES.length);
    for (const peer of summary.peers) {
      expect(peer).toMatchObject({ rounds: ROUNDS, messagesSent: 2 * ROUNDS, exclusions: 0, refusals: {} });
      expect(peer.socketBytesSent).toBeGreaterThan(peer.bytesSent);
      expect(peer.globalTest).toBeGreaterThan(0.7);
    }
    expect(summary.accuracy.together?.worst).toBe(
      Math.min(...summary.peers.map(({ globalTest = 0 }) => globalTest)),
    );
    expect(await readSummary(uninterrupted.folder)).toEqual(summary);
  });

  it('records who holds what and each round', () => {
    for (const [index, name] of NAMES.entries()) {
      const silo = recordsOf(uninterrupted.folder, name).find((entry) => entry.type === 'silo');
      expect(silo).toMatchObject({ peer: index, name, samples: summary.peers[index]?.samples });
      expect(silo?.labelCounts?.reduce((sum, count) => sum + count, 0)).toBe(silo?.samples);
      expect(roundsOf(uninterrupted.folder, name).map(({ round }) => round)).toEqual(
        Array.from({ length: ROUNDS }, (_, round) => round + 1),
      );
    }
  });

  it('gives the same params, to the bit, where models go through gossip', async () => {
    const gossip = bench.start('gossip', '--set', 'exchange.carrier=gossip');
    expect(await gossip.exited, gossip.stderr).toBe(0);
    expect(digests(gossip.summary())).toEqual(digests(summary));
  });

  it('ends its children at Ctrl-C, and resumed ends bit-equal to one never interrupted', async () => {
    const swarm = await midway(
      (attempt) => bench.start(`interrupted-${attempt}`),
      async (running) => {
        await running.completes('silo-2', EVERY + 2);
        const pids = running.peerPids();
        running.process.kill('SIGINT');
        const exitCode = await running.exited;
        if (running.summary().rounds === ROUNDS) return false;
        expect(exitCode, running.stderr).toBe(4);
        expect(pids).toHaveLength(NAMES.length);
        expect(pids.filter(isPeer)).toEqual([]);
        return true;
      },
    );
    expect(swarm.summary().endReason).toBe('interrupted');
    expect(swarm.stderr).toContain(`--resume ${swarm.folder}`);

    const resumed = bench.resume(basename(swarm.folder));
    expect(await resumed.exited, resumed.stderr).toBe(0);
    expect(digests(resumed.summary())).toEqual(digests(summary));
  });

  it('leaves no process behind whatever kills the launcher, and resumes from the round before a broken checkpoint', async () => {
    let pids: number[] = [];
    const swarm = await midway(
      (attempt) => bench.start(`orphaned-${attempt}`),
      async (running) => {
        // Of a round that is recorded the checkpoint before it is written: all have two.
        await Promise.all(NAMES.map((name) => running.completes(name, 2 * EVERY + 1)));
        pids = running.peerPids();
        // The others wait for it: the run stands where it is.
        return running.signal(3, 'SIGSTOP') && isMidway(running.folder, 'silo-3', ROUNDS);
      },
    );
    swarm.process.kill('SIGKILL');
    await allGone(pids);
    expect(await swarm.exited).toBe('SIGKILL');

    const rounds = await Promise.all(
      NAMES.map((name) => checkpointRounds(fileStorage(join(swarm.folder, 'peers', name)))),
    );
    const common = (rounds[0] ?? []).filter((round) => rounds.every((each) => each.includes(round)));
    const [newest = 0, before = 0] = common;
    expect(newest - before).toBe(EVERY);
    const broken = join(swarm.folder, 'peers', 'silo-4', 'checkpoints', `${newest}.ckpt`);
    writeFileSync(broken, readFileSync(broken).subarray(0, 100));
    const resumed = bench.resume(basename(swarm.folder));
    expect(await resumed.exited, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(
      new RegExp(`warning: silo-4: checkpoint of round ${newest} is passed over`),
    );
    expect(resumed.stderr).toMatch(new RegExp(`from round ${before}, `));
    expect(digests(resumed.summary())).toEqual(digests(summary));
  });
});
