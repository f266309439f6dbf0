/**
 * Robust push-sum: exact averages, and SGD on top of them, over directed links that lose messages. The mass (y, z) travels as running
 * sums (mass.ts); a peer's params are the de-biased x = y/z. Each cycle, at the peer's own pace:
 *   x = y/z;   y ← y + (train(x) − x)·min(1, a·z);   give a share to every out-neighbour that is up, keep one
 * Source: Hadjicostis, Vaidya, Domínguez-García 2016 for the sums; stochastic gradient push, Assran et al. 2019, Algorithm 1, for the
 * training (there the change is added to y as it is). Our deviation: a change moves x by at most `stepFactorMax` (a) times what the
 * training did, because z gets small where messages are lost, and y/z would then amplify the step.
 * Without local updates it averages the peers' first params. A neighbour whose link is down is given nothing until it is back (its
 * sum stays where it was). At its end a peer hands all its mass over (push-sum-leaving.ts). After a crash: with the checkpoint the sum over all peers is what
 * it was; without, the peer brings its first params again, and what it held is lost with it.
 * `variant: plain` sends the mass itself (Kempe, Dobra, Gehrke 2003): it is not loss-tolerant, and here for comparison.
 */
import { assert, present } from '../base/assert.ts';
import { parseCompressor } from '../compress/index.ts';
import { precisionOf, type Vector, zeros } from '../params/layout.ts';
import { createArcs, neighbourDown, neighbourUp } from './arcs.ts';
import { createMass, createTaken, type Mass, type Taken, take, takeOnce, WEIGHTS_MAX } from './mass.ts';
import { addChange, divide } from './mass-loops.ts';
import { oneOf, parseOptions, realNumber } from './options.ts';
import { createPace, mayEnd, PERIOD_MS, startCycle } from './pace.ts';
import { push } from './push-sum-giving.ts';
import { endRounds, farewell, seeOff, tellSeenOff } from './push-sum-leaving.ts';
import { roundedSums } from './push-sum-rounded.ts';
import { packPushSum, unpackPushSum } from './push-sum-snapshot.ts';
import type { PushSumOptions, PushSumState } from './push-sum-state.ts';
import { exactSums, type SumTelling } from './push-sum-telling.ts';
import type { ExchangeRule, RuleAction, RuleEvent, RuleMessage, RuleRefusal, RuleScope } from './rule.ts';

const OVERFLOW = 'values that, by their weight, are beyond what params can be';
const NOTHING: readonly RuleAction[] = [];
const NOBODY: (RuleAction & { kind: 'complete' })['excluded'] = [];
const NO_PARAMS: Vector = new Float32Array(0);

const pushSumTelling = (telling: SumTelling): ExchangeRule<PushSumState> => ({
  name: 'push-sum',
  summary: 'robust push-sum: exact averages over directed links that lose messages, and SGD on top of them',
  graphs: 'strong',
  notFor:
    'few bytes, unless rounded (its sums are f64, twice those of a model); links that swallow messages for ever; graphs in which somebody is sent to by nobody',
  tolerates: ['loss', 'duplication', 'reordering', 'crash', 'straggler'],
  synchronous: false,
  broadcast: false,
  queue: 'every',
  messages: telling.messages,

  parse: (given) =>
    parseOptions(
      'push-sum',
      {
        variant: oneOf(['robust', 'plain'], 'robust'),
        periodMs: PERIOD_MS,
        stepFactorMax: realNumber(1, 1e9, 1),
      },
      given,
    ),

  fits(_, { inDegrees, outDegrees }) {
    const problems = inDegrees.flatMap((degree, peer) =>
      degree > 0 && outDegrees[peer]! > 0
        ? []
        : [
            `peer ${peer} is sent to by ${degree} and sends to ${outDegrees[peer]}; push-sum wants at least one each`,
          ],
    );
    return inDegrees.length === 1 ? [] : problems.slice(0, 3);
  },

  init(context, firstRound, life) {
    const options = context.options as unknown as PushSumOptions;
    const incarnation = life?.incarnation ?? 0;
    const kept =
      life?.snapshot !== undefined && life.snapshot.length > 0
        ? unpackPushSum(life.snapshot, context)
        : undefined;
    // One literal: an object put together from others is spread over memory, and there may be a hundred thousand.
    return {
      context,
      options,
      pace: createPace(context, options.periodMs),
      incarnation,
      life: kept?.life ?? incarnation,
      fresh: kept === undefined,
      round: -1,
      mass: kept?.mass,
      entered: kept?.entered ?? false,
      telling,
      params: NO_PARAMS,
      paramsRound: kept?.paramsRound ?? firstRound,
      next: undefined,
      training: false,
      arcs: kept?.arcs ?? createArcs(context.outNeighbours),
      taken: kept?.taken ?? createAllTaken(context.inNeighbours),
      farewells: 0,
      farewellsSaid: 0,
      ended: false,
      leaving: false,
      unheard: kept === undefined ? undefined : new Set(context.inNeighbours),
      seenOff: undefined,
    };
  },

  snapshot: packPushSum,

  waitingFor: () => [],

  isLeaving: ({ leaving }) => leaving,

  step(state, event, scope) {
    switch (event.kind) {
      case 'begin':
        return begin(state, event.round, event.params, scope);
      case 'trained':
        return trained(state, event.params, scope);
      case 'received':
        return received(state, event);
      case 'neighbour':
        if (event.status === 'down') neighbourDown(state.arcs, event.peer);
        else neighbourUp(state.arcs, event.peer, event.incarnation);
        return event.left === true ? seeOff(state, event.peer) : [];
      case 'timer':
        if (event.name === 'farewell') return farewell(state);
        if (event.name === 'see-off') return tellSeenOff(state);
        return state.round >= 0 && !state.training && !state.ended ? proceed(state, scope) : [];
      case 'end':
        return endRounds(state, event.leaves === true);
      case 'sendFailed':
        return []; // the next cycle's sums hold what this one's did
    }
  },
});

/** Of rounded sums, between two turns. */
const SHARES_MAX = { fp16: 32, int8: 8 } as const;

export const pushSum: ExchangeRule<PushSumState> = {
  ...pushSumTelling(exactSums),
  encodedAs(encoding) {
    const parsed = parseCompressor(encoding);
    assert(parsed.ok, `codec ${encoding}`);
    return pushSumTelling(
      roundedSums(parsed.codec, SHARES_MAX[encoding]),
    ) as Partial<ExchangeRule> as ExchangeRule;
  },
};

function createAllTaken(peers: readonly number[]): Map<number, Taken> {
  const taken = new Map<number, Taken>();
  for (const peer of peers) taken.set(peer, createTaken());
  return taken;
}

function begin(state: PushSumState, round: number, params: Vector, scope: RuleScope): RuleAction[] {
  if (!state.entered) enter(state, params);
  else if (state.context.trains && params !== state.params && round !== state.paramsRound)
    adopt(state, params);
  state.round = round;
  state.params = params;
  state.paramsRound = round;
  startCycle(state.pace, scope.now);
  if (!state.context.trains) return proceed(state, scope);
  state.training = true;
  return [{ kind: 'train', params }];
}

/** The peer's own params join what has been received already, with weight 1. */
function enter(state: PushSumState, params: Vector): void {
  state.mass ??= createMass(params.length);
  const { y } = state.mass;
  for (let at = 0; at < y.length; at++) y[at]! += params[at]!;
  state.mass.z += 1;
  state.entered = true;
}

/** Another's params, taken by a peer that was far behind: x = params, with the weight that it has. */
function adopt({ mass }: PushSumState, params: Vector): void {
  const { y, z } = present(mass, 'mass');
  for (let at = 0; at < y.length; at++) y[at] = params[at]! * z;
}

function trained(state: PushSumState, params: Vector, scope: RuleScope): RuleAction[] {
  const { y, z } = present(state.mass, 'mass');
  const factor = Math.min(1, state.options.stepFactorMax * z);
  addChange(y, factor, params, state.params);
  state.next = params === state.params ? undefined : params;
  state.training = false;
  return proceed(state, scope);
}

/** Ends the cycle if its time is up. */
function proceed(state: PushSumState, scope: RuleScope): RuleAction[] {
  const wait = mayEnd(state.pace, scope.now);
  if (wait !== undefined) return [wait];
  const actions = push(state, true);
  const { y, z } = present(state.mass, 'mass');
  state.params = divide(state.next ?? zeros(precisionOf(state.params), y.length), y, z);
  state.next = undefined;
  state.paramsRound = state.round + 1;
  actions.push({ kind: 'complete', round: state.round, params: state.params, excluded: NOBODY });
  return actions;
}

function received(
  state: PushSumState,
  { from, incarnation, message, exclusive }: RuleEvent & { kind: 'received' },
): readonly RuleAction[] {
  const { telling } = state;
  state.mass ??= createMass(telling.sizeOf(message));
  const { variant } = state.options;
  if ((message.kind === 'share') !== (variant === 'plain'))
    return refuse(from, 'unexpected', `${message.kind} in a run that is ${variant}`);
  if (message.kind === 'share') return takeShare(state, state.mass, from, message);
  const taken = present(state.taken.get(from), 'an in-neighbour');
  const size = state.mass.y.length;
  const offer = telling.offerOf(message, incarnation, exclusive === true, taken, size);
  if (offer === 'unreadable') return NOTHING;
  if (typeof offer === 'string') return refuse(from, 'malformed', offer);
  const { peerCount, rounds } = state.context;
  const zBefore = state.mass.z;
  // After a restart from a checkpoint all that was given since is given again, once.
  const zMax = state.unheard?.has(from) === true ? peerCount * (rounds + 1) : WEIGHTS_MAX * peerCount;
  const outcome = take(state.mass, taken, offer, state.fresh, zMax);
  switch (outcome) {
    case 'stale':
    case 'duplicate':
      return refuse(from, outcome, `sum ${offer.count}, after ${taken.count}`);
    case 'impossible':
      return refuse(
        from,
        outcome,
        `weight ${offer.partZ + offer.carryZ}, after ${taken.partZ + taken.carryZ}`,
      );
    case 'overflow':
      return refuse(from, 'impossible', OVERFLOW);
    default:
      if (outcome === 'taken') state.unheard?.delete(from);
      if (state.mass.z !== zBefore) state.farewells = 0;
      return NOTHING;
  }
}

function refuse(from: number, reason: RuleRefusal, detail: string): readonly RuleAction[] {
  return [{ kind: 'refuse', from, reason, detail }];
}

function takeShare(
  { telling, context: { peerCount } }: PushSumState,
  mass: Mass,
  from: number,
  message: RuleMessage,
): readonly RuleAction[] {
  const share = telling.shareIn(message, mass.y.length);
  if (typeof share === 'string') return refuse(from, 'malformed', share);
  switch (takeOnce(mass, share.y, share.z, peerCount)) {
    case 'impossible':
      return refuse(from, 'impossible', `weight ${share.z}, wanted 0 to ${peerCount}`);
    case 'overflow':
      return refuse(from, 'impossible', OVERFLOW);
    default:
      return NOTHING;
  }
}
