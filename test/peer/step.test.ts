/** One peer, one event at a time: gathering, names of messages, catching up, stopping. */
import { describe, expect, test } from 'vitest';
import { type PeerState, step } from '../../src/peer/index.ts';
import type { PeerAction, PeerConfig, PeerEvent } from '../../src/peer/machine.ts';
import { peerConfig } from '../../src/peer/plan.ts';
import { createPeer } from '../../src/peer/state.ts';
import type { PeerMessage } from '../../src/wire/message.ts';
import { virtualPlan } from './virtual.ts';

/** Sequences a peer remembers of each neighbour. */
const SEQUENCES_MAX = 256;
const params = Float32Array.of(1, 2, 3);
const plan = virtualPlan({ rounds: 20 });

/** Peer 0 of a ring of five: its neighbours are 1 and 4. */
class Peer {
  readonly state: PeerState;
  now = 0;
  #sequence = 100;

  constructor(more: Partial<PeerConfig> = {}) {
    this.state = createPeer({ ...peerConfig(plan, 0, 2), ...more });
  }

  does(event: PeerEvent): readonly PeerAction[] {
    this.now += 1;
    return step(this.state, event, this.now);
  }

  start(round = 0): this {
    this.does({ kind: 'start', incarnation: 1, round, params });
    return this;
  }

  up(peer: number, round = 0, incarnation = 1): readonly PeerAction[] {
    return this.does({ kind: 'linkUp', peer, incarnation, round });
  }

  hears(
    from: number,
    message: PeerMessage,
    sequence = this.#sequence++,
    incarnation = 1,
  ): readonly PeerAction[] {
    return this.does({ kind: 'received', name: { from, incarnation, sequence }, message });
  }

  trained(): readonly PeerAction[] {
    const token = this.state.awaitedToken ?? -1;
    return this.does({ kind: 'trained', token, params, loss: 1, gradientSquaredNorm: 1 });
  }
}

const model = (round: number): PeerMessage => ({
  type: 'exchange',
  message: { kind: 'model', round, vectors: [params], numbers: [] },
});
const kinds = (actions: readonly PeerAction[]) => actions.map(({ kind }) => kind);
const refusals = (actions: readonly PeerAction[]) =>
  actions.flatMap((action) => (action.kind === 'refuse' ? [action.reason] : []));
const sends = (actions: readonly PeerAction[]) =>
  actions.flatMap((action) => (action.kind === 'send' ? [action.message.type] : []));
const notices = (actions: readonly PeerAction[]) =>
  actions.flatMap((action) => (action.kind === 'notice' ? [action.what] : []));
const running = () => {
  const peer = new Peer().start();
  peer.up(1);
  peer.up(4);
  return peer;
};

describe('gathering', () => {
  test('ends as soon as every neighbour is up', () => {
    const peer = new Peer().start();
    expect(kinds(peer.up(1))).not.toContain('train');
    expect(kinds(peer.up(4))).toEqual(expect.arrayContaining(['clearTimer', 'train']));
  });

  test('ends with its time, and who is not there is left out as absent', () => {
    const peer = new Peer().start();
    peer.up(1);
    expect(kinds(peer.does({ kind: 'timer', name: 'gather' }))).toContain('train');
    peer.hears(1, model(0));
    const record = peer.trained().find((action) => action.kind === 'record');
    expect(record?.note.excluded).toEqual([{ peer: 4, reason: 'absent' }]);
  });

  test('keeps messages that come before it has ended', () => {
    const peer = new Peer().start(8);
    expect(peer.hears(1, model(8))).toEqual([]);
    peer.up(1, 8);
    peer.up(4, 8);
    expect(peer.state.phase).toBe('running');
    expect(refusals(peer.hears(4, model(8)))).toEqual([]);
    expect(kinds(peer.trained())).toContain('record');
  });

  test('is cut short by a request for state where the others are far ahead', () => {
    const peer = new Peer().start();
    expect(sends(peer.up(1, 9))).toEqual(['pull']);
    peer.hears(1, { type: 'state', round: 9, params });
    expect(sends(peer.up(4, 9))).toEqual(['pull']);
    const actions = peer.hears(4, { type: 'state', round: 8, params });
    expect(sends(actions)).toEqual(['rejoin']);
    expect(actions).toContainEqual(expect.objectContaining({ kind: 'train', firstStep: 18 }));
  });

  test('does not wait for a neighbour that said goodbye', () => {
    const peer = new Peer().start();
    peer.up(1);
    expect(kinds(peer.hears(4, { type: 'leave', round: 0 }))).toContain('train');
  });

  test('a peer that starts after its last round is done', () => {
    const peer = new Peer();
    const actions = peer.does({ kind: 'start', incarnation: 3, round: 20, params });
    expect(actions).toContainEqual({ kind: 'finish', reason: 'rounds', round: 20, params });
  });

  describe('by one that would rather not go on alone', () => {
    const gather: PeerEvent = { kind: 'timer', name: 'gather' };
    const wary = () => new Peer({ aloneMs: 5_000 }).start(7);

    test('where nobody is there it waits on, then stops with what it has', () => {
      const peer = wary();
      expect(peer.does(gather)).toEqual([
        expect.objectContaining({ kind: 'notice', what: 'nobody', round: 7 }),
        { kind: 'setTimer', name: 'gather', delayMs: 5_000 },
      ]);
      const actions = peer.does(gather);
      expect(actions).toContainEqual(expect.objectContaining({ kind: 'persist', round: 7, params }));
      expect(actions.at(-1)).toEqual({ kind: 'finish', reason: 'stopped', round: 7, params });
    });

    test('somebody who comes meanwhile is begun with, after who is missing has had the time to gather again', () => {
      const peer = wary();
      peer.does(gather);
      const timer = { kind: 'setTimer', name: 'gather', delayMs: plan.gatherMs };
      expect(peer.up(1, 7)).toContainEqual(timer);
      expect(kinds(peer.does(gather))).toContain('train');
    });

    test('where some are there it begins as any other', () => {
      const peer = wary();
      peer.up(4, 7);
      expect(kinds(peer.does(gather))).toContain('train');
    });
  });
});

describe('messages', () => {
  test('a name that was heard is a duplicate, in any order, however long ago', () => {
    const peer = running();
    peer.hears(1, { type: 'rejoin', round: 0 }, 7);
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 7))).toEqual(['duplicate']);
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 5))).toEqual([]);
    for (let sequence = 8; sequence < 20 + SEQUENCES_MAX; sequence++)
      peer.hears(1, { type: 'rejoin', round: 0 }, sequence);
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 5))).toEqual(['duplicate']);
    expect(peer.state.neighbours.get(1)!.sequences.size).toBeLessThanOrEqual(SEQUENCES_MAX);
  });

  test('an earlier incarnation is heard no more, a later one counts anew', () => {
    const peer = running();
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 3, 2))).toEqual([]);
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 4, 1))).toEqual(['duplicate']);
  });

  test('a peer that lost its disk counts its starts from one again, and is heard', () => {
    const peer = running();
    peer.hears(1, { type: 'rejoin', round: 0 }, 3, 5);
    peer.up(1, 0, 1);
    expect(refusals(peer.hears(1, { type: 'rejoin', round: 0 }, 3, 1))).toEqual([]);
  });

  test('from who is no neighbour, and state that nobody asked for, are refused', () => {
    const peer = running();
    expect(refusals(peer.hears(2, model(0)))).toEqual(['not-a-neighbour']);
    expect(refusals(peer.hears(1, { type: 'state', round: 5, params }))).toEqual(['unexpected']);
    expect(peer.state.round).toBe(0);
  });

  test('from the past are refused; from the far future they make it ask for state, after its training', () => {
    const peer = running();
    expect(refusals(peer.hears(1, model(6)))).toEqual(['future']);
    const actions = peer.trained();
    expect(sends(actions)).toEqual(['pull', 'exchange']);
    peer.hears(4, { type: 'state', round: 6, params });
    expect(peer.state.round).toBe(0);
    peer.hears(1, { type: 'state', round: 5, params });
    expect(peer.state.round).toBe(6);
    expect(refusals(peer.hears(4, model(5)))).toEqual(['stale']);
  });
});

describe('a link that comes back', () => {
  test('brings again what the neighbour may have missed, also of the round before', () => {
    const peer = running();
    for (const neighbour of [1, 4]) peer.hears(neighbour, model(0));
    peer.trained();
    expect(peer.state.round).toBe(1);
    peer.does({ kind: 'linkDown', peer: 1, reason: 'test' });
    const rounds = (actions: readonly PeerAction[]) =>
      actions.flatMap((action) =>
        action.kind === 'send' && action.message.type === 'exchange' ? [action.message.message.round] : [],
      );
    expect(rounds(peer.up(1, 0))).toEqual([0]);
    peer.trained();
    expect(rounds(peer.up(1, 0))).toEqual([0, 1]);
    expect(rounds(peer.up(1, 1))).toEqual([1]);
  });
});

describe('a request for state', () => {
  test('is answered with the params at the start of the round, and what was sent in it', () => {
    const peer = running();
    expect(sends(peer.hears(1, { type: 'pull', round: 0 }))).toEqual(['state']);
    peer.trained();
    peer.now += plan.pullTimeoutMs;
    // By then it asks for theirs.
    expect(sends(peer.hears(1, { type: 'pull', round: 0 }))).toEqual(['state', 'again', 'exchange']);
  });

  test('made again and again is refused, unless the neighbour started anew', () => {
    const peer = running();
    const asked = { type: 'pull', round: 0 } as const;
    for (let time = 0; time < 4; time++) expect(sends(peer.hears(1, asked))).toEqual(['state']);
    const actions = peer.hears(1, asked);
    expect(sends(actions)).toEqual([]);
    expect(refusals(actions)).toEqual(['unexpected']);
    expect(sends(peer.hears(4, asked))).toEqual(['state']);
    peer.up(1, 0, 2);
    expect(sends(peer.hears(1, asked, 0, 2))).toEqual(['state']);
  });

  test('takes the most advanced of several answers, and nothing after it', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    peer.hears(1, { type: 'state', round: 9, params });
    peer.up(4, 9);
    peer.hears(4, { type: 'state', round: 11, params });
    expect(peer.state.round).toBe(11);
    expect(refusals(peer.hears(4, { type: 'state', round: 13, params }))).toEqual([]);
    expect(peer.state.round).toBe(11);
  });

  test('waits for who confirms a lone answer, for a while, and says that nobody did', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    const answered = peer.hears(1, { type: 'state', round: 9, params });
    expect(answered).toEqual([{ kind: 'setTimer', name: 'confirm', delayMs: plan.pullTimeoutMs / 4 }]);
    const actions = peer.does({ kind: 'timer', name: 'confirm' });
    expect(notices(actions)).toEqual(['unconfirmed', 'adopted']);
    expect(peer.state.round).toBe(9);
  });

  test('is made once more, of all at one instant, where those who answered one after the other are apart', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    peer.hears(1, { type: 'state', round: 9, params });
    peer.up(4, 40);
    // The first has gone on since; together they agree.
    const actions = peer.hears(4, { type: 'state', round: 40, params });
    expect(actions).toEqual([
      expect.objectContaining({ kind: 'send', to: [1, 4], message: { type: 'pull', round: 0 } }),
      { kind: 'setTimer', name: 'confirm', delayMs: plan.pullTimeoutMs / 4 },
    ]);
    expect(peer.state.round).toBe(0);
    expect(notices(peer.hears(4, { type: 'state', round: 51, params }))).toEqual([]);
    expect(notices(peer.hears(1, { type: 'state', round: 52, params }))).toEqual(['adopted']);
    expect(peer.state.round).toBe(52);
  });

  test('that was made once more and stays without an answer goes by the first ones; it is not made a third time', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    peer.hears(1, { type: 'state', round: 9, params });
    peer.up(4, 40);
    peer.hears(4, { type: 'state', round: 40, params });
    expect(notices(peer.does({ kind: 'timer', name: 'confirm' }))).toEqual(['unconfirmed', 'adopted']);
    expect(peer.state.round).toBe(40);
  });

  test('asks who comes up meanwhile, and does not wait for who goes', () => {
    const peer = running();
    peer.hears(1, model(6));
    expect(sends(peer.trained())).toEqual(['pull', 'exchange']);
    peer.hears(1, { type: 'state', round: 6, params });
    expect(notices(peer.does({ kind: 'linkDown', peer: 4, reason: 'test' }))).toEqual([
      'unconfirmed',
      'adopted',
    ]);
    expect(peer.state.round).toBe(6);
  });

  test('brings in the rounds done alone, weighed by their number', () => {
    const peer = running();
    for (let round = 0; round < 2; round++) {
      for (const neighbour of [1, 4]) peer.hears(neighbour, model(round));
      peer.trained();
    }
    for (const neighbour of [1, 4]) peer.does({ kind: 'linkDown', peer: neighbour, reason: 'test' });
    while (peer.state.round < 4) {
      peer.trained();
      peer.now += 10_000;
      peer.does({ kind: 'timer', name: 'rule.deadline' });
    }
    const alone = Float32Array.from(peer.state.params);
    peer.up(1, 12);
    peer.trained();
    peer.up(4, 12);
    const far = Float32Array.of(11, 12, 13);
    peer.hears(1, { type: 'state', round: 12, params: far });
    // The last round in step was 1.
    const ownRounds = peer.state.round - 1;
    expect(ownRounds).toBeGreaterThan(2);
    const actions = peer.hears(4, { type: 'state', round: 12, params: far });
    expect(notices(actions)).toEqual(['adopted']);
    const share = ownRounds / (ownRounds + 11);
    const expected = Float32Array.from(alone, (own, at) => share * own + (1 - share) * far[at]!);
    const trains = actions.find((action) => action.kind === 'train');
    for (const [at, value] of expected.entries()) expect(trains?.params[at]).toBeCloseTo(value, 5);
  });

  test('is made twice more to who does not answer, as it may be lost, and no more once it is decided', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    peer.up(4, 9);
    peer.hears(1, { type: 'state', round: 9, params });
    const again: PeerEvent = { kind: 'timer', name: 'pull-again' };
    expect(peer.does(again)).toEqual([
      expect.objectContaining({ kind: 'send', to: [4], message: { type: 'pull', round: 0 } }),
      { kind: 'setTimer', name: 'pull-again', delayMs: plan.pullTimeoutMs / 4 },
    ]);
    expect(kinds(peer.does(again))).toEqual(['send']);
    peer.hears(4, { type: 'state', round: 9, params });
    expect(peer.state.round).toBe(9);
    expect(peer.does(again)).toEqual([]);
  });

  test('that is not answered may be made again', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    expect(sends(peer.up(4, 9))).toEqual(['pull']);
    expect(kinds(peer.does({ kind: 'timer', name: 'pull' }))).toContain('train');
    expect(sends(peer.hears(1, model(9)))).toEqual([]);
    expect(sends(peer.trained())).toEqual(['pull', 'exchange']);
  });

  test('ends a peer whose neighbours are done', () => {
    const peer = new Peer().start(3);
    for (const neighbour of [1, 4]) peer.up(neighbour, 20);
    peer.hears(1, { type: 'state', round: 20, params });
    const actions = peer.hears(4, { type: 'state', round: 20, params });
    expect(actions).toContainEqual(expect.objectContaining({ kind: 'finish', reason: 'rounds', round: 20 }));
  });
});

describe('a message that may be lost', () => {
  const sequencesOf = (actions: readonly PeerAction[]) =>
    actions.flatMap((action) => (action.kind === 'send' ? [action.sequence] : []));

  test('is sent again under its name to who asks, four times at most', () => {
    const peer = running();
    const sent = sequencesOf(peer.trained());
    expect(sent).toHaveLength(1);
    for (let time = 0; time < 4; time++) {
      const actions = peer.hears(1, { type: 'again', round: 0 });
      expect(actions).toEqual([expect.objectContaining({ kind: 'send', to: [1], sequence: sent[0] })]);
    }
    const actions = peer.hears(1, { type: 'again', round: 0 });
    expect(sequencesOf(actions)).toEqual([]);
    expect(refusals(actions)).toEqual(['unexpected']);
    // What one neighbour had is no loss to the other.
    expect(sequencesOf(peer.hears(4, { type: 'again', round: 0 }))).toEqual(sent);
  });

  test('costs nothing where there is none yet, or only older ones', () => {
    const peer = running();
    expect(peer.hears(1, { type: 'again', round: 0 })).toEqual([]);
    peer.trained();
    expect(peer.hears(1, { type: 'again', round: 1 })).toEqual([]);
  });

  test('is asked for from who is linked only', () => {
    const peer = running();
    peer.does({ kind: 'linkDown', peer: 4, reason: 'test' });
    peer.trained();
    peer.now += 100;
    const actions = peer.does({ kind: 'timer', name: 'rule.deadline' });
    const asked = actions.find((action) => action.kind === 'send');
    expect(asked).toMatchObject({ to: [1], message: { type: 'again', round: 0 } });
  });
});

describe('a peer that stops', () => {
  test('keeps the params of the round it is in, and stays stopped', () => {
    const peer = new Peer().start();
    peer.up(1, 9);
    const actions = peer.does({ kind: 'stop', reason: 'signal' });
    expect(actions).toContainEqual({ kind: 'persist', round: 0, params, ruleSnapshot: new Uint8Array(0) });
    expect(actions).toContainEqual(expect.objectContaining({ kind: 'finish', reason: 'stopped' }));
    expect(refusals(peer.hears(1, { type: 'state', round: 9, params }))).toEqual(['unexpected']);
    expect(kinds(peer.does({ kind: 'timer', name: 'gather' }))).toEqual([]);
    expect(kinds(peer.trained())).toEqual([]);
    expect(peer.state.phase).toBe('finished');
  });

  test('still answers, and tells who is far behind where it is', () => {
    const peer = new Peer().start(19);
    peer.up(1, 19);
    peer.up(4, 19);
    peer.hears(1, model(19));
    peer.hears(4, model(19));
    peer.trained();
    expect(peer.state.phase).toBe('finished');
    expect(sends(peer.hears(1, { type: 'pull', round: 4 }))).toContain('state');
    expect(sends(peer.hears(4, model(12)))).toEqual(['rejoin']);
    expect(sends(peer.hears(4, model(19)))).toEqual([]);
  });
});

describe('a send that fails while the link is up', () => {
  const sent = (actions: readonly PeerAction[]) =>
    actions.flatMap((action) =>
      action.kind === 'send' ? [{ to: action.to, sequence: action.sequence }] : [],
    );

  test('is tried once more under its own sequence, and not a third time', () => {
    const peer = running();
    const [first] = sent(peer.trained());
    const sequence = first?.sequence ?? -1;
    const failed: PeerEvent = { kind: 'sendFailed', to: 1, sequence, reason: 'stalled' };
    expect(sent(peer.does(failed))).toEqual([{ to: [1], sequence }]);
    expect(sent(peer.does(failed))).toEqual([]);
  });

  test('is left to the next link where the link is down', () => {
    const peer = running();
    const [first] = sent(peer.trained());
    const sequence = first?.sequence ?? -1;
    peer.does({ kind: 'linkDown', peer: 1, reason: 'cut' });
    expect(sent(peer.does({ kind: 'sendFailed', to: 1, sequence, reason: 'link-down' }))).toEqual([]);
    expect(sent(peer.up(1))).toEqual([{ to: [1], sequence }]);
  });
});

describe('a goodbye', () => {
  test('is said to all when a peer is stopped, after its checkpoint', () => {
    const peer = running();
    const actions = peer.does({ kind: 'stop', reason: 'test' });
    expect(kinds(actions)).toEqual(['persist', 'finish', 'send']);
    expect(sends(actions)).toEqual(['leave']);
  });

  test('leaves its sender out at once, of this round too, until it is back', () => {
    const peer = running();
    peer.trained();
    peer.hears(1, model(0));
    const actions = peer.hears(4, { type: 'leave', round: 0 });
    expect(notices(actions)).toEqual(['left']);
    const record = actions.find((action) => action.kind === 'record');
    expect(record?.note.excluded).toEqual([{ peer: 4, reason: 'left' }]);
    peer.up(4, 1, 2);
    peer.trained();
    expect(peer.hears(1, model(1)).find(({ kind }) => kind === 'record')).toBeUndefined();
  });
});
