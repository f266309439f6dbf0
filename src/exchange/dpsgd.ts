/**
 * Synchronous D-PSGD (Lian et al. 2017, Algorithm 1) in three named variants; W is the mixing matrix:
 *   parallel         x ← Σⱼ Wᵢⱼ xⱼ + (train(xᵢ) − xᵢ)      Lian et al.: mixing and gradient at the same point, overlapped
 *   mix-then-adapt   x ← train(Σⱼ Wᵢⱼ xⱼ)                   combine-then-adapt (Chen, Sayed 2012)
 *   adapt-then-mix   x ← Σⱼ Wᵢⱼ train(xⱼ)                   adapt-then-combine
 * Our deviation: a neighbour that is left out of a round (barrier.ts) gives its mixing weight to self. Rows keep their sum, and
 * where both ends leave each other out a symmetric W stays doubly stochastic. `staleness` and `backups` wait for less (barrier.ts): an
 * older model is mixed with the weight of a fresh one, a late one is left out like an absent neighbour's, and whoever was late goes on
 * in the others' round (joining.ts) instead of working through those that are over: `parallel` with z + d after it, `mix-then-adapt` by
 * taking what its updates came to for its params of that round. Where the graph changes from round to round, W is that of the round's
 * phase, only its neighbours are sent to and awaited, and no round is left out.
 */
import { present } from '../base/assert.ts';
import { plusDelta, type WeightedVector, weightedSum } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import { arrive, awaited, createBarrier, type Exclusion, openRound } from './barrier.ts';
import type { Slack } from './barrier-state.ts';
import { type Joined, joinRound, roundOver } from './joining.ts';
import { oneOf, parseOptions, wholeNumber } from './options.ts';
import { PERIOD_MS } from './pace.ts';
import { phaseOf } from './phases.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleEvent, RuleScope } from './rule.ts';
import { noteSpares, type Spares, sumInSpare } from './spare.ts';
import { heedNeighbour, type Waiting, whenAllHere } from './waiting.ts';

const VARIANTS = ['parallel', 'mix-then-adapt', 'adapt-then-mix'] as const;
type Variant = (typeof VARIANTS)[number];
/** Messages kept per neighbour grow with it. */
const STALENESS_MAX = 64;
const BACKUPS_MAX = 1_000_000;

interface DpsgdState extends Waiting {
  readonly context: RuleContext;
  readonly variant: Variant;
  round: number;
  /** Params at the start of the round. */
  params: Vector;
  /** What the local updates made of them; undefined until `trained`. */
  trained: Vector | undefined;
  phase: 'idle' | 'training' | 'waiting' | 'both';
  /** Who is left out of this round's mixing. */
  excluded: readonly Exclusion[];
  /** Models that came, while each is mixed in its own round only: with slack one may be mixed again. */
  readonly spares: Spares | undefined;
  /** Late updates, from params to params, that are this peer's contribution to `round`. */
  late: { readonly round: number; readonly from: Vector; readonly to: Vector } | undefined;
}

export const dpsgd: ExchangeRule<DpsgdState> = {
  name: 'dpsgd',
  summary: 'synchronous D-PSGD: every round each peer trains and mixes with all its neighbours',
  graphs: 'strong',
  notFor:
    'graphs that are not strongly connected, and with backups rings and others of few neighbours; links that lose messages or peers of very unequal speed: every loss costs a deadline, and the slowest sets the pace',
  tolerates: ['duplication', 'reordering', 'crash'],
  synchronous: true,
  schedules: true,
  broadcast: true,
  queue: 'every',
  messages: { model: { vectors: ['params'] } },

  parse: (given) =>
    parseOptions(
      'dpsgd',
      {
        variant: oneOf(VARIANTS, 'adapt-then-mix'),
        staleness: wholeNumber(0, STALENESS_MAX, 0),
        backups: wholeNumber(0, BACKUPS_MAX, 0),
        periodMs: PERIOD_MS,
      },
      given,
    ),

  fits({ backups }, { inDegrees }) {
    const least = Math.min(...inDegrees);
    if ((backups as number) < least || backups === 0) return [];
    const peer = inDegrees.indexOf(least);
    return [
      `backups is ${backups}, but peer ${peer} hears from ${least} only, and must wait for one at least: wanted at most ${least - 1}`,
    ];
  },

  init(context, firstRound) {
    const slack = context.options as unknown as Slack;
    const { staleness, backups } = slack;
    return {
      context,
      variant: context.options.variant as Variant,
      barrier: createBarrier(context, firstRound, slack),
      round: -1,
      params: new Float32Array(0),
      trained: undefined,
      phase: 'idle',
      wakeAtMs: undefined,
      excluded: [],
      spares: staleness === 0 && backups === 0 ? new WeakSet() : undefined,
      late: undefined,
    };
  },

  waitingFor: ({ barrier, phase }) => (phase === 'waiting' || phase === 'both' ? awaited(barrier) : []),

  step(state, event, scope) {
    const actions = handle(state, event, scope);
    if (state.phase === 'waiting' || state.phase === 'both') proceed(state, scope, actions);
    return actions;
  },
};

function handle(state: DpsgdState, event: RuleEvent, { now }: RuleScope): RuleAction[] {
  const { barrier } = state;
  switch (event.kind) {
    case 'begin':
      return begin(state, event.round, event.params, now);
    case 'trained':
      return join(state, event.params, now) ?? afterTraining(state, event.params);
    case 'received': {
      const { from, message } = event;
      const arrival = arrive(barrier, from, message.round, present(message.vectors[0], 'model vector'), now);
      if (state.spares !== undefined) noteSpares(state.spares, event);
      if (arrival === 'taken') return [];
      if (arrival === 'future')
        return [
          { kind: 'refuse', from, reason: 'future' },
          { kind: 'behind', round: message.round },
        ];
      return [{ kind: 'refuse', from, reason: arrival }];
    }
    case 'neighbour':
      heedNeighbour(barrier, event, now);
      return [];
    case 'timer':
      state.wakeAtMs = undefined;
      return [];
    case 'sendFailed':
    case 'end':
      return [];
  }
}

function begin(state: DpsgdState, round: number, params: Vector, nowMs: number): RuleAction[] {
  const { late } = state;
  state.round = round;
  state.params = params;
  state.trained = undefined;
  state.late = undefined;
  openRound(state.barrier, round, nowMs);
  if (late?.round === round) return afterTraining(state, plusDelta(params, late.to, late.from));
  switch (state.variant) {
    case 'parallel':
      state.phase = 'both';
      return [share(state, params), { kind: 'train', params }];
    case 'mix-then-adapt':
      state.phase = 'waiting';
      return [share(state, params)];
    case 'adapt-then-mix':
      state.phase = 'training';
      return [{ kind: 'train', params }];
  }
}

function afterTraining(state: DpsgdState, trained: Vector): RuleAction[] {
  switch (state.variant) {
    case 'parallel':
      state.trained = trained;
      return [];
    case 'mix-then-adapt':
      return [finish(state, trained)];
    case 'adapt-then-mix':
      state.trained = trained;
      state.phase = 'waiting';
      return [share(state, trained)];
  }
}

/** Goes on in the others' round, where this one is over; undefined where it is not. */
function join(state: DpsgdState, trained: Vector, nowMs: number): RuleAction[] | undefined {
  const { barrier, variant, context, round, params: from } = state;
  const over = roundOver(barrier, context.rounds);
  if (over === undefined || (variant !== 'adapt-then-mix' && over === round)) return undefined;
  if (variant === 'mix-then-adapt') {
    state.round = over - 1; // the others have sent their params of round `over`
    return [finish(state, trained)];
  }
  state.round = over;
  const joined = joinRound(barrier, over, nowMs);
  state.excluded = joined.excluded;
  const params = mixed(state, from, joined);
  if (variant === 'parallel') return [finish(state, plusDelta(params, trained, from))];
  state.late = { round: over + 1, from, to: trained };
  return [finish(state, params)];
}

function share(state: DpsgdState, vector: Vector): RuleAction {
  const message = { kind: 'model', round: state.round, vectors: [vector], numbers: [] };
  return { kind: 'send', to: phaseOf(state.context, state.round).outNeighbours, message };
}

function proceed(state: DpsgdState, { now }: RuleScope, actions: RuleAction[]): void {
  if (state.phase === 'both' && state.trained === undefined) return;
  const wait = whenAllHere(state, now, actions);
  if (wait !== undefined) mix(state, wait, actions);
}

function mix(state: DpsgdState, wait: Joined, actions: RuleAction[]): void {
  state.excluded = wait.excluded;
  if (state.variant === 'mix-then-adapt') {
    state.phase = 'training';
    actions.push({ kind: 'train', params: mixed(state, state.params, wait) });
    return;
  }
  const trained = present(state.trained, 'trained params');
  if (state.variant === 'adapt-then-mix') actions.push(finish(state, mixed(state, trained, wait)));
  else actions.push(finish(state, plusDelta(mixed(state, state.params, wait), trained, state.params)));
}

/** Σⱼ Wᵢⱼ vⱼ in ascending peer index, self in its place; absent neighbours' weight goes to self. */
function mixed(state: DpsgdState, own: Vector, wait: Joined): Vector {
  const { self } = state.context;
  const { mixingRow } = phaseOf(state.context, state.round);
  let ownWeight = mixingRow.get(self) ?? 0;
  for (const { peer } of wait.excluded) ownWeight += mixingRow.get(peer) ?? 0;
  const terms: (WeightedVector & { peer: number })[] = wait.arrived.map(({ peer, vector }) => ({
    peer,
    weight: mixingRow.get(peer) ?? 0,
    vector,
  }));
  terms.push({ peer: self, weight: ownWeight, vector: own });
  terms.sort((a, b) => a.peer - b.peer);
  return state.spares === undefined ? weightedSum(terms) : sumInSpare(state.spares, terms);
}

function finish(state: DpsgdState, params: Vector): RuleAction {
  state.phase = 'idle';
  return { kind: 'complete', round: state.round, params, excluded: state.excluded };
}
