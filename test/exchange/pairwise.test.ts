/** Pairwise averaging: the pair exchange step by step, and what it keeps. */
import { describe, expect, test } from 'vitest';
import { present } from '../../src/base/assert.ts';
import { Random } from '../../src/base/random.ts';
import { findExchangeRule } from '../../src/exchange/index.ts';
import type { RuleAction, RuleContext, RuleEvent, RuleMessage } from '../../src/exchange/rule.ts';
import { ruleConformance } from './rule.conformance.ts';

const pairwise = present(findExchangeRule('pairwise'), 'pairwise');
ruleConformance(
  'pairwise',
  pairwise,
  { attemptsMax: 2, replyTimeoutMs: 100 },
  {
    unasked: { kind: 'reply', round: 0, vectors: [new Float32Array(4)], numbers: [1] },
  },
);

class One {
  readonly #state: unknown;
  readonly #self: number;
  constructor(self: number, other: number) {
    const parsed = pairwise.parse({});
    if (!parsed.ok) throw new Error('defaults');
    this.#self = self;
    const context: RuleContext = {
      self,
      outNeighbours: [other],
      inNeighbours: [other],
      aheadMax: new Map([[other, 1]]),
      mixingRow: new Map(),
      options: parsed.options,
      deadline: { factor: 1.5, floorMs: 10, ceilingMs: 100, downGraceMs: 10 },
      linkLossMeansSilence: true,
      seed: 1,
      peerCount: 8,
      rounds: 100,
      trains: true,
    };
    this.#state = pairwise.init(context, 0);
    this.step({ kind: 'neighbour', peer: other, status: 'up', round: 0, incarnation: 1 });
  }

  step(event: RuleEvent): readonly RuleAction[] {
    return pairwise.step(this.#state, event, { now: 0, random: Random.of(1, this.#self) });
  }

  hears(from: number, message: RuleMessage): readonly RuleAction[] {
    return this.step({ kind: 'received', incarnation: 1, from, message });
  }
}

function sent(actions: readonly RuleAction[]): RuleMessage {
  const send = actions.find((action) => action.kind === 'send');
  return present(send, 'a message sent').message;
}

function started(self: number, other: number, value: number): One {
  const one = new One(self, other);
  one.step({ kind: 'begin', round: 0, params: Float64Array.of(value) });
  return one;
}

describe('pair exchange', () => {
  test('both ends hold the same average', () => {
    const a = started(0, 1, 2);
    const b = started(1, 0, 6);
    const proposal = sent(a.step({ kind: 'trained', params: Float64Array.of(4) }));
    expect(proposal).toMatchObject({ kind: 'propose', vectors: [Float64Array.of(4)] });
    const reply = sent(b.hears(0, proposal));
    expect(reply).toMatchObject({ kind: 'reply', vectors: [Float64Array.of(6)] });
    const done = a.hears(1, reply).find((action) => action.kind === 'complete');
    expect(done?.params).toEqual(Float64Array.of(5));
    // b was training from 6 and got to 7: the change is applied to what its params have become.
    expect(sent(b.step({ kind: 'trained', params: Float64Array.of(7) })).vectors).toEqual([
      Float64Array.of(6),
    ]);
  });

  test('a repeated proposal gets the same answer and is averaged once', () => {
    const a = started(0, 1, 2);
    const b = started(1, 0, 6);
    const proposal = sent(a.step({ kind: 'trained', params: Float64Array.of(4) }));
    const first = sent(b.hears(0, proposal));
    expect(sent(b.hears(0, proposal))).toBe(first);
    expect(sent(b.step({ kind: 'trained', params: Float64Array.of(6) })).vectors).toEqual([
      Float64Array.of(5),
    ]);
  });

  test('a peer that waits for an answer says busy, and who hears it backs off', () => {
    const a = started(0, 1, 2);
    const b = started(1, 0, 6);
    const fromA = sent(a.step({ kind: 'trained', params: Float64Array.of(4) }));
    b.step({ kind: 'trained', params: Float64Array.of(6) });
    const busy = sent(b.hears(0, fromA));
    expect(busy.kind).toBe('busy');
    expect(a.hears(1, busy).map(({ kind }) => kind)).toEqual(['clearTimer', 'setTimer']);
  });

  test('an answer that never comes is reported as half an exchange', () => {
    const a = started(0, 1, 2);
    a.step({ kind: 'trained', params: Float64Array.of(4) });
    expect(a.step({ kind: 'timer', name: 'reply' })).toContainEqual({ kind: 'halfExchange', peer: 1 });
  });

  test('catching up in the middle of an exchange leaves it, and says so; its answer is stale', () => {
    const a = started(0, 1, 2);
    const b = started(1, 0, 6);
    const reply = sent(b.hears(0, sent(a.step({ kind: 'trained', params: Float64Array.of(4) }))));
    const begun = a.step({ kind: 'begin', round: 5, params: Float64Array.of(9) });
    expect(begun).toContainEqual({ kind: 'halfExchange', peer: 1 });
    expect(a.hears(1, reply)).toEqual([{ kind: 'refuse', from: 1, reason: 'stale' }]);
  });

  test('a peer that is done asks no more and still says busy', () => {
    const a = started(0, 1, 2);
    a.step({ kind: 'trained', params: Float64Array.of(4) });
    a.step({ kind: 'timer', name: 'reply' });
    a.step({ kind: 'end' });
    expect(a.step({ kind: 'timer', name: 'backOff' })).toEqual([]);
    const asked = a.hears(1, { kind: 'propose', round: 0, vectors: [Float64Array.of(1)], numbers: [3] });
    expect(sent(asked).kind).toBe('busy');
  });
});
