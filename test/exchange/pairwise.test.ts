/** AD-PSGD's pair exchange: step by step, under loss and death, and what it keeps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleAction, RuleMessage } from '../../src/exchange/rule.ts';
import cases from '../fixtures/ad-psgd.json' with { type: 'json' };
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, type Sent, sends } from './rule-driver.ts';

const pairwise = findExchangeRule('pairwise')!;
const unasked: RuleMessage = { kind: 'reply', round: 0, vectors: [new Float32Array(4)], numbers: [1] };
ruleConformance('pairwise', pairwise, {}, { unasked });
ruleConformance('pairwise with other options', pairwise, {
  attemptsMax: 1,
  replyTimeoutMs: 10,
  retries: 0,
  periodMs: 5,
});

const peer = (self: number, others: readonly number[], options: Record<string, unknown> = {}) =>
  new DrivenRule({ rule: 'pairwise', options, self, outNeighbours: others });

/** A peer in its first round, which nobody was there to exchange with yet. */
function quiet(self: number, other: number, value: number): DrivenRule {
  const one = peer(self, [other]);
  one.down(other);
  one.begin(0, Float64Array.of(value));
  one.up(other);
  return one;
}

/** A peer in its first round, with its proposal. */
function asking(self: number, other: number, value: number): [DrivenRule, RuleMessage] {
  const one = peer(self, [other]);
  const [proposal] = sends(one.begin(0, Float64Array.of(value)));
  return [one, proposal!.message];
}

const messageIn = (actions: readonly RuleAction[]) => sends(actions)[0]!.message;
const halves = (actions: readonly RuleAction[]) => actions.filter(({ kind }) => kind === 'halfExchange');

describe('the exchange', () => {
  test('both ends hold the same average, and the one who asked acknowledges', () => {
    const [a, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 6);
    expect(proposal).toMatchObject({ kind: 'propose', vectors: [Float64Array.of(4)], numbers: [0, -1] });
    const reply = messageIn(b.hears(0, proposal));
    expect(reply).toMatchObject({ kind: 'reply', vectors: [Float64Array.of(6)] });
    expect(messageIn(a.hears(1, reply))).toMatchObject({ kind: 'ack', numbers: [0] });
    a.trained(4);
    expect(a.completed).toEqual(Float64Array.of(5));
    b.trained(6);
    expect(b.completed).toEqual(Float64Array.of(5));
  });

  test('what training changed meanwhile is added to the average', () => {
    const [a, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 6);
    const reply = messageIn(b.hears(0, proposal));
    b.trained(7);
    expect(b.completed).toEqual(Float64Array.of(6));
    // a waits for the answer: its change is queued, and the round is not over.
    expect(a.trained(4.5)).toEqual([]);
    a.hears(1, reply);
    expect(a.completed).toEqual(Float64Array.of(5.5));
  });

  test('a proposal sent again gets the same answer, until that was acknowledged', () => {
    const [a, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 6);
    const first = messageIn(b.hears(0, proposal));
    const again = sends(a.timer('reply', 5000));
    expect(again).toEqual([{ to: [1], message: proposal }]);
    expect(messageIn(b.hears(0, proposal))).toBe(first);
    b.hears(0, messageIn(a.hears(1, first)));
    expect(refusals(b.hears(0, proposal))).toEqual(['duplicate']);
    b.trained(6);
    expect(b.completed).toEqual(Float64Array.of(5));
    expect(refusals(a.hears(1, first))).toEqual(['duplicate']);
  });

  test('who waits for an answer says busy, and who hears it backs off; then another try may find it free', () => {
    const [a, fromA] = asking(0, 1, 4);
    const [b, fromB] = asking(1, 0, 6);
    const busy = messageIn(b.hears(0, fromA));
    expect(busy).toMatchObject({ kind: 'busy', numbers: [0] });
    expect(messageIn(a.hears(1, fromB)).kind).toBe('busy');
    expect(a.hears(1, busy).map(({ kind }) => kind)).toEqual(['clearTimer', 'setTimer']);
    const reply = messageIn(a.hears(1, { ...fromB, numbers: [1, -1] }));
    expect(reply.kind).toBe('reply');
    expect(b.rule.waitingFor(b.state)).toEqual([0]);
  });
});

describe('how long an answer is waited for', () => {
  const timerMs = (actions: readonly RuleAction[]) =>
    actions.flatMap((action) =>
      action.kind === 'setTimer' && action.name === 'reply' ? [action.delayMs] : [],
    )[0];

  test('answers that had to be asked for again do not lengthen the wait, where every third comes at once', () => {
    const one = peer(0, [1]);
    let waitMs = timerMs(one.begin(0, Float64Array.of(4)));
    expect(waitMs).toBe(1000);
    for (let round = 0; round < 60; round++) {
      if (round % 3 !== 0) one.timer('reply', waitMs);
      one.now += 10;
      one.hears(1, { kind: 'reply', round, vectors: [Float64Array.of(4)], numbers: [round] });
      one.trained(4);
      waitMs = timerMs(one.next());
    }
    expect(waitMs).toBe(40);
  });

  test('a link on which every answer takes long is given that time', () => {
    const one = peer(0, [1]);
    let waitMs = timerMs(one.begin(0, Float64Array.of(4)));
    for (let round = 0; round < 20; round++) {
      one.now += 700;
      one.hears(1, { kind: 'reply', round, vectors: [Float64Array.of(4)], numbers: [round] });
      one.trained(4);
      waitMs = timerMs(one.next());
    }
    expect(waitMs).toBe(2800);
  });
});

describe('training while an answer is asked for again', () => {
  const trains = (actions: readonly RuleAction[]) =>
    actions.flatMap((action) => (action.kind === 'train' ? [action.params[0]] : []));

  test('rounds go on from what is queued, and the answer is averaged with what was proposed', () => {
    const [a, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 6);
    const reply = messageIn(b.hears(0, proposal));
    a.trained(4.5);
    expect(a.completed).toBeUndefined();
    a.timer('reply', 5000);
    expect(a.completed).toEqual(Float64Array.of(4.5));
    const next = a.next();
    expect([trains(next), sends(next)]).toEqual([[4.5], []]);
    a.trained(5.25);
    expect(a.completed).toEqual(Float64Array.of(5.25));
    expect(trains(a.next())).toEqual([5.25]);
    a.hears(1, reply);
    a.trained(6);
    // (4 + 6)/2, and 0.5 + 0.75 + 0.75 by training.
    expect(a.completed).toEqual(Float64Array.of(7));
    expect(sends(a.next())[0]!.message).toMatchObject({ kind: 'propose', vectors: [Float64Array.of(7)] });
  });

  test('not more than `roundsAhead` of them, nor the last', () => {
    for (const given of [{ options: { roundsAhead: 2 } }, { rounds: 3 }]) {
      const one = new DrivenRule({ rule: 'pairwise', self: 0, outNeighbours: [1], ...given });
      one.begin(0, Float64Array.of(1));
      one.timer('reply', 5000);
      for (let round = 0; round < 2; round++) {
        one.trained(1);
        one.next();
      }
      one.completed = undefined;
      one.trained(1);
      expect(one.completed).toBeUndefined();
      expect(one.rule.waitingFor(one.state)).toEqual([1]);
      one.down(1);
      one.timer('backOff');
      expect(one.completed).toEqual(Float64Array.of(1));
    }
  });

  test('whoever is put on other params meanwhile leaves the exchange', () => {
    const [a] = asking(0, 1, 4);
    a.timer('reply', 5000);
    a.trained(4.5);
    expect(halves(a.begin(1, Float64Array.of(9)))).toHaveLength(1);
    a.down(1);
    a.trained(9.5);
    a.timer('backOff');
    expect(a.completed).toEqual(Float64Array.of(9.5));
  });
});

describe('half an exchange', () => {
  test('an answer that never comes is asked for again, then given up and reported', () => {
    const [a] = asking(0, 1, 2);
    for (let again = 0; again < 3; again++) expect(sends(a.timer('reply', 9000))).toHaveLength(1);
    expect(halves(a.timer('reply', 9000))).toEqual([{ kind: 'halfExchange', peer: 1 }]);
    a.trained(3);
    for (let attempt = 1; attempt < 3; attempt++) {
      a.timer('backOff');
      for (let again = 0; again < 4; again++) a.timer('reply', 9000);
    }
    a.timer('backOff');
    expect(a.completed).toEqual(Float64Array.of(3));
  });

  test('who answered and hears of a new life, or of another proposal instead of the acknowledgement, says how far it moved alone', () => {
    for (const next of ['life', 'proposal']) {
      const [, proposal] = asking(0, 1, 4);
      const b = quiet(1, 0, 7);
      b.hears(0, proposal);
      const actions =
        next === 'life'
          ? b.up(0, 2)
          : b.hears(0, { ...proposal, numbers: [1, -1], vectors: [Float64Array.of(4)] });
      expect(halves(actions)).toEqual([{ kind: 'halfExchange', peer: 0, drift: 1.5 }]);
    }
  });

  test('a lost acknowledgement is made good by the next proposal', () => {
    const [, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 7);
    b.hears(0, proposal);
    expect(halves(b.hears(0, { ...proposal, numbers: [1, 0] }))).toEqual([]);
  });

  test('a neighbour that is gone for good is reported at the end', () => {
    const [, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 7);
    b.hears(0, proposal);
    b.down(0);
    expect(halves(b.step({ kind: 'end' }))).toEqual([{ kind: 'halfExchange', peer: 0, drift: 1.5 }]);
  });

  test('catching up in the middle of an exchange leaves it, and says so; its answer is stale', () => {
    const [a, proposal] = asking(0, 1, 4);
    const b = quiet(1, 0, 6);
    const reply = messageIn(b.hears(0, proposal));
    expect(halves(a.begin(5, Float64Array.of(9)))).toHaveLength(1);
    expect(refusals(a.hears(1, reply))).toEqual(['stale']);
  });

  test('a link that breaks while an answer is awaited ends the waiting', () => {
    const [a] = asking(0, 1, 4);
    expect(halves(a.down(1))).toHaveLength(1);
    expect(a.rule.waitingFor(a.state)).toEqual([]);
  });
});

test('a peer that is done asks no more and still says busy', () => {
  const [a] = asking(0, 1, 2);
  a.step({ kind: 'end' });
  expect(a.timer('backOff')).toEqual([]);
  const asked = a.hears(1, { kind: 'propose', round: 0, vectors: [Float64Array.of(1)], numbers: [3, -1] });
  expect(messageIn(asked).kind).toBe('busy');
});

test('ad-psgd-scripted: the case’s order of reads, averages and applications, through the rule', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the case has its own shape
  const { inputs, expected, tolerance } = cases.cases[0]! as any;
  const peers = [0, 1, 2].map((self) =>
    peer(
      self,
      [0, 1, 2].filter((other) => other !== self),
    ),
  );
  const [p0, p1, p2] = peers as [DrivenRule, DrivenRule, DrivenRule];
  const snapshots: number[] = [];
  const read = (self: number, actions: readonly RuleAction[]) => {
    for (const action of actions) if (action.kind === 'train') snapshots[self] = action.params[0]!;
    return sends(actions);
  };
  const apply = (self: number) => {
    const from = snapshots[self]!;
    peers[self]!.trained(from - inputs.eta * (from - inputs.b[self]));
  };
  const exchange = (initiator: DrivenRule, [proposal]: Sent[]) => {
    const responder = peers[proposal!.to[0]!]!;
    const reply = messageIn(responder.hears(initiator.context.self, proposal!.message));
    expect(reply.kind).toBe('reply');
    initiator.hears(responder.context.self, reply);
  };

  p0.down(2);
  p1.down(2);
  const from0 = read(0, p0.begin(0, Float64Array.of(inputs.x0[0])));
  const from1 = read(1, p1.begin(0, Float64Array.of(inputs.x0[1])));
  // Each hears the other while it waits: both back off, and 1 is the first to ask again.
  const busyTo0 = messageIn(p1.hears(0, from0[0]!.message));
  const busyTo1 = messageIn(p0.hears(1, from1[0]!.message));
  p0.hears(1, busyTo0);
  p1.hears(0, busyTo1);
  exchange(p1, sends(p1.timer('backOff')));
  apply(0);
  p2.down(0);
  exchange(p2, read(2, p2.begin(0, Float64Array.of(inputs.x0[2]))));
  apply(1);
  p0.down(1);
  p0.up(2);
  exchange(p0, sends(p0.timer('backOff')));
  expect(p0.completed).toBeDefined();
  apply(2);
  p0.down(2);
  read(0, p0.next());
  apply(0);
  const got = peers.map(({ completed }) => completed![0]!);
  for (const [index, value] of got.entries())
    expect(Math.abs(value - expected.x[index])).toBeLessThanOrEqual(tolerance.abs);
});

describe('on any graph, in any order', () => {
  test('exchanges end in averages that keep the mean, messages lost and repeated or not; nobody waits for ever', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.boolean(), (seed, lossy) => {
        const random = Random.of(seed, 'pairs');
        const count = 2 + random.integer(5);
        const values = Array.from({ length: count }, () => random.normal());
        const everybody = values.map((_, self) => self);
        const peers = everybody.map(
          (self) =>
            new DrivenRule({
              rule: 'pairwise',
              self,
              outNeighbours: everybody.filter((other) => other !== self),
              trains: false,
              options: { retries: 16 },
            }),
        );
        const under: { from: number; to: number; message: RuleMessage }[] = [];
        const act = (from: number, actions: readonly RuleAction[]) => {
          for (const { to, message } of sends(actions)) under.push({ from, to: to[0]!, message });
          expect(halves(actions)).toEqual([]);
        };
        for (const [self, value] of values.entries())
          act(self, peers[self]!.begin(0, Float64Array.of(value)));
        let completed = 0;
        for (let turn = 0; turn < 600; turn++) {
          const self = random.integer(count);
          const one = peers[self]!;
          if (under.length > 0 && random.uniform() < 0.8) {
            const { from, to, message } = under.splice(random.integer(under.length), 1)[0]!;
            if (!lossy || random.uniform() < 0.9) act(to, peers[to]!.hears(from, message));
          } else if (one.rule.waitingFor(one.state).length > 0) {
            if (lossy) act(self, one.timer('reply', 0));
          } else act(self, one.timer(random.uniform() < 0.5 ? 'backOff' : 'cycle', 10));
          if (one.completed !== undefined && one.rule.waitingFor(one.state).length === 0) {
            const { completed: params } = one;
            one.completed = undefined;
            completed += 1;
            act(self, one.begin(one.round + 1, params));
          }
        }
        // What is under way is delivered, and what is missing sent again, until every exchange is whole.
        for (let turn = 0; turn < 200; turn++) {
          for (const { from, to, message } of under.splice(0)) act(to, peers[to]!.hears(from, message));
          for (const [self, one] of peers.entries())
            if (one.rule.waitingFor(one.state).length > 0) act(self, one.timer('reply', 0));
        }
        expect(completed).toBeGreaterThan(3);
        const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / count;
        const now = peers.map(({ state }) => (state as { params: Float64Array }).params[0]!);
        expect(mean(now)).toBeCloseTo(mean(values), 12);
      }),
      { numRuns: 20 },
    );
  });
});

describe('options', () => {
  test.each([
    [{ attemptsMax: 0 }, /attemptsMax is 0; it must be an integer from 1/],
    [{ backOffMs: 'soon' }, /backOffMs is "soon"/],
    [{ retries: -1 }, /retries is -1/],
  ])('%j', (given, problem) => {
    const parsed = pairwise.parse(given);
    expect(parsed.ok ? '' : parsed.problems.join()).toMatch(problem);
  });
});
