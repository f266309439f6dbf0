/**
 * Asynchronous pairwise averaging, the exchange of AD-PSGD (Lian et al. 2018, Algorithm 1): a peer trains from a snapshot of its
 * params, applies the change to what they have become, then averages with one random neighbour:
 *   x ← x + (train(s) − s),   then   xᵢ, xⱼ ← (xᵢ + xⱼ)/2.
 * The pair exchange: propose(id, xᵢ); a free responder answers with its old xⱼ and averages at once, a busy one says so; the
 * initiator averages on the answer. Our deviations: an initiator that waits answers `busy` to others (so there are no
 * chains of waiting and no deadlock on any graph) and backs off for a random time before it tries another neighbour; a
 * repeated proposal gets the same answer again; if the answer never comes, the half exchange is reported, not hidden.
 */

import { present } from '../base/assert.ts';
import { plusDelta, weightedSum } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleEvent, RuleMessage, RuleScope } from './rule.ts';

interface PairwiseOptions {
  /** Proposals tried in a round before the peer goes on alone. */
  readonly attemptsMax: number;
  readonly replyTimeoutMs: number;
  /** Back-off after `busy` is uniform in [0, backOffMs). */
  readonly backOffMs: number;
}

interface Proposal {
  readonly id: number;
  readonly peer: number;
}

interface PairwiseState {
  readonly context: RuleContext;
  readonly options: PairwiseOptions;
  round: number;
  /** The params as they are now. */
  params: Vector;
  /** Where the local updates started; undefined when none run. */
  snapshot: Vector | undefined;
  proposal: Proposal | undefined;
  attempts: number;
  nextId: number;
  ended: boolean;
  readonly up: Set<number>;
  /** The last answer given to each neighbour, for repeated proposals. */
  readonly answers: Map<number, RuleMessage>;
}

export const pairwise: ExchangeRule<PairwiseState> = {
  name: 'pairwise',
  summary: 'asynchronous pairwise averaging: train at own pace, average with one random neighbour a round',
  graphs: 'undirected',
  notFor:
    'directed graphs: an exchange needs an answer; links that lose many messages: each costs a timeout and leaves half an exchange',
  tolerates: ['duplication', 'reordering', 'straggler'],
  synchronous: false,
  broadcast: false,
  queue: 'every',
  messages: { propose: { vectors: ['params'] }, reply: { vectors: ['params'] }, busy: { vectors: [] } },

  parse(given) {
    const defaults: PairwiseOptions = { attemptsMax: 3, replyTimeoutMs: 5000, backOffMs: 50 };
    const problems: string[] = [];
    for (const [key, value] of Object.entries(given)) {
      if (!(key in defaults))
        problems.push(`unknown option ${key}; pairwise takes ${Object.keys(defaults).join(', ')}`);
      else if (!Number.isInteger(value) || (value as number) < 1) {
        problems.push(`${key} is ${JSON.stringify(value)}; it must be a positive integer`);
      }
    }
    return problems.length === 0 ? { ok: true, options: { ...defaults, ...given } } : { ok: false, problems };
  },

  init(context) {
    return {
      context,
      options: context.options as unknown as PairwiseOptions,
      round: -1,
      params: new Float32Array(0),
      snapshot: undefined,
      proposal: undefined,
      attempts: 0,
      nextId: 0,
      ended: false,
      up: new Set(),
      answers: new Map(),
    };
  },

  waitingFor: ({ proposal }) => (proposal === undefined ? [] : [proposal.peer]),

  step(state, event, scope) {
    switch (event.kind) {
      case 'begin':
        return begin(state, event.round, event.params);
      case 'trained': {
        const snapshot = present(state.snapshot, 'snapshot of the local updates');
        state.params = plusDelta(state.params, event.params, snapshot);
        state.snapshot = undefined;
        return propose(state, scope);
      }
      case 'received':
        return received(state, event.from, event.message, scope);
      case 'neighbour':
        return neighbour(state, event, scope);
      case 'sendFailed':
        return state.proposal?.peer === event.to ? retry(state, scope) : [];
      case 'timer':
        return timer(state, event.name, scope);
      case 'end':
        state.ended = true;
        return [{ kind: 'clearTimer', name: 'backOff' }];
    }
  },
};

function begin(state: PairwiseState, round: number, params: Vector): RuleAction[] {
  state.round = round;
  state.params = params;
  state.snapshot = params;
  state.attempts = 0;
  const abandoned = state.proposal;
  state.proposal = undefined;
  const actions: RuleAction[] = [{ kind: 'clearTimer', name: 'backOff' }];
  if (abandoned !== undefined) {
    actions.push({ kind: 'halfExchange', peer: abandoned.peer }, { kind: 'clearTimer', name: 'reply' });
  }
  return [...actions, { kind: 'train', params }];
}

function propose(state: PairwiseState, { random }: RuleScope): RuleAction[] {
  const candidates = state.context.outNeighbours.filter((peer) => state.up.has(peer));
  if (candidates.length === 0 || state.attempts >= state.options.attemptsMax) return [complete(state)];
  const peer = present(candidates[random.integer(candidates.length)], 'a candidate');
  state.attempts += 1;
  state.proposal = { id: state.nextId++, peer };
  return [
    send(state, peer, 'propose', [state.params], [state.proposal.id]),
    { kind: 'setTimer', name: 'reply', delayMs: state.options.replyTimeoutMs },
  ];
}

function received(state: PairwiseState, from: number, message: RuleMessage, scope: RuleScope): RuleAction[] {
  const id = message.numbers[0];
  if (id === undefined) return [{ kind: 'refuse', from, reason: 'unexpected' }];
  if (message.kind === 'propose')
    return answer(state, from, id, present(message.vectors[0], 'proposed params'));
  if (state.proposal?.peer !== from || state.proposal.id !== id) {
    return [{ kind: 'refuse', from, reason: message.kind === 'reply' ? 'stale' : 'unexpected' }];
  }
  if (message.kind === 'busy') return retry(state, scope);
  state.params = average(state, from, present(message.vectors[0], 'answered params'));
  state.proposal = undefined;
  return [{ kind: 'clearTimer', name: 'reply' }, complete(state)];
}

function answer(state: PairwiseState, from: number, id: number, theirs: Vector): RuleAction[] {
  const given = state.answers.get(from);
  if (given !== undefined && given.numbers[0] === id) return [{ kind: 'send', to: [from], message: given }];
  if (state.ended || state.proposal !== undefined || state.round < 0)
    return [send(state, from, 'busy', [], [id])];
  const reply = messageOf(state, 'reply', [state.params], [id]);
  state.params = average(state, from, theirs);
  state.answers.set(from, reply);
  return [{ kind: 'send', to: [from], message: reply }];
}

function neighbour(
  state: PairwiseState,
  event: RuleEvent & { kind: 'neighbour' },
  scope: RuleScope,
): RuleAction[] {
  if (event.status === 'down') {
    state.up.delete(event.peer);
    return state.proposal?.peer === event.peer ? giveUp(state, scope) : [];
  }
  // A neighbour that restarted counts its proposals from zero again.
  state.answers.delete(event.peer);
  state.up.add(event.peer);
  return [];
}

function timer(state: PairwiseState, name: string, scope: RuleScope): RuleAction[] {
  if (name === 'reply' && state.proposal !== undefined) return giveUp(state, scope);
  const free = state.snapshot === undefined && state.proposal === undefined && !state.ended;
  if (name === 'backOff' && free) return propose(state, scope);
  return [];
}

/** No answer: the other side may have averaged alone. */
function giveUp(state: PairwiseState, scope: RuleScope): RuleAction[] {
  const { peer } = present(state.proposal, 'proposal');
  return [{ kind: 'halfExchange', peer }, ...retry(state, scope)];
}

function retry(state: PairwiseState, { random }: RuleScope): RuleAction[] {
  state.proposal = undefined;
  const delayMs = random.uniform() * state.options.backOffMs;
  return [
    { kind: 'clearTimer', name: 'reply' },
    { kind: 'setTimer', name: 'backOff', delayMs },
  ];
}

/** (own + theirs)/2 with the terms in ascending peer index, so that both ends round alike. */
function average(state: PairwiseState, peer: number, theirs: Vector): Vector {
  const own = { weight: 0.5, vector: state.params };
  const other = { weight: 0.5, vector: theirs };
  return weightedSum(state.context.self < peer ? [own, other] : [other, own]);
}

function complete(state: PairwiseState): RuleAction {
  return { kind: 'complete', round: state.round, params: state.params, excluded: [] };
}

function messageOf(state: PairwiseState, kind: string, vectors: Vector[], numbers: number[]): RuleMessage {
  // A question may come before this peer's first round.
  return { kind, round: Math.max(0, state.round), vectors, numbers };
}

function send(
  state: PairwiseState,
  to: number,
  kind: string,
  vectors: Vector[],
  numbers: number[],
): RuleAction {
  return { kind: 'send', to: [to], message: messageOf(state, kind, vectors, numbers) };
}
