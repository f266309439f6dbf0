/** Who comes late, leaves, comes back without its disk, or was parted from the others: what becomes of it and of them. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/faults/fault.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { squaredDistance } from '../../src/params/kernels.ts';
import type { PeerAction, RoundNote } from '../../src/peer/machine.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { simulateWatched } from '../simulate/watched.ts';
import { virtualLinks, virtualPeers, virtualPlan } from './virtual.ts';

type Notice = PeerAction & { kind: 'notice' };

async function run(faults: readonly Fault[], given: Parameters<typeof virtualPlan>[0] = {}) {
  const plan = virtualPlan({
    overlay: buildOverlay({ kind: 'ring' }, 6),
    rounds: 100,
    gatherMs: 200,
    ...given,
  });
  const notes: RoundNote[][] = plan.overlay.nodes.map(() => []);
  const notices: Notice[][] = plan.overlay.nodes.map(() => []);
  const { peers } = await simulateWatched(virtualPeers(plan), {
    ...virtualLinks,
    startMs: () => 0,
    faults: createFaultPlayer({ seed: 5, faults }, plan.overlay.arcs),
    observer: {
      onRecord: (peer, note) => notes[peer]!.push(note),
      onNotice: (peer, notice) => notices[peer]!.push(notice),
    },
  });
  const named = (peer: number, what: Notice['what']) =>
    notices[peer]!.filter((notice) => notice.what === what);
  const excluded = (peer: number) =>
    notes[peer]!.flatMap(({ round, excluded: left }) => left.map((one) => ({ round, ...one })));
  return { peers, notes, named, excluded };
}

describe('a peer that comes late', () => {
  test('takes the state that two neighbours agree on, and takes part', async () => {
    const { peers, named, excluded } = await run([{ kind: 'join', peer: 2, atMs: 400 }]);
    expect(named(2, 'adopted')).toHaveLength(1);
    expect(named(2, 'adopted')[0]?.detail).toMatch(/own rounds 0/);
    expect(named(2, 'unconfirmed')).toEqual([]);
    for (const neighbour of [1, 3]) {
      expect(excluded(neighbour)[0]).toMatchObject({ peer: 2, reason: 'absent' });
      expect(excluded(neighbour).filter(({ round }) => round >= 90)).toEqual([]);
    }
    for (const { params, round } of peers) {
      expect(round).toBe(100);
      expect(squaredDistance(params, peers[2]!.params)).toBeLessThan(0.5);
    }
  });
});

describe('a peer that leaves', () => {
  test('is left out because it said so, not by a deadline, and holds nobody up', async () => {
    const { notes, named, excluded } = await run([{ kind: 'leave', peer: 2, atMs: 300 }]);
    for (const neighbour of [1, 3]) {
      expect(named(neighbour, 'left')).toHaveLength(1);
      const reasons = new Set(excluded(neighbour).map(({ reason }) => reason));
      expect([...reasons]).toEqual(['left']);
      const longestMs = Math.max(...notes[neighbour]!.map(({ beganMs, endedMs }) => endedMs - beganMs));
      expect(longestMs).toBeLessThan(30);
    }
  });
});

describe('a peer that comes back without its disk', () => {
  test('begins anew under its old identity, takes the state of its neighbours and is awaited again', async () => {
    const { named, excluded } = await run([{ kind: 'crash', peer: 2, atMs: 300, restartMs: 500 }], {
      checkpointEveryRounds: 1_000,
    });
    const [adopted] = named(2, 'adopted');
    expect(adopted?.round).toBeGreaterThan(10);
    expect(excluded(1).filter(({ round }) => round >= 90)).toEqual([]);
  });
});

describe('a partition', () => {
  const parted: Fault = {
    kind: 'partition',
    from: [0, 1, 2],
    to: [3, 4, 5],
    symmetric: true,
    silent: false,
    fromMs: 200,
    toMs: 900,
  };
  const slowHalf = [3, 4, 5].map(
    (peer): Fault => ({ kind: 'slow', peer, factor: 3, fromMs: 200, toMs: 900 }),
  );

  test('both halves go on, and the one behind brings its rounds in, weighed by their number', async () => {
    const { peers, notes, named, excluded } = await run([parted, ...slowHalf], { rounds: 160 });
    const during = (peer: number) =>
      notes[peer]!.filter(({ beganMs, endedMs }) => beganMs > 250 && endedMs < 900).length;
    for (let peer = 0; peer < 6; peer++) expect(during(peer)).toBeGreaterThan(10);
    const atTheCut = [3, 5].flatMap((peer) => named(peer, 'adopted'));
    expect(atTheCut.length).toBeGreaterThanOrEqual(2);
    for (const { detail } of atTheCut.slice(0, 2)) {
      const [, own, theirs] = /own rounds (\d+), theirs (\d+)/.exec(detail ?? '') ?? [];
      expect(Number(own)).toBeGreaterThan(5);
      expect(Number(theirs)).toBeGreaterThan(Number(own));
    }
    for (const peer of [0, 1, 2]) expect(named(peer, 'adopted')).toEqual([]);
    for (const [peer, { params, round }] of peers.entries()) {
      expect(round).toBe(160);
      expect(excluded(peer).filter((one) => one.round >= 150)).toEqual([]);
      expect(squaredDistance(params, peers[0]!.params)).toBeLessThan(0.5);
    }
  });
});
