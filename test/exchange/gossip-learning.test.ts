/** Gossip learning: merging by age, parts, flow control, and what is refused. */
import { describe, expect, test } from 'vitest';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleMessage } from '../../src/exchange/rule.ts';
import { proactive, reactive, type TokenAccount } from '../../src/exchange/tokens.ts';
import { bytesOf, type Vector } from '../../src/params/layout.ts';
import cases from '../fixtures/gossip-learning.json' with { type: 'json' };
import { ruleConformance } from './rule.conformance.ts';
import { DrivenRule, refusals, sends } from './rule-driver.ts';

const rule = findExchangeRule('gossip-learning')!;
const unasked = (numbers: number[]): { unasked: RuleMessage } => ({
  unasked: { kind: 'model', round: 0, vectors: [new Float32Array(4)], numbers },
});
ruleConformance('gossip-learning', rule, {}, unasked([0, 1, 2]));
ruleConformance('gossip-learning push-pull', rule, { mode: 'push-pull', periodMs: 20 }, unasked([0, 1, 2]));
ruleConformance('gossip-learning in parts', rule, { parts: 3, sends: 2 });
ruleConformance('gossip-learning with tokens', rule, {
  tokens: { kind: 'randomised', capacity: 4, reactivity: 2 },
});

const one = (options: Record<string, unknown> = {}, self = 0) =>
  new DrivenRule({ rule: 'gossip-learning', options, self, outNeighbours: [self === 0 ? 1 : 0] });

const model = (values: readonly number[], age: number, intent = 0): RuleMessage => ({
  kind: 'model',
  round: 3,
  vectors: [Float64Array.from(values)],
  numbers: [0, age, intent],
});

const part = (values: readonly number[], index: number, age: number): RuleMessage => ({
  kind: 'part',
  round: 3,
  vectors: [],
  numbers: [index, age, 0],
  payload: bytesOf(Float64Array.from(values)),
});

/** A peer whose model is `values`, of this age, in the middle of a cycle: as if it had taken another's params in round `age`. */
function holding(values: readonly number[], age: number, options: Record<string, unknown> = {}): DrivenRule {
  const peer = new DrivenRule({
    rule: 'gossip-learning',
    options,
    self: 0,
    outNeighbours: [1],
    trains: false,
  });
  peer.begin(age, Float64Array.from(values));
  return peer;
}

function endOfCycle(peer: DrivenRule): { params: Vector; message: RuleMessage } {
  const actions = peer.timer('cycle');
  return { params: peer.completed!, message: sends(actions)[0]!.message };
}

// biome-ignore lint/suspicious/noExplicitAny: each case has its own shape
const caseOf = (id: string) => cases.cases.find((known) => known.id === id)! as any;

describe('gossip-learning-age-merge', () => {
  const { inputs, expected, tolerance } = caseOf('gossip-learning-age-merge');

  test('whole models are merged by age, and the age is the greater one', () => {
    const peer = holding(inputs.a.w, inputs.a.t);
    peer.hears(1, model(inputs.b.w, inputs.b.t));
    const { params, message } = endOfCycle(peer);
    for (const [index, value] of [...params].entries())
      expect(Math.abs(value - expected.w[index])).toBeLessThanOrEqual(tolerance.abs);
    expect(message.numbers).toEqual([0, expected.t, 0]);
  });

  test('of a model in parts only the part that arrived is merged, by its own age', () => {
    const { wa, ta, wb, tb, only_partition_received: which } = inputs.part;
    // Part 0 gets its age from the message that brings it.
    const peer = holding([0, 0, ...wa.slice(2)], ta[1], { parts: 2, sends: 2 });
    peer.hears(1, part(wa.slice(0, 2), 0, ta[0]));
    peer.hears(1, part(wb.slice(2, 4), which, tb[1]));
    const actions = peer.timer('cycle');
    expect([...peer.completed!]).toEqual(expected.part_w);
    const ages = new Map(sends(actions).map(({ message }) => message.numbers as [number, number]));
    expect([ages.get(0), ages.get(1)]).toEqual(expected.part_t);
  });

  test('two models without training are averaged', () => {
    const peer = holding([2], 0);
    peer.hears(1, model([4], 0));
    expect([...endOfCycle(peer).params]).toEqual([3]);
  });
});

describe('a cycle', () => {
  test('trains, adds what training changed to what merges made of the model meanwhile, and sends it', () => {
    const peer = one({ periodMs: 10 });
    expect(peer.begin(0, Float64Array.of(1, 1))).toEqual([{ kind: 'train', params: Float64Array.of(1, 1) }]);
    peer.hears(1, model([5, 3], 2));
    expect(peer.trained(2, 2)).toEqual([{ kind: 'setTimer', name: 'cycle', delayMs: 10 }]);
    const { params, message } = endOfCycle(peer);
    expect([...params]).toEqual([6, 4]);
    expect(message).toMatchObject({ kind: 'model', numbers: [0, 3, 0] });
    expect(message.vectors[0]).toEqual(params);
  });

  test('ends at once when training took longer than the period', () => {
    const peer = one({ periodMs: 50 });
    peer.begin(0, Float64Array.of(1));
    peer.now = 51;
    expect(peer.trained(2).map(({ kind }) => kind)).toEqual(['send', 'complete']);
  });

  test('goes on without sending while nobody is up', () => {
    const peer = one();
    peer.down(1);
    peer.begin(0, Float64Array.of(1));
    peer.now = 51;
    expect(peer.trained(2).map(({ kind }) => kind)).toEqual(['complete']);
  });

  test('what came before the first round is merged in it', () => {
    const peer = one();
    expect(peer.hears(1, model([4], 1))).toEqual([]);
    expect(peer.begin(0, Float64Array.of(2))).toEqual([{ kind: 'train', params: Float64Array.of(4) }]);
  });
});

describe('push-pull', () => {
  test('who is asked answers with its model from before the merge; both end with the same', () => {
    const options = { mode: 'push-pull' };
    const [a, b] = [one(options, 0), one(options, 1)];
    a.begin(0, Float64Array.of(1));
    b.begin(0, Float64Array.of(5));
    const [ask] = sends(a.trained(2));
    const [answer] = sends(b.hears(0, ask!.message));
    expect(answer).toMatchObject({ to: [0], message: { numbers: [0, 0, 2] } });
    a.next();
    expect(a.hears(1, answer!.message)).toEqual([]);
    expect(refusals(a.hears(1, answer!.message))).toEqual(['unexpected']);
  });

  test('is not for directed graphs', () => {
    const graph = { peerCount: 3, undirected: false, outDegrees: [1, 1, 1], inDegrees: [1, 1, 1] };
    expect(rule.fits?.({ mode: 'push-pull' }, graph).join()).toMatch(/undirected/);
    expect(rule.fits?.({ mode: 'push' }, graph)).toEqual([]);
  });
});

describe('token-account-tables', () => {
  const { inputs, expected, tolerance } = caseOf('token-account-tables');
  const account = (kind: TokenAccount['kind']): TokenAccount => ({
    kind,
    capacity: inputs.C,
    reactivity: inputs.A,
  });

  test.each(expected.table as number[][])('balance %i', (a, ...wanted) => {
    const got = [
      proactive(account('simple'), a),
      reactive(account('simple'), a, true),
      reactive(account('generalised'), a, true),
      reactive(account('generalised'), a, false),
      proactive(account('randomised'), a),
      reactive(account('randomised'), a, true),
    ];
    for (const [index, value] of got.entries())
      expect(Math.abs(value - wanted[index]!)).toBeLessThanOrEqual(tolerance.abs);
    expect(proactive(account('generalised'), a)).toBe(wanted[0]);
    expect(reactive(account('randomised'), a, false)).toBe(0);
  });

  test('a simple account saves up to its capacity before it sends, and answers a message while it has tokens', () => {
    const peer = new DrivenRule({
      rule: 'gossip-learning',
      options: { tokens: { kind: 'simple', capacity: 2, reactivity: 1 } },
      self: 0,
      outNeighbours: [1],
      trains: false,
    });
    peer.begin(0, Float64Array.of(1));
    const sent = () => sends(peer.timer('cycle')).length;
    expect(sent()).toBe(0);
    peer.next();
    expect(sent()).toBe(0);
    peer.next();
    expect(sends(peer.hears(1, model([2], 0)))).toHaveLength(1);
    expect(sent()).toBe(0);
    peer.next();
    expect(sent()).toBe(1);
  });
});

test('a model sent on while its sender trains is not changed by what the training brings', () => {
  const peer = one({ tokens: { kind: 'simple', capacity: 4, reactivity: 1 } });
  peer.begin(0, Float64Array.of(1, 1));
  peer.trained(2, 2); // saves a token
  peer.timer('cycle');
  peer.next();
  const [sent] = sends(peer.hears(1, model([5, 3], 2)));
  const then = [...sent!.message.vectors[0]!];
  peer.trained(9, 9);
  expect([...sent!.message.vectors[0]!]).toEqual(then);
});

describe('what cannot be true is refused, with what was got', () => {
  const refused = (message: RuleMessage, options = {}) => {
    const peer = one(options);
    peer.begin(0, Float64Array.of(1, 2));
    return peer.hears(1, message);
  };
  test.each([
    ['an age that all peers together cannot reach', model([1, 2], 801), 'impossible'],
    ['a negative age', model([1, 2], -1), 'impossible'],
    ['half an age', model([1, 2], 0.5), 'impossible'],
    ['a part that does not exist', { ...model([1, 2], 1), numbers: [1, 1, 0] }, 'malformed'],
    ['no numbers', { ...model([1, 2], 1), numbers: [] }, 'malformed'],
    ['an unknown intent', model([1, 2], 1, 3), 'malformed'],
  ])('%s', (_, message, reason) => {
    expect(refused(message)).toEqual([
      { kind: 'refuse', from: 1, reason, detail: expect.stringMatching(/age|part/) },
    ]);
  });
  test.each([
    ['a fragment of another length', part([1, 2], 0, 1)],
    ['a fragment with NaN', part([Number.NaN], 1, 1)],
  ])('%s', (_, message) => {
    expect(refusals(refused(message, { parts: 2 }))).toEqual(['malformed']);
  });
});

describe('options', () => {
  test.each([
    [{ mode: 'shout' }, /mode is "shout"; it must be one of push, push-pull/],
    [{ parts: 0 }, /parts is 0; it must be an integer from 1/],
    [{ periodMs: -5 }, /periodMs is -5/],
    [{ tokens: { kind: 'simple', capacity: 1, reactivity: 2 } }, /reactivity ≤ capacity/],
    [{ tokens: { kind: 'golden', capacity: 2, reactivity: 2 } }, /simple or generalised/],
    [{ mode: 'push-pull', tokens: { kind: 'simple', capacity: 2, reactivity: 2 } }, /use mode push/],
    [{ sends: 2, tokens: { kind: 'simple', capacity: 2, reactivity: 2 } }, /leave it out/],
  ])('%j', (given, problem) => {
    const parsed = rule.parse(given);
    expect(parsed.ok ? '' : parsed.problems.join()).toMatch(problem);
  });
});

test('a restart goes on with the ages it had', () => {
  const peer = holding([1, 2], 4);
  peer.timer('cycle');
  const snapshot = peer.rule.snapshot!(peer.state);
  const again = new DrivenRule({
    rule: 'gossip-learning',
    self: 0,
    outNeighbours: [1],
    trains: false,
    life: { incarnation: 2, snapshot },
  });
  again.begin(5, Float64Array.of(1, 2));
  expect(endOfCycle(again).message.numbers).toEqual([0, 4, 0]);
});
