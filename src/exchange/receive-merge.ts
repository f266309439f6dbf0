/**
 * Receive-merge: asynchronous SGD that averages whatever has arrived. Each cycle, at the peer's own pace, a peer trains, sends its model
 * to all its out-neighbours, and mixes it with the newest model of each in-neighbour that came in since its last cycle, the set M:
 *   x ← (Wᵢᵢ x + Σ_{j∈M} Wᵢⱼ xⱼ)/(Wᵢᵢ + Σ_{j∈M} Wᵢⱼ)
 * It is D-PSGD (dpsgd.ts, adapt-then-mix) with the row renormalised over what is there, as in asynchronous decentralised SGD without
 * waiting (SWIFT, Bornstein et al. 2023, averages with whatever its neighbours last sent). The mean of the peers is not kept where messages
 * are lost or speeds differ: it learns well and averages wrongly. Our deviation: a model is mixed once, never again in later cycles.
 */
import type { WeightedVector } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import { parseOptions } from './options.ts';
import { createPace, mayEnd, type Pace, PERIOD_MS, startCycle } from './pace.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleEvent, RuleScope } from './rule.ts';
import { noteSpares, type Spares, sumInSpare } from './spare.ts';

/** The newest of a neighbour's models, by its life and round. */
interface Newest {
  incarnation: number;
  round: number;
  /** Undefined once it is mixed. */
  model: Vector | undefined;
}

interface ReceiveMergeState {
  readonly context: RuleContext;
  readonly pace: Pace;
  round: number;
  params: Vector;
  training: boolean;
  readonly newest: Map<number, Newest>;
  readonly spares: Spares;
  ended: boolean;
}

export const receiveMerge: ExchangeRule<ReceiveMergeState> = {
  name: 'receive-merge',
  summary:
    'receive-merge: train at own pace, send to all neighbours, average what has arrived; best for SGD under loss',
  graphs: 'strong',
  notFor:
    'graphs that are not strongly connected; exact averages or counts: what is lost or late is left out, and the peers end at a biased mean (push-sum is exact)',
  tolerates: ['loss', 'duplication', 'reordering', 'crash', 'straggler'],
  synchronous: false,
  broadcast: true,
  queue: 'latest',
  messages: { model: { vectors: ['params'] } },

  parse: (given) => parseOptions('receive-merge', { periodMs: PERIOD_MS }, given),

  init: (context) => ({
    context,
    pace: createPace(context, context.options.periodMs as number | undefined),
    round: -1,
    params: new Float32Array(0),
    training: false,
    newest: new Map(),
    spares: new WeakSet(),
    ended: false,
  }),

  waitingFor: () => [],

  step(state, event, scope) {
    switch (event.kind) {
      case 'begin':
        return begin(state, event.round, event.params, scope);
      case 'trained':
        state.training = false;
        state.params = event.params;
        return proceed(state, scope);
      case 'received':
        return received(state, event);
      case 'timer':
        return state.round >= 0 && !state.training && !state.ended ? proceed(state, scope) : [];
      case 'end':
        state.ended = true;
        return [{ kind: 'clearTimer', name: 'cycle' }];
      case 'neighbour':
      case 'sendFailed':
        return []; // nobody is waited for
    }
  },
};

function begin(state: ReceiveMergeState, round: number, params: Vector, scope: RuleScope): RuleAction[] {
  state.round = round;
  state.params = params;
  startCycle(state.pace, scope.now);
  state.training = state.context.trains;
  return state.training ? [{ kind: 'train', params }] : proceed(state, scope);
}

function received(
  { newest, ended, spares }: ReceiveMergeState,
  event: RuleEvent & { kind: 'received' },
): RuleAction[] {
  const { from, incarnation } = event;
  const { round, vectors } = event.message;
  const last = newest.get(from);
  const sameLife = last?.incarnation === incarnation;
  if (sameLife && round <= last.round)
    return [{ kind: 'refuse', from, reason: round === last.round ? 'duplicate' : 'stale' }];
  if (ended) return [];
  noteSpares(spares, event);
  newest.set(from, { incarnation, round, model: vectors[0] });
  return [];
}

/** Ends the cycle if its time is up: sends the model, then mixes it. */
function proceed(state: ReceiveMergeState, scope: RuleScope): RuleAction[] {
  const wait = mayEnd(state.pace, scope.now);
  if (wait !== undefined) return [wait];
  const { round, params, context } = state;
  const message = { kind: 'model', round, vectors: [params], numbers: [] };
  state.params = merged(state);
  return [
    { kind: 'send', to: context.outNeighbours, message },
    { kind: 'complete', round, params: state.params, excluded: [] },
  ];
}

/** Ascending by peer with self in its place, so that the order of arrival does not change a bit. */
function merged({ context, params, newest, spares }: ReceiveMergeState): Vector {
  const { self, mixingRow } = context;
  const terms: (WeightedVector & { readonly peer: number })[] = [];
  const add = (peer: number, vector: Vector) =>
    terms.push({ peer, weight: mixingRow.get(peer) ?? 0, vector });
  add(self, params);
  for (const [peer, one] of newest) {
    if (one.model !== undefined) add(peer, one.model);
    one.model = undefined;
  }
  const sum = terms.reduce((total, { weight }) => total + weight, 0);
  if (terms.length === 1 || !(sum > 0)) return params;
  terms.sort((a, b) => a.peer - b.peer);
  return sumInSpare(
    spares,
    terms.map(({ weight, vector }) => ({ weight: weight / sum, vector })),
  );
}
