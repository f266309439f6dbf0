/** What every exchange rule keeps to, whatever its events and their order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type {
  ExchangeRule,
  RuleAction,
  RuleContext,
  RuleEvent,
  RuleMessage,
} from '../../src/exchange/rule.ts';
import { allFinite } from '../../src/params/kernels.ts';
import { type Vector, vectorDigest } from '../../src/params/layout.ts';
import { assertShape } from '../../src/wire/message.ts';

const SELF = 2;
const NEIGHBOURS = [0, 1, 3];

/** A stimulus: what is done, by or to whom, how far from the current round, and how much later. */
interface Stimulus {
  readonly kind:
    | 'trained'
    | 'received'
    | 'up'
    | 'down'
    | 'returning'
    | 'sendFailed'
    | 'timer'
    | 'wait'
    | 'jump'
    | 'end';
  readonly peer: number;
  readonly ahead: number;
  readonly waitMs: number;
  readonly pick: number;
}

const stimuli: fc.Arbitrary<Stimulus[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Stimulus['kind'][]>(
      'trained',
      'trained',
      'trained',
      'received',
      'received',
      'received',
      'received',
      'up',
      'up',
      'down',
      'returning',
      'sendFailed',
      'timer',
      'timer',
      'wait',
      'jump',
    ),
    peer: fc.constantFrom(...NEIGHBOURS),
    ahead: fc.integer({ min: -3, max: 4 }),
    waitMs: fc.constantFrom(0, 1, 10, 200, 5000),
    pick: fc.nat(),
  }),
  { maxLength: 80 },
);

/** What a hostile neighbour sends: whatever the wire lets pass, to the limits of the precision. */
interface Hostile {
  readonly pick: number;
  readonly round: number;
  readonly value: number;
  readonly numbers: readonly number[];
  readonly payload: Uint8Array;
  readonly incarnation: number;
  readonly kind: 'received' | 'trained' | 'timer';
}

const ODD = [0, 1, 2, 3, -1, 0.5, 799, 801, 2 ** 31, Number.MAX_SAFE_INTEGER, 1e300, -1e300, 5e-324];
/** Numbers that some rule believes. */
const PLAUSIBLE = [[], [0.5], [0, -1], [1, 0], [0, 5, 0], [0, 800, 1], [1, 0, 0, 1, 0.5], [1, 0, 0, 9, 4]];
const hostile: fc.Arbitrary<Hostile[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Hostile['kind'][]>('received', 'received', 'received', 'trained', 'timer'),
    pick: fc.nat(),
    round: fc.constantFrom(0, 1, 2, 50, 99),
    value: fc.constantFrom(0, 1, -1, 1e-40, 1e30, 3e38, -3e38, 1e39, 1e300, -1.7e308),
    numbers: fc.oneof(fc.array(fc.constantFrom(...ODD), { maxLength: 7 }), fc.constantFrom(...PLAUSIBLE)),
    payload: fc.uint8Array({ maxLength: 64 }),
    incarnation: fc.constantFrom(1, 2, Number.MAX_SAFE_INTEGER),
  }),
  { maxLength: 40 },
);

/** Questions of a synchronous rule to one neighbour in a round. */
const ASKS_MAX = 4;

/** Plays the peer's part of the contract around one rule. */
class Harness {
  readonly actions: RuleAction[] = [];
  readonly digests = new Map<Vector, string>();
  readonly timers = new Set<string>();
  round = -1;
  training = false;
  ended = false;
  completes = 0;
  begins = 0;
  now = 0;
  /** How often each neighbour was asked again in this round. */
  readonly #asks = new Map<number, number>();
  #events = 0;
  readonly #rule: ExchangeRule;
  #state: unknown;

  constructor(rule: ExchangeRule, context: RuleContext) {
    this.#rule = rule;
    this.#state = rule.init(context, 0, { incarnation: 1 });
  }

  get snapshot(): Uint8Array | undefined {
    return this.#rule.snapshot?.(this.#state);
  }

  /** A new life from the snapshot, as of the round that is under way. */
  restart(context: RuleContext, snapshot: Uint8Array): void {
    this.#state = this.#rule.init(context, this.round, { incarnation: 2, snapshot });
    this.timers.clear();
    this.training = false;
  }

  step(event: RuleEvent): readonly RuleAction[] {
    if (event.kind === 'begin') this.begins += 1;
    if (event.kind === 'begin') this.#asks.clear();
    if (event.kind === 'begin') this.#own(event.params); // trained ones are the rule's
    if (event.kind === 'received') for (const vector of event.message.vectors) this.#own(vector);
    const actions = this.#rule.step(this.#state, event, {
      now: this.now,
      random: Random.of(5, this.#events++),
    });
    const waiting = this.#rule.waitingFor(this.#state);
    expect(waiting).toEqual([...waiting].sort((a, b) => a - b));
    for (const action of actions) this.#perform(action);
    return actions;
  }

  begin(round: number, params: Vector = vectorOf(round)): void {
    this.round = round;
    this.training = false;
    this.step({ kind: 'begin', round, params });
  }

  #perform(action: RuleAction): void {
    this.actions.push(action);
    if (action.kind === 'refuse') expect(action.detail ?? '').not.toMatch(/undefined|NaN/);
    switch (action.kind) {
      case 'train':
        this.training = true;
        return this.#own(action.params);
      case 'send':
        assertShape(action.message, this.#rule.messages[action.message.kind], vectorOf(0));
        for (const vector of action.message.vectors) this.#own(vector);
        for (const to of action.to) expect(NEIGHBOURS).toContain(to);
        return;
      case 'setTimer':
        expect(action.delayMs).toBeGreaterThanOrEqual(0);
        this.timers.add(action.name);
        return;
      case 'clearTimer':
        this.timers.delete(action.name);
        return;
      case 'ask':
        expect(this.#rule.synchronous).toBe(true);
        expect(action.round).toBe(this.round);
        for (const peer of action.of) {
          expect(NEIGHBOURS).toContain(peer);
          const times = (this.#asks.get(peer) ?? 0) + 1;
          expect(times).toBeLessThanOrEqual(ASKS_MAX);
          this.#asks.set(peer, times);
        }
        return;
      case 'complete':
        if (this.ended) return; // the peer is done and heeds it no more
        expect(action.round).toBe(this.round);
        this.completes += 1;
        this.#own(action.params);
        return this.begin(this.round + 1, action.params);
      default:
        return;
    }
  }

  #own(vector: Vector): void {
    expect(allFinite(vector)).toBe(true);
    if (!this.digests.has(vector)) this.digests.set(vector, vectorDigest(vector));
  }

  /** Nothing given or published was changed. */
  checkOwnership(): void {
    for (const [vector, digest] of this.digests) expect(vectorDigest(vector)).toBe(digest);
  }
}

function vectorOf(seed: number): Float32Array {
  return Float32Array.from({ length: 4 }, (_, index) => Math.sin(seed * 13 + index));
}

function contextOf(options: Readonly<Record<string, unknown>>): RuleContext {
  return {
    self: SELF,
    seed: 1,
    outNeighbours: NEIGHBOURS,
    inNeighbours: NEIGHBOURS,
    aheadMax: new Map(NEIGHBOURS.map((peer) => [peer, 1])),
    mixingRow: new Map([SELF, ...NEIGHBOURS].map((peer) => [peer, 0.25])),
    options,
    deadline: { factor: 1.5, floorMs: 10, ceilingMs: 100, downGraceMs: 10 },
    linkLossMeansSilence: true,
    peerCount: 8,
    rounds: 100,
    trains: true,
  };
}

function apply(rule: ExchangeRule, harness: Harness, stimulus: Stimulus): void {
  const { kind, peer, ahead, waitMs, pick } = stimulus;
  harness.now += waitMs;
  const round = Math.max(0, harness.round + ahead);
  switch (kind) {
    case 'trained':
      if (!harness.training) return;
      harness.training = false;
      harness.step({ kind: 'trained', params: vectorOf(pick % 50) });
      return;
    case 'received': {
      const message = messageOf(rule, round, peer, pick);
      harness.step({ kind: 'received', incarnation: 1 + (pick % 2), from: peer, message });
      return;
    }
    case 'up':
    case 'down':
    case 'returning':
      harness.step({ kind: 'neighbour', peer, status: kind, round, incarnation: 1 });
      return;
    case 'sendFailed':
      harness.step({ kind: 'sendFailed', to: peer });
      return;
    case 'timer': {
      const name = [...harness.timers][pick % Math.max(1, harness.timers.size)];
      if (name === undefined) return;
      harness.timers.delete(name);
      harness.step({ kind: 'timer', name });
      return;
    }
    case 'jump':
      if (harness.round >= 0 && pick % 4 === 0) harness.begin(harness.round + 3);
      return;
    default:
      return;
  }
}

/** Any of the rule's messages as the wire lets it pass: shapes and finiteness are right, nothing else need be. */
function messageOf(rule: ExchangeRule, round: number, peer: number, pick: number): RuleMessage {
  const kinds = Object.keys(rule.messages);
  const kind = kinds[pick % kinds.length]!;
  const { vectors: shapes, payload } = rule.messages[kind]!;
  const vectors = shapes.map((shape, index) => {
    const vector = vectorOf(peer + 7 * index + round);
    return shape === 'f64' ? Float64Array.from(vector) : vector;
  });
  const numbers = Array.from({ length: pick % 6 }, (_, index) => NUMBERS[(pick >> index) % NUMBERS.length]!);
  if (payload === undefined) return { kind, round, vectors, numbers };
  const { bytesMin, bytesMax } = payload(4, 'f32');
  const bytes = Math.min(bytesMax, bytesMin + (pick % 9));
  return { kind, round, vectors, numbers, payload: new Uint8Array(bytes).fill(pick % 256) };
}

function hostileMessage(rule: ExchangeRule, { pick, round, value, numbers, payload }: Hostile): RuleMessage {
  const kinds = Object.keys(rule.messages);
  const kind = kinds[pick % kinds.length]!;
  const { vectors: shapes, payload: bounds } = rule.messages[kind]!;
  const ofF32 = Math.max(-3.4e38, Math.min(3.4e38, value));
  const vectors = shapes.map((shape) =>
    shape === 'f64' ? new Float64Array(4).fill(value) : new Float32Array(4).fill(ofF32),
  );
  if (bounds === undefined) return { kind, round, vectors, numbers };
  const { bytesMin, bytesMax } = bounds(4, 'f32');
  const bytes = new Uint8Array(Math.min(bytesMax, Math.max(bytesMin, payload.length)));
  bytes.set(payload.subarray(0, bytes.length));
  return { kind, round, vectors, numbers, payload: bytes };
}

const NUMBERS = [0, 1, 2, 3, 7, -1, 0.5, 2 ** 53, 1e300, -1e300];

export interface RuleSuite {
  /** A message that is in order except that nobody asked for it; by rules that know answers. */
  readonly unasked?: RuleMessage;
}

/** Runs the suite; `given` are options as an experiment file would hold them. */
export function ruleConformance(
  title: string,
  rule: ExchangeRule,
  given: Readonly<Record<string, unknown>>,
  { unasked }: RuleSuite = {},
): void {
  const parsed = rule.parse(given);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  const { options } = parsed;

  const play = (events: readonly Stimulus[]) => {
    const harness = new Harness(rule, contextOf(options));
    for (const peer of NEIGHBOURS)
      harness.step({ kind: 'neighbour', peer, status: 'up', round: 0, incarnation: 1 });
    harness.begin(0);
    for (const event of events) apply(rule, harness, event);
    return harness;
  };

  describe(`exchange rule ${title}`, () => {
    test('any order of events: never throws, stays finite, changes no vector, completes each round once', () => {
      fc.assert(
        fc.property(stimuli, (events) => {
          const harness = play(events);
          harness.checkOwnership();
          expect(harness.begins).toBeGreaterThan(harness.completes);
        }),
      );
    });

    test('whatever a neighbour sends that is not true: never throws, stays finite, and goes on', () => {
      fc.assert(
        fc.property(hostile, (events) => {
          const harness = play([]);
          for (const event of events) {
            const { kind, incarnation } = event;
            if (kind === 'received')
              harness.step({ kind, from: 1, incarnation, message: hostileMessage(rule, event) });
            else apply(rule, harness, { kind, peer: 1, ahead: 0, waitMs: 200, pick: event.pick });
          }
          const { completes } = harness;
          for (let turn = 0; turn < 30 && harness.completes === completes; turn++) {
            apply(rule, harness, { kind: 'trained', peer: 0, ahead: 0, waitMs: 1, pick: turn });
            apply(rule, harness, { kind: 'timer', peer: 0, ahead: 0, waitMs: 5000, pick: turn });
          }
          expect(harness.completes).toBeGreaterThan(completes);
          harness.checkOwnership();
        }),
        { numRuns: 60 },
      );
    });

    test('equal events give equal actions', () => {
      fc.assert(
        fc.property(stimuli, (events) => {
          expect(play(events).actions).toEqual(play(events).actions);
        }),
        { numRuns: 30 },
      );
    });

    test('messages and neighbours may come before the first round', () => {
      const harness = new Harness(rule, contextOf(options));
      const early: Stimulus = { kind: 'received', peer: 1, ahead: 1, waitMs: 0, pick: 1 };
      for (let pick = 1; pick < 5; pick++) apply(rule, harness, { ...early, pick });
      apply(rule, harness, { ...early, kind: 'down' });
      expect(harness.actions.filter(({ kind }) => kind === 'complete' || kind === 'train')).toEqual([]);
    });

    test.each(NEIGHBOURS)('goes on when neighbour %i falls silent, and when all do', (silent) => {
      for (const alone of [false, true]) {
        const harness = play([]);
        for (let turn = 0; turn < 400 && harness.completes < 5; turn++) {
          const speaking = alone ? [] : NEIGHBOURS.filter((peer) => peer !== silent);
          apply(rule, harness, { kind: 'trained', peer: 0, ahead: 0, waitMs: 1, pick: turn });
          if (rule.synchronous) {
            for (const peer of speaking)
              apply(rule, harness, { kind: 'received', peer, ahead: 0, waitMs: 1, pick: 1 });
          }
          apply(rule, harness, { kind: 'timer', peer: 0, ahead: 0, waitMs: 5000, pick: turn });
        }
        expect(harness.completes).toBeGreaterThanOrEqual(5);
      }
    });

    test('asks a neighbour whose message of this round may be lost before it leaves it out', () => {
      if (!rule.synchronous) return;
      const harness = play([]);
      apply(rule, harness, { kind: 'trained', peer: 0, ahead: 0, waitMs: 1, pick: 0 });
      const done = harness.completes;
      const [lost, ...others] = NEIGHBOURS;
      for (const peer of others)
        apply(rule, harness, { kind: 'received', peer, ahead: 0, waitMs: 1, pick: 1 });
      for (let turn = 0; turn < 400 && harness.completes === done; turn++) {
        apply(rule, harness, { kind: 'timer', peer: 0, ahead: 0, waitMs: 20, pick: turn });
        apply(rule, harness, { kind: 'trained', peer: 0, ahead: 0, waitMs: 1, pick: 0 });
      }
      expect(harness.completes).toBeGreaterThan(done);
      const asks = harness.actions.flatMap((action) => (action.kind === 'ask' ? action.of : []));
      expect(asks).toContain(lost);
    });

    test('refuses a message twice, and answers from rounds long gone', () => {
      const harness = play([]);
      const refused = (peer: number, ahead: number, pick: number) => {
        const before = harness.actions.length;
        apply(rule, harness, { kind: 'received', peer, ahead, waitMs: 0, pick });
        return harness.actions.slice(before).some(({ kind }) => kind === 'refuse');
      };
      if (!rule.synchronous) {
        if (unasked === undefined) return;
        const actions = harness.step({ kind: 'received', incarnation: 1, from: 1, message: unasked });
        expect(actions).toEqual([expect.objectContaining({ kind: 'refuse' })]);
        return;
      }
      harness.begin(7);
      expect(refused(1, 0, 1)).toBe(false);
      expect(refused(1, 0, 1)).toBe(true);
      expect(refused(0, -3, 1)).toBe(true);
      expect(refused(3, 4, 1)).toBe(true);
      expect(harness.actions.some(({ kind }) => kind === 'behind')).toBe(true);
    });

    test('after the end starts nothing any more', () => {
      fc.assert(
        fc.property(stimuli, stimuli, (before, after) => {
          const harness = play(before);
          harness.training = false;
          harness.ended = true;
          harness.step({ kind: 'end' });
          const count = harness.actions.length;
          for (const event of after) {
            if (event.kind !== 'trained' && event.kind !== 'jump' && event.kind !== 'timer')
              apply(rule, harness, event);
          }
          const trainings = harness.actions.slice(count).filter(({ kind }) => kind === 'train');
          // A synchronous rule may finish the mixing of the round that it was stopped in; the peer trains no more.
          expect(rule.synchronous ? trainings.slice(1) : trainings).toEqual([]);
        }),
        { numRuns: 20 },
      );
    });

    test('a snapshot, taken at any moment, starts a life that goes on', () => {
      fc.assert(
        fc.property(stimuli, stimuli, (before, after) => {
          const harness = play(before);
          const { snapshot } = harness;
          if (snapshot === undefined) return;
          harness.restart(contextOf(options), snapshot);
          for (const peer of NEIGHBOURS)
            harness.step({ kind: 'neighbour', peer, status: 'up', round: harness.round, incarnation: 1 });
          harness.begin(harness.round);
          for (const event of after) apply(rule, harness, event);
          harness.checkOwnership();
        }),
        { numRuns: 30 },
      );
    });

    test('says in words what it is not for', () => {
      expect(rule.notFor.length).toBeGreaterThan(20);
      expect(rule.summary.length).toBeGreaterThan(20);
    });

    test('parse names every unknown option and keeps the given ones', () => {
      const result = rule.parse({ ...given, colour: 'red', taste: 1 });
      expect(result.ok).toBe(false);
      if (result.ok) return;
      expect(result.problems.join()).toMatch(/colour/);
      expect(result.problems.join()).toMatch(/taste/);
      expect(options).toMatchObject(given);
    });
  });
}
