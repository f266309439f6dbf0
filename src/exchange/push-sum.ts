/**
 * Robust push-sum: exact averages, and SGD on top of them, over directed links that lose messages. The mass (y, z) travels as running
 * sums (mass.ts); a peer's params are the de-biased x = y/z. Each cycle, at the peer's own pace:
 *   x = y/z;   y ← y + (train(x) − x)·min(1, a·z);   give a share to every out-neighbour that is up, keep one
 * Source: Hadjicostis, Vaidya, Domínguez-García 2016 for the sums; stochastic gradient push, Assran et al. 2019, Algorithm 1, for the
 * training (there the change is added to y as it is). Our deviation: a change moves x by at most `stepFactorMax` (a) times what the
 * training did, because z gets small where messages are lost, and y/z would then amplify the step.
 * Without local updates it averages the peers' first params. A neighbour whose link is down is given nothing until it is back (its
 * sum stays where it was). At its end a peer hands all its mass over. After a crash: with the checkpoint the sum over all peers is what
 * it was; without, the peer brings its first params again, and what it held is lost with it.
 * `variant: plain` sends the mass itself (Kempe, Dobra, Gehrke 2003): it is not loss-tolerant, and here for comparison.
 */
import { assert, present } from '../base/assert.ts';
import { parseCompressor } from '../compress/index.ts';
import { precisionOf, type Vector, zeros } from '../params/layout.ts';
import { type Arcs, createArcs, groupsOf, neighbourDown, neighbourUp } from './arcs.ts';
import {
  createMass,
  createSum,
  createTaken,
  give,
  type Mass,
  type RunningSum,
  type Taken,
  take,
  takeOnce,
} from './mass.ts';
import { addChange, divide } from './mass-loops.ts';
import { oneOf, parseOptions, realNumber } from './options.ts';
import { createPace, mayEnd, type Pace, PERIOD_MS, startCycle } from './pace.ts';
import { roundedSums } from './push-sum-rounded.ts';
import { packPushSum, unpackPushSum } from './push-sum-snapshot.ts';
import { exactSums, type SumTelling } from './push-sum-telling.ts';
import type {
  ExchangeRule,
  RuleAction,
  RuleContext,
  RuleEvent,
  RuleMessage,
  RuleRefusal,
  RuleScope,
} from './rule.ts';

/** How often a peer that leaves says what it gave. */
const FAREWELLS = 3;
const FAREWELL_MS = 10;
const OVERFLOW = 'values that, by their weight, are beyond what params can be';
const NOTHING: readonly RuleAction[] = [];
const NOBODY: (RuleAction & { kind: 'complete' })['excluded'] = [];
const NO_PARAMS: Vector = new Float32Array(0);

interface PushSumOptions {
  readonly variant: 'robust' | 'plain';
  readonly periodMs?: number;
  readonly stepFactorMax: number;
}

export interface PushSumState {
  readonly context: RuleContext;
  readonly options: PushSumOptions;
  readonly pace: Pace;
  readonly incarnation: number;
  /** The incarnation in which this peer last started anew. */
  readonly life: number;
  /** Whether this incarnation is that one. */
  readonly fresh: boolean;
  round: number;
  /** Undefined until its size is known. */
  mass: Mass | undefined;
  /** Whether the peer's own params are in the mass. */
  entered: boolean;
  readonly telling: SumTelling;
  /** De-biased params at the start of `paramsRound`. */
  params: Vector;
  paramsRound: number;
  /** Where the next ones go: what training gave, which nobody else holds. */
  next: Vector | undefined;
  training: boolean;
  readonly arcs: Arcs;
  readonly taken: Map<number, Taken>;
  farewells: number;
  ended: boolean;
}

const pushSumTelling = (telling: SumTelling): ExchangeRule<PushSumState> => ({
  name: 'push-sum',
  summary: 'robust push-sum: exact averages over directed links that lose messages, and SGD on top of them',
  graphs: 'strong',
  notFor:
    'few bytes, unless rounded (its sums are f64, twice those of a model); graphs in which somebody is sent to by nobody',
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
      ended: false,
    };
  },

  snapshot: packPushSum,

  waitingFor: () => [],

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
        return [];
      case 'timer':
        if (event.name === 'farewell') return farewell(state);
        return state.round >= 0 && !state.training && !state.ended ? proceed(state, scope) : [];
      case 'end':
        return leave(state);
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

/** Gives to all that are up, and tells them what they have been given so far. */
function push(state: PushSumState, keepsShare: boolean): RuleAction[] {
  const mass = present(state.mass, 'mass');
  const groups = groupsOf(state.arcs, mass.y.length);
  if (state.options.variant === 'robust') {
    const sums = groups.map(({ sum }) => sum);
    const counts = groups.map(({ arcs }) => arcs.length);
    return giveTold(state.telling, mass, sums, counts, keepsShare) ? tellSums(state) : [];
  }
  const to = groups.flatMap(({ peers }) => peers);
  const gift = createSum(mass.y.length);
  if (!give(mass, [gift], [to.length], keepsShare)) return [];
  state.telling.afterGift(gift, mass, to.length, false);
  return [{ kind: 'send', to, message: state.telling.shareOf(gift, state.round) }];
}

/** As `give`, of what can be told. */
function giveTold(
  telling: SumTelling,
  mass: Mass,
  sums: readonly RunningSum[],
  counts: readonly number[],
  keepsShare: boolean,
): boolean {
  let parts = keepsShare ? 1 : 0;
  for (const count of counts) parts += count;
  const zShare = mass.z / parts;
  for (let at = 0; at < sums.length; at++) telling.beforeGift(sums[at]!, mass, counts[at]!, zShare);
  if (!give(mass, sums, counts, keepsShare)) return false;
  for (let at = 0; at < sums.length; at++) telling.afterGift(sums[at]!, mass, counts[at]!, !keepsShare);
  return true;
}

function tellSums(state: PushSumState): RuleAction[] {
  const groups = groupsOf(state.arcs, present(state.mass, 'mass').y.length);
  return groups.map(({ sum, startCount, peers }) => {
    const { life, round } = state;
    return { kind: 'send', to: peers, message: state.telling.messageOf(sum, { life, startCount, round }) };
  });
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
  // Every peer brings weight 1: a whole run's gifts cannot be more, even where all is given again after a restart.
  const outcome = take(state.mass, taken, offer, state.fresh, peerCount * (rounds + 1));
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

/** At the end all mass goes to the others, and they are told a few times, in case a message is lost. */
function leave(state: PushSumState): RuleAction[] {
  state.ended = true;
  state.training = false;
  const cleared: RuleAction = { kind: 'clearTimer', name: 'cycle' };
  if (!state.entered) return [cleared];
  const actions = push(state, false);
  return actions.length === 0 ? [cleared] : [cleared, ...actions, ...againLater(state)];
}

function farewell(state: PushSumState): RuleAction[] {
  if (!state.ended || state.options.variant === 'plain') return [];
  for (const { sum } of groupsOf(state.arcs, present(state.mass, 'mass').y.length)) sum.count += 1;
  return [...tellSums(state), ...againLater(state)];
}

function againLater(state: PushSumState): RuleAction[] {
  if (state.farewells >= FAREWELLS || state.options.variant === 'plain') return [];
  state.farewells += 1;
  return [{ kind: 'setTimer', name: 'farewell', delayMs: Math.max(state.pace.periodMs, FAREWELL_MS) }];
}
