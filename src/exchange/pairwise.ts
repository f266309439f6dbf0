/**
 * AD-PSGD (Lian, Zhang, Zhang, Liu 2018, Algorithm 1) as a pair exchange: a peer trains from a snapshot of its params while it averages
 * with one random neighbour, and applies the training's change to what its params have become:
 *   xᵢ, xⱼ ← (xᵢ + xⱼ)/2;   x ← x + (train(s) − s)
 * The exchange: propose(id, xᵢ); a free responder answers with its old xⱼ, averages at once and keeps the answer until it is acknowledged,
 * so that a proposal sent again gets the same answer; one that waits for an answer itself says `busy`, and who hears that backs off for
 * a random time: nobody waits for somebody who waits, so there is no deadlock on any graph. An initiator that waits leaves its
 * params alone, so that both ends come to the same average, and queues what training changes meanwhile. Once it had to ask again, up
 * to `roundsAhead` rounds end and train on from what is queued before the exchange is over: lost messages cost mixing, not training.
 * Our deviations: at most one exchange a round, not as many as fit in; a proposal without an answer is sent again `retries` times, then given up.
 * If the answer never comes, or its taking is never heard of, the exchange may be half: both ends say so, the responder with the drift,
 * ‖xᵢ − xⱼ‖/2, by which it moved alone. Atomicity across crashes is not claimed.
 */
import { present } from '../base/assert.ts';
import { plusDelta, weightedSum, weightedSumInto } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import { answerWaitMs } from './answer-waits.ts';
import { addLag } from './lags.ts';
import { parseOptions, wholeNumber } from './options.ts';
import { createPace, mayEnd, type Pace, PERIOD_MS, startCycle } from './pace.ts';
import {
  acknowledge,
  answerAgain,
  neighbourLives,
  type PairAnswers,
  type Proposal,
  remember,
  settle,
  settleAsHalf,
} from './pair-answers.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleEvent, RuleMessage, RuleScope } from './rule.ts';

interface PairwiseOptions {
  /** Neighbours tried for an exchange before the peer goes on alone. */
  readonly attemptsMax: number;
  /** Rounds that may end before their exchange, once that has to be repeated; the next one goes on with it. */
  readonly roundsAhead: number;
  /** How long to wait for the first answer; half as long again after each repetition. Absent: by how long answers took so far. */
  readonly replyTimeoutMs?: number;
  /** How often it is sent again. */
  readonly retries: number;
  /** Back-off after `busy` is uniform in [0, backOffMs). */
  readonly backOffMs: number;
  readonly periodMs?: number;
}

/** The exchange of this peer's own; an `asking` one keeps the params as they are. */
type Exchange =
  | {
      readonly kind: 'asking';
      readonly peer: number;
      readonly id: number;
      readonly proposal: RuleMessage;
      readonly askedMs: number;
      readonly sentAgain: number;
    }
  | { readonly kind: 'backing-off' }
  | { readonly kind: 'over' };

interface PairwiseState {
  readonly context: RuleContext;
  readonly options: PairwiseOptions;
  readonly pace: Pace;
  round: number;
  /** The params as neighbours average with them. */
  params: Vector;
  /** The params with what trainings changed since an exchange keeps them; undefined where that is nothing. */
  queued: Vector | undefined;
  /** Where the local updates started; undefined when none run. */
  snapshot: Vector | undefined;
  exchange: Exchange;
  attempts: number;
  /** Whether anything of this exchange had to be sent again. */
  repeated: boolean;
  /** Rounds that have ended since the exchange began. */
  roundsAhead: number;
  nextId: number;
  ended: boolean;
  readonly up: Set<number>;
  /** How long the last answers took. */
  readonly waitsMs: number[];
  readonly answers: PairAnswers;
  /** By neighbour: the last own proposal whose answer was taken. */
  readonly taken: Map<number, number>;
}

const OVER: Exchange = { kind: 'over' };
const NONE_TAKEN = -1;
const WAIT_GROWTH = 1.5;

export const pairwise: ExchangeRule<PairwiseState> = {
  name: 'pairwise',
  summary: 'AD-PSGD: train at own pace, average with one random neighbour a round, as a pair exchange',
  graphs: 'undirected',
  notFor:
    'directed graphs (an exchange wants an answer); links on which many messages are lost: few exchanges come about',
  tolerates: ['loss', 'duplication', 'reordering', 'crash', 'straggler'],
  synchronous: false,
  broadcast: false,
  queue: 'every',
  /** Numbers: propose [id, id of the last own proposal to this peer whose answer was taken, or −1]; the others [id]. */
  messages: {
    propose: { vectors: ['params'] },
    reply: { vectors: ['params'] },
    ack: { vectors: [] },
    busy: { vectors: [] },
  },

  parse: (given) =>
    parseOptions(
      'pairwise',
      {
        attemptsMax: wholeNumber(1, 1000, 3),
        roundsAhead: wholeNumber(0, 1_000_000, 4),
        replyTimeoutMs: wholeNumber(1, 3_600_000),
        retries: wholeNumber(0, 16, 3),
        backOffMs: wholeNumber(1, 3_600_000, 50),
        periodMs: PERIOD_MS,
      },
      given,
    ),

  init(context) {
    const options = context.options as unknown as PairwiseOptions;
    return {
      context,
      options,
      pace: createPace(context, options.periodMs),
      round: -1,
      params: new Float32Array(0),
      queued: undefined,
      snapshot: undefined,
      exchange: OVER,
      attempts: 0,
      repeated: false,
      roundsAhead: 0,
      nextId: 0,
      ended: false,
      up: new Set(),
      waitsMs: [],
      answers: new Map(),
      taken: new Map(),
    };
  },

  waitingFor: ({ exchange }) => (exchange.kind === 'asking' ? [exchange.peer] : []),

  step(state, event, scope) {
    const actions = handle(state, event, scope);
    const idle = state.snapshot === undefined && mayLeaveOpen(state);
    return idle && state.round >= 0 && !state.ended ? [...actions, ...endOfRound(state, scope)] : actions;
  },
};

function handle(state: PairwiseState, event: RuleEvent, scope: RuleScope): RuleAction[] {
  switch (event.kind) {
    case 'begin':
      return begin(state, event.round, event.params, scope);
    case 'trained':
      return trained(state, event.params);
    case 'received':
      return received(state, event, scope);
    case 'neighbour':
      return neighbour(state, event, scope);
    case 'sendFailed':
      return state.exchange.kind === 'asking' && state.exchange.peer === event.to
        ? backOff(state, scope)
        : [];
    case 'timer':
      return timer(state, event.name, scope);
    case 'end':
      return end(state);
  }
}

function begin(state: PairwiseState, round: number, params: Vector, scope: RuleScope): RuleAction[] {
  const goesOn = state.exchange.kind !== 'over' && params === ownParams(state);
  const left = goesOn ? [] : leaveExchange(state);
  state.round = round;
  if (!goesOn) {
    state.params = params;
    state.queued = undefined;
    state.attempts = 0;
    state.repeated = false;
    state.roundsAhead = 0;
  }
  startCycle(state.pace, scope.now);
  const { trains } = state.context;
  state.snapshot = trains ? params : undefined;
  const training: RuleAction[] = trains ? [{ kind: 'train', params }] : [];
  return [...left, ...training, ...(goesOn ? [] : propose(state, scope))];
}

/** Whether the exchange lets the round end: not the last one, nor that of a peer that does not train and would gain nothing. */
function mayLeaveOpen({ exchange, context, round, repeated, roundsAhead, options }: PairwiseState): boolean {
  if (exchange.kind === 'over') return true;
  return context.trains && repeated && roundsAhead < options.roundsAhead && round + 1 < context.rounds;
}

/** Ends the exchange under way; one that waits for an answer may be half done. */
function leaveExchange(state: PairwiseState): RuleAction[] {
  const { exchange } = state;
  state.exchange = OVER;
  if (exchange.kind === 'backing-off') return [{ kind: 'clearTimer', name: 'backOff' }];
  if (exchange.kind === 'over') return [];
  release(state, state.params);
  return [
    { kind: 'halfExchange', peer: exchange.peer },
    { kind: 'clearTimer', name: 'reply' },
  ];
}

function trained(state: PairwiseState, after: Vector): RuleAction[] {
  const before = present(state.snapshot, 'snapshot of the local updates');
  const own = ownParams(state);
  const next = before === own ? after : plusDelta(own, after, before);
  state.snapshot = undefined;
  if (state.exchange.kind === 'asking') state.queued = next;
  else state.params = next;
  return [];
}

/** What the peer itself goes on from. */
function ownParams({ params, queued }: PairwiseState): Vector {
  return queued ?? params;
}

/** The params need not stay any more: they become `next`, plus what was queued. */
function release(state: PairwiseState, next: Vector): void {
  const { queued, params } = state;
  state.queued = undefined;
  if (queued === undefined) state.params = next;
  else state.params = next === params ? queued : plusDelta(next, queued, params, next);
}

function endOfRound(state: PairwiseState, { now }: RuleScope): RuleAction[] {
  const wait = mayEnd(state.pace, now);
  if (wait !== undefined) return [wait];
  if (state.exchange.kind !== 'over') state.roundsAhead += 1;
  return [{ kind: 'complete', round: state.round, params: ownParams(state), excluded: [] }];
}

/** Asks a random neighbour that is up; without one, or after `attemptsMax`, the round goes on without an exchange. */
function propose(state: PairwiseState, { random, now }: RuleScope): RuleAction[] {
  const candidates = state.context.outNeighbours.filter((peer) => state.up.has(peer));
  if (candidates.length === 0 || state.attempts >= state.options.attemptsMax) {
    state.exchange = OVER;
    return [];
  }
  const peer = present(candidates[random.integer(candidates.length)], 'a candidate');
  const id = state.nextId++;
  const numbers = [id, state.taken.get(peer) ?? NONE_TAKEN];
  const proposal = messageOf(state, 'propose', [state.params], numbers);
  state.attempts += 1;
  state.exchange = { kind: 'asking', peer, id, proposal, askedMs: now, sentAgain: 0 };
  return [{ kind: 'send', to: [peer], message: proposal }, replyTimer(state, 0)];
}

/** A proposal sent again too early does no harm but for its bytes. */
function replyTimer({ options, waitsMs }: PairwiseState, sentAgain: number): RuleAction {
  const delayMs = (options.replyTimeoutMs ?? answerWaitMs(waitsMs)) * WAIT_GROWTH ** sentAgain;
  return { kind: 'setTimer', name: 'reply', delayMs };
}

function received(
  state: PairwiseState,
  { from, incarnation, message, exclusive }: RuleEvent & { kind: 'received' },
  scope: RuleScope,
): RuleAction[] {
  const [id, taken = NONE_TAKEN] = message.numbers;
  if (id === undefined || ![id, taken].every(Number.isSafeInteger))
    return [{ kind: 'refuse', from, reason: 'malformed', detail: `numbers ${message.numbers.join(', ')}` }];
  switch (message.kind) {
    case 'propose':
      return proposed(state, { from, incarnation, id, taken }, message, exclusive);
    case 'ack':
      return acknowledge(state.answers, from, incarnation, id)
        ? []
        : [{ kind: 'refuse', from, reason: 'unexpected' }];
    default:
      return answered(state, from, id, message, scope, exclusive);
  }
}

/** A free peer averages at once and answers with what it had. */
function proposed(
  state: PairwiseState,
  proposal: Proposal,
  message: RuleMessage,
  exclusive: true | undefined,
): RuleAction[] {
  const { from, id } = proposal;
  const again = answerAgain(state.answers, proposal);
  if (again !== undefined) return again;
  const settled = settle(state.answers, proposal);
  const free = !state.ended && state.exchange.kind !== 'asking' && state.round >= 0;
  const answer = messageOf(state, free ? 'reply' : 'busy', free ? [state.params] : [], [id]);
  if (free) state.params = average(state, from, message, exclusive);
  remember(state.answers, proposal, answer, free ? state.params : undefined);
  return [...settled, sendTo(from, answer)];
}

function answered(
  state: PairwiseState,
  from: number,
  id: number,
  message: RuleMessage,
  scope: RuleScope,
  exclusive: true | undefined,
): RuleAction[] {
  const { exchange } = state;
  if (exchange.kind !== 'asking' || exchange.peer !== from || exchange.id !== id) {
    const twice = id <= (state.taken.get(from) ?? NONE_TAKEN);
    return [{ kind: 'refuse', from, reason: twice ? 'duplicate' : 'stale' }];
  }
  if (message.kind === 'busy') return backOff(state, scope);
  addLag(state.waitsMs, scope.now - exchange.askedMs);
  release(state, average(state, from, message, exclusive));
  state.exchange = OVER;
  state.taken.set(from, id);
  return [{ kind: 'clearTimer', name: 'reply' }, sendTo(from, messageOf(state, 'ack', [], [id]))];
}

function neighbour(
  state: PairwiseState,
  { peer, status, incarnation }: RuleEvent & { kind: 'neighbour' },
  scope: RuleScope,
): RuleAction[] {
  if (status === 'down') {
    state.up.delete(peer);
    return state.exchange.kind === 'asking' && state.exchange.peer === peer ? giveUp(state, scope) : [];
  }
  state.up.add(peer);
  return neighbourLives(state.answers, peer, incarnation);
}

function timer(state: PairwiseState, name: string, scope: RuleScope): RuleAction[] {
  const { exchange, options } = state;
  if (name === 'backOff' && exchange.kind === 'backing-off') return propose(state, scope);
  if (name !== 'reply' || exchange.kind !== 'asking') return [];
  if (exchange.sentAgain >= options.retries) return giveUp(state, scope);
  const sentAgain = exchange.sentAgain + 1;
  state.exchange = { ...exchange, sentAgain };
  state.repeated = true;
  return [sendTo(exchange.peer, exchange.proposal), replyTimer(state, sentAgain)];
}

/** No answer: the other side may have averaged alone. */
function giveUp(state: PairwiseState, scope: RuleScope): RuleAction[] {
  return [...leaveExchange(state), ...backOff(state, scope)];
}

function backOff(state: PairwiseState, { random }: RuleScope): RuleAction[] {
  const asked = state.exchange.kind === 'asking';
  state.exchange = { kind: 'backing-off' };
  release(state, state.params);
  const delayMs = random.uniform() * state.options.backOffMs;
  const timed: RuleAction = { kind: 'setTimer', name: 'backOff', delayMs };
  return asked ? [{ kind: 'clearTimer', name: 'reply' }, timed] : [timed];
}

/** Asks no more; answers that were kept for peers that are gone will not be asked for again. */
function end(state: PairwiseState): RuleAction[] {
  const left = leaveExchange(state);
  state.ended = true;
  const gone = [...state.answers.keys()].filter((peer) => !state.up.has(peer));
  return [
    ...left,
    ...gone.flatMap((peer) => settleAsHalf(state.answers, peer)),
    { kind: 'clearTimer', name: 'cycle' },
  ];
}

/**
 * (own + theirs)/2 with the terms in ascending peer index, so that both ends round alike; written over theirs where nobody else holds it
 * (spare.ts says what for).
 */
function average(
  state: PairwiseState,
  peer: number,
  { vectors }: RuleMessage,
  exclusive: true | undefined,
): Vector {
  const theirs = present(vectors[0], 'params');
  const own = { weight: 0.5, vector: state.params };
  const other = { weight: 0.5, vector: theirs };
  const terms = state.context.self < peer ? [own, other] : [other, own];
  return exclusive === true ? weightedSumInto(theirs, terms) : weightedSum(terms);
}

function messageOf(state: PairwiseState, kind: string, vectors: Vector[], numbers: number[]): RuleMessage {
  // A question may come before this peer's first round.
  return { kind, round: Math.max(0, state.round), vectors, numbers };
}

function sendTo(to: number, message: RuleMessage): RuleAction {
  return { kind: 'send', to: [to], message };
}
