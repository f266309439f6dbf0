/** Backup workers: a peer that was late goes on where the others are, with its work. */
import { describe, expect, test } from 'vitest';
import { present } from '../../src/base/assert.ts';
import type { RuleAction } from '../../src/exchange/rule.ts';
import { createFaultPlayer } from '../../src/faults/player.ts';
import { replay, simulate } from '../../src/simulate/index.ts';
import { invariantObserver } from '../../src/simulate/invariants/index.ts';
import { buildOverlay } from '../../src/topology/index.ts';
import { momentumTrainer, virtualLinks, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { simulateRecorded } from '../simulate/recording.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const QUARTERS = new Map([0, 1, 2, 3].map((peer) => [peer, 0.25]));

/** Peer 0 of four, everyone with everyone, one backup: a round needs two of its three neighbours. */
function worker(options: Record<string, unknown> = {}, rounds = 100): DrivenRule {
  const rule = new DrivenRule({
    rule: 'dpsgd',
    options: { backups: 1, ...options },
    self: 0,
    outNeighbours: [1, 2, 3],
    mixingRow: QUARTERS,
    rounds,
  });
  rule.begin(0, Float64Array.of(8));
  return rule;
}

function hear(rule: DrivenRule, from: number, round: number, value: number): readonly RuleAction[] {
  return rule.hears(from, { kind: 'model', round, vectors: [Float64Array.of(value)], numbers: [] });
}

function completed(actions: readonly RuleAction[]) {
  const { round, params, excluded } = present(
    actions.find((action) => action.kind === 'complete'),
    'a completed round',
  );
  return { round, value: params[0], excluded };
}

function modelsSent(actions: readonly RuleAction[]) {
  return sends(actions).map(({ message: { round, vectors } }) => [round, vectors[0]?.[0]]);
}

describe('a late worker', () => {
  test('joins the others’ round: it mixes the one that is over with its params before the updates, and sends its late updates for the next', () => {
    const rule = worker();
    for (const from of [1, 2, 3]) for (const round of [0, 1]) hear(rule, from, round, 4 * from + round);
    hear(rule, 1, 2, 20); // is already waiting in round 2
    const actions = rule.trained(11);
    expect(sends(actions)).toEqual([]); // nobody waits for its rounds 0 and 1
    const mixed = (8 + 5 + 9 + 13) / 4;
    expect(completed(actions)).toEqual({ round: 1, value: mixed, excluded: [] });
    expect(modelsSent(rule.begin(2, Float64Array.of(mixed)))).toEqual([[2, mixed + 3]]);
    expect(rule.rule.waitingFor(rule.state)).toEqual([2, 3]);
    const next = completed(hear(rule, 3, 2, 40));
    expect(next).toMatchObject({ round: 2, excluded: [{ peer: 2, reason: 'late' }] });
    expect(next.value).toBeCloseTo((2 * (mixed + 3) + 20 + 40) / 4, 12);
  });

  test('takes the newest model of who has passed the round that it joins, and leaves out who has not reached it', () => {
    const rule = worker({ backups: 2 });
    hear(rule, 1, 4, 100); // from beyond what comes in order: of these only the newest is kept
    expect(refusals(hear(rule, 1, 3, 7))).toEqual(['stale']);
    hear(rule, 2, 2, 60);
    const actions = rule.trained(9);
    expect(completed(actions)).toEqual({
      round: 2,
      value: (2 * 8 + 100 + 60) / 4,
      excluded: [{ peer: 3, reason: 'late' }],
    });
  });

  test('is not late while somebody may still need its model: as many as a round takes have sent theirs, and wait for one more', () => {
    const rule = worker();
    hear(rule, 1, 0, 1);
    hear(rule, 2, 0, 2);
    const actions = rule.trained(9);
    expect(modelsSent(actions)).toEqual([[0, 9]]);
    expect(completed(actions)).toEqual({
      round: 0,
      value: (2 * 9 + 1 + 2) / 4,
      excluded: [{ peer: 3, reason: 'late' }],
    });
  });

  test('whose own round is over sends its updates in the next one', () => {
    const rule = worker();
    for (const from of [1, 2, 3]) hear(rule, from, 0, from);
    const actions = rule.trained(9);
    expect(completed(actions)).toEqual({ round: 0, value: (8 + 1 + 2 + 3) / 4, excluded: [] });
    expect(modelsSent(rule.next())).toEqual([[1, 3.5 + 1]]);
  });

  test('alone, and among others as late as itself, works through its own round', () => {
    const all = worker();
    expect(modelsSent(all.trained(9))).toEqual([[0, 9]]);
    expect(all.rule.waitingFor(all.state)).toEqual([1, 2, 3]);
    const alone = worker();
    alone.now = 1000; // every deadline has passed
    const actions = alone.trained(9);
    expect(modelsSent(actions)).toEqual([[0, 9]]);
    expect(completed(actions)).toMatchObject({ round: 0, value: 9 });
  });

  test('where the gone use up the backups, joins when all that are left have passed its round', () => {
    const rule = worker();
    for (const peer of [2, 3])
      rule.step({ kind: 'neighbour', peer, status: 'down', left: true, round: 0, incarnation: 1 });
    hear(rule, 1, 0, 4);
    const waitsForUs = new DrivenRule({
      rule: 'dpsgd',
      options: { backups: 1 },
      self: 0,
      outNeighbours: [1, 2, 3],
      mixingRow: QUARTERS,
    });
    waitsForUs.begin(0, Float64Array.of(8));
    for (const peer of [2, 3])
      waitsForUs.step({ kind: 'neighbour', peer, status: 'down', left: true, round: 0, incarnation: 1 });
    hear(waitsForUs, 1, 0, 4);
    expect(modelsSent(waitsForUs.trained(9))).toEqual([[0, 9]]);
    hear(rule, 1, 1, 6);
    const actions = rule.trained(9);
    expect(sends(actions)).toEqual([]);
    expect(completed(actions)).toMatchObject({ round: 0, value: (3 * 8 + 4) / 4 });
  });

  test('leaves out 32 rounds at most; who is further behind is told so and fetches state', () => {
    const near = worker();
    for (const from of [1, 2, 3]) expect(hear(near, from, 32, from)).toEqual([]);
    expect(completed(near.trained(9)).round).toBe(32);
    const far = worker();
    for (const from of [1, 2, 3]) {
      const actions = hear(far, from, 33, from);
      expect(refusals(actions)).toEqual(['future']);
      expect(actions).toContainEqual({ kind: 'behind', round: 33 });
    }
    expect(modelsSent(far.trained(9))).toEqual([[0, 9]]);
  });

  test('is not moved by one neighbour that lies about its round where two are needed', () => {
    const rule = worker();
    hear(rule, 3, 30, 1e6);
    hear(rule, 1, 0, 1);
    const actions = rule.trained(9);
    expect(modelsSent(actions)).toEqual([[0, 9]]);
  });

  test('ends with the run: no round after the last is joined', () => {
    const rule = worker({}, 5);
    for (const from of [1, 2, 3]) hear(rule, from, 20, from);
    expect(modelsSent(rule.trained(9))).toEqual([[0, 9]]);
    const last = worker({}, 5);
    for (const from of [1, 2, 3]) hear(last, from, 4, from);
    expect(completed(last.trained(9)).round).toBe(4);
  });

  test('refuses what comes for rounds that it has left out', () => {
    const rule = worker();
    for (const from of [1, 2, 3]) hear(rule, from, 6, from);
    rule.trained(9);
    rule.begin(7, present(rule.completed, 'params'));
    expect(refusals(hear(rule, 2, 5, 1))).toEqual(['stale']);
    expect(refusals(hear(rule, 2, 6, 1))).toEqual(['stale']);
  });

  test('forgets its late updates when it begins elsewhere, because it has fetched state', () => {
    const rule = worker();
    for (const from of [1, 2, 3]) hear(rule, from, 1, from);
    expect(completed(rule.trained(9)).round).toBe(1);
    const actions = rule.begin(9, Float64Array.of(0));
    expect(actions).toEqual([{ kind: 'train', params: Float64Array.of(0) }]);
    expect(rule.begin(10, Float64Array.of(1)).map(({ kind }) => kind)).toEqual(['train']);
  });

  test('waits for nobody who has passed its round: the newest model stands in', () => {
    const rule = worker();
    rule.trained(9);
    hear(rule, 1, 2, 4);
    expect(completed(hear(rule, 3, 1, 6))).toEqual({
      round: 0,
      value: (2 * 9 + 4 + 6) / 4,
      excluded: [{ peer: 2, reason: 'late' }],
    });
  });
});

describe('the other variants', () => {
  test('parallel: its updates enter the round that it joins', () => {
    const rule = worker({ variant: 'parallel' });
    for (const from of [1, 2, 3]) hear(rule, from, 3, from);
    expect(completed(rule.trained(11))).toEqual({ round: 3, value: (8 + 1 + 2 + 3) / 4 + 3, excluded: [] });
  });

  test('mix-then-adapt: what its updates came to is its model of the round that it joins', () => {
    const rule = worker({ variant: 'mix-then-adapt' });
    for (const from of [1, 2, 3]) hear(rule, from, 0, 8);
    for (const from of [1, 2, 3]) hear(rule, from, 4, from);
    expect(completed(rule.trained(11))).toMatchObject({ round: 3, value: 11 });
    expect(modelsSent(rule.begin(4, Float64Array.of(11)))).toEqual([[4, 11]]);
  });
});

describe('without backups', () => {
  test('no round is left out, however far the others are', () => {
    const rule = worker({ backups: 0 });
    for (const from of [1, 2, 3]) for (const round of [0, 1]) hear(rule, from, round, from);
    expect(modelsSent(rule.trained(9))).toEqual([[0, 9]]);
  });
});

describe('a run with slow workers', () => {
  const overlay = buildOverlay({ kind: 'complete' }, 8);
  const plan = () => virtualPlan({ overlay, options: { backups: 2 }, rounds: 60, evaluateEveryRounds: 7 });
  /** Peers 0 and 1 take three and a half times as long. */
  const computeMs = (peer: number) => (peer < 2 ? 35 : 10);

  async function run(faults: Parameters<typeof createFaultPlayer>[0]['faults'] = []) {
    const peers = virtualPeers(plan(), momentumTrainer);
    return simulateRecorded(peers, {
      ...virtualLinks,
      computeMs,
      faults: createFaultPlayer({ seed: 1, faults }, overlay.arcs),
    });
  }

  test('goes at the pace of the fast; the slow are in step, leave rounds out, and what they learn is mixed', async () => {
    const results = await run();
    for (const { round, notices } of results) {
      expect(round).toBe(60);
      expect(notices.adopted ?? 0).toBe(0); // nobody has to fetch state
    }
    const rounds = (peer: number) => results[peer]!.notes.map(({ round }) => round);
    expect(rounds(7)).toEqual(Array.from({ length: 60 }, (_, round) => round));
    const slow = rounds(0);
    expect(slow.length).toBeLessThan(50);
    for (const [index, round] of slow.entries()) expect(round).toBeGreaterThan(slow[index - 1] ?? -1);
    expect(slow.at(-1)).toBe(59);
    const withSlow = results[7]!.notes.filter(({ excluded }) => excluded.every(({ peer }) => peer !== 0));
    expect(withSlow.length).toBeGreaterThanOrEqual(8);
    const endMs = results[7]!.notes.at(-1)!.endedMs;
    expect(endMs).toBeLessThan(60 * 2 * 12); // without backups: 60 rounds of 35 ms
  });

  test('is judged and saved as often as said, also where the rounds for that are left out', async () => {
    const results = await run();
    const saved = [...results[0]!.checkpoints.keys()];
    for (let from = 0; from < 60; from += 4) {
      const until = from + 8;
      expect(saved.some((round) => round > from && round <= until)).toBe(true);
    }
    expect(saved.at(-1)).toBe(60);
  });

  test('replays from its logs, a kill and a restart of a slow one included, to the bit', async () => {
    const faults = [{ kind: 'crash', peer: 0, atMs: 170, restartMs: 260 }] as const;
    const results = await run(faults);
    const recorded = virtualPeers(plan(), momentumTrainer).map((peer, index) => ({
      ...peer,
      log: results[index]!.log.map((line) => JSON.parse(JSON.stringify(line))),
    }));
    const replayed = await replay(recorded);
    expect(replayed.map(({ round, params }) => ({ round, params }))).toEqual(
      results.map(({ round, params }) => ({ round, params })),
    );
    expect(results[0]!.round).toBe(60);
  });

  test('keeps every invariant', async () => {
    const peers = virtualPeers(plan(), momentumTrainer);
    const observer = invariantObserver(peers.map(({ config }) => config));
    const { peers: ended } = await simulate(peers, { ...virtualLinks, computeMs, observer });
    expect(ended.map(({ round }) => round)).toEqual(Array(8).fill(60));
  });
});
