/**
 * Gossip learning (Ormándi, Hegedűs, Jelasity 2013, Algorithm 1; Hegedűs, Danner, Jelasity 2021): every cycle a peer trains its model and sends it
 * to a random neighbour; what arrives is merged at once, by age (how many rounds of training are in it):
 *   w ← (t_a w_a + t_b w_b)/(t_a + t_b),  t ← max(t_a, t_b);  the plain mean if both are 0.
 * Partitioned (`parts`): the model is cut into P runs of about equal length, each with an age of its own, and a message carries one
 * (with `sends` = P and random receivers close to DivShare, Biswas et al. 2024, which draws a fragment's elements at random, sends each to
 * several peers and averages by count instead of age). `tokens`: messages are paid for (tokens.ts).
 * Our deviations: a peer trains once a cycle, at its own pace, not once per model received; a merge that comes while it trains counts
 * at once, and the training's change is added to what the model has become. In push-pull the one who is asked answers with the same
 * part of its model, from before the merge. A peer that took another's params (catching up) counts them as old as their round.
 */
import { present } from '../base/assert.ts';
import { allFinite, plusDelta, weightedSumInto } from '../params/kernels.ts';
import { bytesOf, type Precision, precisionOf, type Vector } from '../params/layout.ts';
import { type AgeBound, ageMax, createAgeBound, noteCycle, setAgeBound } from './age-bound.ts';
import { oneOf, parseOptions, wholeNumber } from './options.ts';
import { createPace, mayEnd, type Pace, PERIOD_MS, startCycle } from './pace.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleLife, RuleMessage, RuleScope } from './rule.ts';
import { packSnapshot, unpackSnapshot, vectorOf } from './snapshot.ts';
import { ACCOUNT_KINDS, proactive, reactive, type TokenAccount } from './tokens.ts';

const PARTS_MAX = 4096;
/** Answers that never came are owed no longer than this many later ones. */
const OWED_MAX = 16;

/** What the sender wants, as the message's third number: nothing, an answer, or to have answered. */
const INTENTS = ['push', 'ask', 'answer'] as const;
type Intent = (typeof INTENTS)[number];

const BYTES_OF = { f32: 4, f64: 8 } as const;

interface GossipOptions {
  readonly mode: 'push' | 'push-pull';
  readonly periodMs?: number;
  readonly parts: number;
  readonly sends: number;
  readonly tokens?: TokenAccount;
}

interface GossipState {
  readonly context: RuleContext;
  readonly options: GossipOptions;
  readonly pace: Pace;
  round: number;
  /** The model as it is now. */
  params: Vector;
  /** Whether nobody else holds that vector, so that it may be changed in place. */
  owned: boolean;
  /** Age of each part. */
  readonly ages: number[];
  /** Where the local updates started; undefined when none run. */
  training: Vector | undefined;
  /** Tokens saved. */
  balance: number;
  readonly up: Set<number>;
  /** How many answers a neighbour owes. */
  readonly asked: Map<number, number>;
  /** What came before the first round, the last message of each sender. */
  readonly early: Map<number, RuleMessage>;
  /** The round whose params the ages belong to. */
  agesRound: number;
  readonly bound: AgeBound;
  ended: boolean;
}

interface GossipSnapshot {
  readonly round: number;
  readonly ages: number[];
  readonly balance: number;
}

export const gossipLearning: ExchangeRule<GossipState> = {
  name: 'gossip-learning',
  summary:
    'gossip learning: train at own pace, send the model to a random neighbour each cycle, merge what arrives by age',
  graphs: 'strong',
  notFor:
    'rings and chains of many peers (news walks one hop a cycle: best where anybody may be sent to); an exact average',
  tolerates: ['loss', 'duplication', 'reordering', 'crash', 'straggler'],
  synchronous: false,
  broadcast: false,
  queue: 'every',
  /** The whole model, or one part of it as raw little-endian numbers; numbers are [part, age, intent]. */
  messages: {
    model: { vectors: ['params'] },
    part: {
      vectors: [],
      payload: (length, precision) => ({ bytesMin: 0, bytesMax: length * BYTES_OF[precision] }),
      runOf([part], options, length) {
        const { parts } = options as unknown as GossipOptions;
        return isCount(part) && part < parts ? boundsOf(part, parts, length) : undefined;
      },
    },
  },

  parse(given) {
    const parsed = parseOptions('gossip-learning', OPTIONS, given);
    if (!parsed.ok) return parsed;
    const { mode, tokens, sends } = parsed.options as unknown as GossipOptions;
    const problems: string[] = [];
    if (tokens !== undefined && mode === 'push-pull') problems.push('tokens pay for pushes; use mode push');
    if (tokens !== undefined && sends > 1)
      problems.push(`sends is ${sends}; with tokens the account decides: leave it out`);
    return problems.length === 0 ? parsed : { ok: false, problems };
  },

  fitsParams: ({ parts }, length) =>
    (parts as number) > length
      ? `parts is ${parts}, but the model has ${length} params: wanted at most ${length} parts, so that none is empty`
      : undefined,

  fits({ mode }, { undirected }) {
    return mode === 'push-pull' && !undirected
      ? ['mode push-pull wants an undirected graph, because who is asked answers; use mode push']
      : [];
  },

  init(context, firstRound, life) {
    const options = context.options as unknown as GossipOptions;
    const state: GossipState = {
      context,
      options,
      pace: createPace(context, options.periodMs),
      round: -1,
      params: new Float32Array(0),
      owned: false,
      ages: new Array<number>(options.parts).fill(firstRound),
      training: undefined,
      balance: 0,
      up: new Set(),
      asked: new Map(),
      early: new Map(),
      agesRound: firstRound,
      bound: createAgeBound(context.peerCount, context.rounds),
      ended: false,
    };
    restore(state, life);
    return state;
  },

  snapshot({ agesRound, ages, balance }) {
    return packSnapshot({ round: agesRound, ages: [...ages], balance } satisfies GossipSnapshot);
  },

  waitingFor: () => [],

  step(state, event, scope) {
    switch (event.kind) {
      case 'begin':
        return begin(state, event.round, event.params, scope);
      case 'trained':
        return trained(state, event.params, scope);
      case 'received':
        return received(state, event.from, event.message, scope, event.exclusive);
      case 'neighbour':
        if (event.status === 'down') state.up.delete(event.peer);
        else state.up.add(event.peer);
        return [];
      case 'timer':
        return state.round >= 0 && state.training === undefined && !state.ended ? proceed(state, scope) : [];
      case 'end':
        state.ended = true;
        return [{ kind: 'clearTimer', name: 'cycle' }];
      case 'sendFailed':
        return []; // the next cycle sends again
    }
  },
};

const OPTIONS = {
  mode: oneOf(['push', 'push-pull'], 'push'),
  periodMs: PERIOD_MS,
  parts: wholeNumber(1, PARTS_MAX, 1),
  sends: wholeNumber(1, PARTS_MAX, 1),
  tokens: {
    fallback: undefined,
    wanted: `{kind: ${ACCOUNT_KINDS.join(' or ')}, capacity, reactivity} with whole numbers 1 ≤ reactivity ≤ capacity`,
    accepts: isAccount,
  },
};

function isAccount(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, capacity, reactivity, ...unknown } = value as Record<string, unknown>;
  const counts = [capacity, reactivity].every(
    (count) => Number.isSafeInteger(count) && (count as number) > 0,
  );
  const known = ACCOUNT_KINDS.includes(kind as TokenAccount['kind']) && Object.keys(unknown).length === 0;
  return known && counts && (reactivity as number) <= (capacity as number);
}

function restore(state: GossipState, life: RuleLife | undefined): void {
  if (life?.snapshot === undefined || life.snapshot.length === 0) return;
  const { round, ages, balance } = unpackSnapshot<GossipSnapshot>(life.snapshot);
  state.ages.splice(0, ages.length, ...ages);
  state.balance = balance;
  state.agesRound = round;
}

function begin(state: GossipState, round: number, params: Vector, scope: RuleScope): RuleAction[] {
  const taken = params !== state.params && round !== state.agesRound;
  if (taken) raiseAges(state, (age) => Math.max(age, round));
  if (taken || state.round < 0) setAgeBound(state.bound, Math.max(...state.ages), round, scope.now);
  state.params = params;
  state.owned = false;
  state.round = round;
  state.agesRound = round;
  startCycle(state.pace, scope.now);
  const actions: RuleAction[] = [];
  for (const [from, message] of state.early) actions.push(...received(state, from, message, scope));
  state.early.clear();
  if (!state.context.trains) return [...actions, ...proceed(state, scope)];
  state.training = state.params;
  state.owned = false;
  return [...actions, { kind: 'train', params: state.params }];
}

function trained(state: GossipState, params: Vector, scope: RuleScope): RuleAction[] {
  const before = present(state.training, 'where the local updates started');
  state.training = undefined;
  if (state.params === before) {
    state.params = params;
    state.owned = false;
  } else {
    // A model that merges made, and that was sent on or given as an answer since, is others' too.
    state.params = plusDelta(state.params, params, before, state.owned ? state.params : undefined);
    state.owned = true;
  }
  raiseAges(state, (age) => age + 1);
  return proceed(state, scope);
}

function raiseAges({ ages }: GossipState, raise: (age: number) => number): void {
  for (const [part, age] of ages.entries()) ages[part] = raise(age);
}

/** Ends the cycle if its time is up. */
function proceed(state: GossipState, scope: RuleScope): RuleAction[] {
  const wait = mayEnd(state.pace, scope.now);
  if (wait !== undefined) return [wait];
  const actions = proactiveSends(state, scope);
  state.owned = false;
  state.agesRound = state.round + 1;
  noteCycle(state.bound, scope.now - state.pace.beganMs);
  return [...actions, { kind: 'complete', round: state.round, params: state.params, excluded: [] }];
}

function proactiveSends(state: GossipState, scope: RuleScope): RuleAction[] {
  const { tokens, sends, mode } = state.options;
  if (tokens === undefined) return sendParts(state, mode === 'push' ? 'push' : 'ask', sends, scope);
  if (scope.random.uniform() < proactive(tokens, state.balance)) return sendParts(state, 'push', 1, scope);
  state.balance += 1;
  return [];
}

/** `count` messages to random neighbours, with consecutive parts from a random one on. */
function sendParts(state: GossipState, intent: Intent, count: number, { random }: RuleScope): RuleAction[] {
  const candidates = state.context.outNeighbours.filter((peer) => state.up.has(peer));
  if (candidates.length === 0 || count === 0) return [];
  const first = state.options.parts === 1 ? 0 : random.integer(state.options.parts);
  return Array.from({ length: count }, (_, index) => {
    const peer = present(candidates[random.integer(candidates.length)], 'a candidate');
    const part = (first + index) % state.options.parts;
    if (intent === 'ask') state.asked.set(peer, Math.min(OWED_MAX, (state.asked.get(peer) ?? 0) + 1));
    return sendPart(state, peer, intent, part);
  });
}

function sendPart(state: GossipState, peer: number, intent: Intent, part: number): RuleAction {
  const numbers = [part, present(state.ages[part], `age of part ${part}`), INTENTS.indexOf(intent)];
  const { round } = state;
  if (state.options.parts === 1) {
    state.owned = false;
    const message = { kind: 'model', round, vectors: [state.params], numbers };
    return { kind: 'send', to: [peer], message };
  }
  const payload = bytesOf(state.params.slice(...boundsOf(part, state.options.parts, state.params.length)));
  return { kind: 'send', to: [peer], message: { kind: 'part', round, vectors: [], numbers, payload } };
}

/** Part p of P of n elements: from ⌊pn/P⌋ up to, not including, ⌊(p + 1)n/P⌋. */
function boundsOf(part: number, parts: number, length: number): [number, number] {
  return [Math.floor((part * length) / parts), Math.floor(((part + 1) * length) / parts)];
}

function received(
  state: GossipState,
  from: number,
  message: RuleMessage,
  scope: RuleScope,
  exclusive?: true,
): RuleAction[] {
  if (state.round < 0) {
    state.early.set(from, message);
    return [];
  }
  const problem = problemOf(state, message, scope.now);
  if (problem !== undefined) return [{ kind: 'refuse', from, ...problem }];
  const [part, age, intent] = message.numbers as [number, number, number];
  if (INTENTS[intent] === 'answer') {
    const owed = state.asked.get(from) ?? 0;
    if (owed === 0) return [{ kind: 'refuse', from, reason: 'unexpected' }];
    state.asked.set(from, owed - 1);
  }
  const answer = INTENTS[intent] === 'ask' ? [sendPart(state, from, 'answer', part)] : [];
  if (state.ended) return answer;
  const useful = age >= present(state.ages[part], `age of part ${part}`);
  merge(state, part, carried(message, precisionOf(state.params)), age, exclusive);
  return [...answer, ...reactiveSends(state, useful, scope)];
}

function carried({ vectors, payload }: RuleMessage, precision: Precision): Vector {
  return vectors[0] ?? vectorOf(precision, present(payload, 'a part'));
}

type Problem = { readonly reason: 'impossible' | 'malformed'; readonly detail: string };

/** What is wrong with a message; undefined if nothing. */
function problemOf(state: GossipState, message: RuleMessage, nowMs: number): Problem | undefined {
  const { parts } = state.options;
  const { numbers } = message;
  if (numbers.length !== 3)
    return { reason: 'malformed', detail: `${numbers.length} numbers, wanted part, age and intent` };
  const [part, age, intent] = numbers;
  if (!isCount(part) || part >= parts || !isCount(intent) || intent >= INTENTS.length)
    return { reason: 'malformed', detail: `part ${part} of ${parts}, intent ${intent}` };
  const possible = ageMax(state.bound, nowMs);
  if (!isCount(age) || age > possible)
    return { reason: 'impossible', detail: `age ${age}, at most ${possible} possible` };
  const [start, end] = boundsOf(part, parts, state.params.length);
  const precision = precisionOf(state.params);
  const bytes = message.vectors[0]?.byteLength ?? message.payload?.length;
  const wanted = (end - start) * BYTES_OF[precision];
  if (bytes !== wanted)
    return { reason: 'malformed', detail: `part ${part} of ${bytes} bytes, wanted ${wanted}` };
  if (message.kind === 'part' && !allFinite(carried(message, precision)))
    return { reason: 'malformed', detail: `part ${part} holds NaN or an infinity` };
  return undefined;
}

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * w ← (t_a w_a + t_b w_b)/(t_a + t_b) in f64, rounded once: the mean if both are 0. Written over the own model where nobody else holds it, else
 * over a whole model that came and that nobody else holds (spare.ts says what for), else over a copy of the own.
 */
function merge(state: GossipState, part: number, theirs: Vector, theirAge: number, exclusive?: true): void {
  const ownAge = present(state.ages[part], `age of part ${part}`);
  const share = ownAge + theirAge === 0 ? 0.5 : theirAge / (ownAge + theirAge);
  const { params, owned } = state;
  const isWhole = theirs.length === params.length;
  const into = owned ? params : exclusive === true && isWhole ? theirs : params.slice();
  const [start, end] = boundsOf(part, state.options.parts, params.length);
  const terms = [
    { weight: 1 - share, vector: params.subarray(start, end) },
    { weight: share, vector: theirs },
  ];
  weightedSumInto(isWhole ? into : into.subarray(start, end), terms);
  state.params = into;
  state.owned = true;
  state.ages[part] = Math.max(ownAge, theirAge);
}

function reactiveSends(state: GossipState, useful: boolean, scope: RuleScope): RuleAction[] {
  const { tokens } = state.options;
  if (tokens === undefined) return [];
  const mean = reactive(tokens, state.balance, useful);
  const whole = Math.floor(mean);
  const count = mean > whole && scope.random.uniform() < mean - whole ? whole + 1 : whole;
  state.balance -= Math.min(count, state.balance);
  return sendParts(state, 'push', count, scope);
}
