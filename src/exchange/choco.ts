/**
 * CHOCO-SGD (Koloskova, Stich, Jaggi 2019, Algorithm 2): peers mix public copies x̂ of their models, which change by compressed steps:
 *   x ← train(x);  q = Q(x − x̂ᵢ);  x̂ᵢ ← x̂ᵢ + q, sent to all neighbours;  x ← x + γ Σⱼ Wᵢⱼ(x̂ⱼ − x̂ᵢ) with the new x̂.
 * Q is any codec with a contraction δ > 0 (compress/); γ in (0, 1] is smaller the smaller δ is (choco-gamma.ts). Each peer holds a replica of every
 * neighbour's x̂ (replica.ts): degree + 2 vectors in all.
 * `encoding: fp16 | int8` stands for that compressor.
 * Our deviations: a message names the version it changes, so that loss, repetition and reordering are noticed and never change a replica;
 * who finds a gap asks (`repair`) and gets the lost changes, or x̂ itself where they are gone. Every `snapshotEveryRounds`, and after a
 * jump to another round, x̂ᵢ becomes x exactly and travels whole. A neighbour that is left out of a round (barrier.ts), or whose
 * replica is out of step, drops out of that round's sum.
 */
import { present } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import { type CodecSpec, compressorKinds, noiseOf, parseCompressor } from '../compress/index.ts';
import { plusDifferences, type WeightedVector } from '../params/kernels.ts';
import { precisionOf, type Vector, zeros } from '../params/layout.ts';
import { arrive, awaited, createBarrier, type Exclusion, openRound, type Wait } from './barrier.ts';
import { gammaFor, usualGamma } from './choco-gamma.ts';
import { packChoco, unpackChoco } from './choco-snapshot.ts';
import { parseOptions, wholeNumber } from './options.ts';
import { PERIOD_MS } from './pace.ts';
import {
  announce,
  announceWhole,
  changeOf,
  changesSince,
  commit,
  createPublicModel,
  messageOf,
  type PublicModel,
} from './public-model.ts';
import {
  type Change,
  catchUp,
  createReplica,
  type Replica,
  take,
  tipOf,
  type Version,
  ZERO,
} from './replica.ts';
import type { ExchangeRule, RuleAction, RuleContext, RuleEvent, RuleLife, RuleScope } from './rule.ts';
import { heedNeighbour, type Waiting, whenAllHere } from './waiting.ts';

/** A repair may cost a whole vector: more of them in a round are refused. */
const REPAIRS_PER_ROUND_MAX = 4;

interface ChocoOptions {
  readonly compressor: CodecSpec;
  /** Absent where the default depends on the model's length. */
  readonly gamma?: number;
  readonly snapshotEveryRounds: number;
}

export interface ChocoState extends Waiting {
  readonly context: RuleContext;
  readonly compressor: CodecSpec;
  /** Undefined before the first round. */
  gamma: number | undefined;
  readonly snapshotEveryRounds: number;
  /** This peer's own x̂. */
  readonly model: PublicModel;
  readonly replicas: ReadonlyMap<number, Replica>;
  /** Repairs given to each neighbour in this round. */
  readonly repairs: Map<number, number>;
  scratch: Vector;
  /** Whether x̂ᵢ is to become x. */
  whole: boolean;
  round: number;
  trained: Vector | undefined;
  /** Params that this round began with. */
  begun: Vector | undefined;
  /** Whether nobody else holds the trained params: they are not those that the round began with, and were not sent. */
  ownsTrained: boolean;
  phase: 'idle' | 'training' | 'waiting';
}

export const choco: ExchangeRule<ChocoState> = {
  name: 'choco',
  summary: 'CHOCO-SGD: as dpsgd, but peers send only compressed changes of their models',
  graphs: 'undirected',
  notFor:
    'directed graphs (a lost change is asked for); links that lose many messages (each loss costs a deadline); few rounds',
  tolerates: ['duplication', 'reordering', 'crash'],
  synchronous: true,
  broadcast: true,
  queue: 'every',
  /** numbers of delta and replica: public-model.ts; of repair: [incarnation, count] of what is held. */
  messages: {
    delta: {
      vectors: [],
      payload: (length, precision) => {
        const plain = length * (precision === 'f32' ? 4 : 8);
        return { bytesMin: 0, bytesMax: plain + Math.ceil(length / 4) + 16 };
      },
    },
    replica: { vectors: ['params'] },
    repair: { vectors: [] },
  },

  parse(given) {
    const parsed = parseOptions('choco', OPTIONS, given);
    const spec = parseCompressor(given.compressor ?? COMPRESSOR_DEFAULT);
    const ofCodec = spec.ok ? [] : spec.problems.map((problem) => problemOf(problem));
    const problems = [...(parsed.ok ? [] : parsed.problems), ...ofCodec];
    if (!parsed.ok || !spec.ok) return { ok: false, problems };
    if (spec.codec.contractionOf(Math.max(2 ** 20, spec.codec.lengthMin)) === undefined)
      return {
        ok: false,
        problems: ['compressor may enlarge what it compresses; use qsgd with scaled: true'],
      };
    const gamma = parsed.options.gamma ?? usualGamma(spec.spec);
    const step = gamma === undefined ? {} : { gamma };
    return { ok: true, options: { ...parsed.options, compressor: spec.spec, ...step } };
  },

  fitsParams({ compressor }, length) {
    const parsed = parseCompressor(compressor);
    const kept = parsed.ok ? parsed.codec.lengthMin : 0;
    if (kept <= length) return undefined;
    return `compressor keeps a count of ${kept} elements, but the model has ${length} params: wanted a count of at most ${length}`;
  },

  /** The encoding is the compressor: x − x̂ keeps what rounding took. Whole vectors travel as they are, so that both ends hold the same. */
  encodedAs: (encoding) =>
    ({ ...choco, parse: (given) => parseEncoded(given, encoding) }) as Partial<ExchangeRule> as ExchangeRule,

  init(context, firstRound, life) {
    const { compressor, gamma, snapshotEveryRounds } = context.options as unknown as ChocoOptions;
    const parsed = parseCompressor(compressor);
    const codec = present(parsed.ok ? parsed.codec : undefined, 'codec of checked options');
    const state: ChocoState = {
      context,
      compressor,
      gamma,
      snapshotEveryRounds,
      barrier: createBarrier(context, firstRound),
      model: createPublicModel(codec, context.self, life?.incarnation ?? 0),
      replicas: new Map(
        context.inNeighbours.map((peer) => [peer, createReplica(peer, context.aheadMax.get(peer) ?? 1)]),
      ),
      repairs: new Map(),
      scratch: new Float32Array(0),
      whole: false,
      round: -1,
      trained: undefined,
      begun: undefined,
      ownsTrained: false,
      phase: 'idle',
      wakeAtMs: undefined,
    };
    restore(state, life);
    return state;
  },

  /** All x̂ as of the end of the last round; a round that is under way is done again. */
  snapshot: ({ model, replicas }) => packChoco([model.own, ...replicas.values()]),

  waitingFor: ({ barrier, phase }) => (phase === 'waiting' ? awaited(barrier) : []),

  step(state, event, scope) {
    const actions = handle(state, event, scope);
    if (state.phase === 'waiting') proceed(state, scope, actions);
    return actions;
  },
};

function parseEncoded(given: RuleContext['options'], encoding: string): ReturnType<ExchangeRule['parse']> {
  const parsed = choco.parse({ ...given, compressor: given.compressor ?? encoding });
  if (!parsed.ok) return parsed;
  const { kind } = parsed.options.compressor as CodecSpec;
  if (kind === encoding) return parsed;
  const problem = `compressor is ${kind}, but encoding ${encoding} has the changes travel as ${encoding}: wanted one of the two; leave the other out`;
  return { ok: false, problems: [problem] };
}

const COMPRESSOR_DEFAULT = 'sign';
const SNAPSHOT_EVERY_ROUNDS = 1000;

const OPTIONS = {
  compressor: {
    fallback: COMPRESSOR_DEFAULT,
    wanted: `one of ${compressorKinds.join(', ')}, or {kind, …}`,
    accepts: () => true, // parseCompressor judges it, in more words
  },
  gamma: {
    fallback: undefined,
    wanted: 'a number above 0 and at most 1',
    accepts: (value: unknown) => typeof value === 'number' && value > 0 && value <= 1,
  },
  snapshotEveryRounds: wholeNumber(0, 2 ** 31, SNAPSHOT_EVERY_ROUNDS),
  periodMs: PERIOD_MS,
};

/** What is wrong with the compressor's own options, naming it. */
function problemOf(problem: string): string {
  return problem.startsWith('compressor') ? problem : `compressor: ${problem}`;
}

function restore(state: ChocoState, life: RuleLife | undefined): void {
  if (life?.snapshot === undefined || life.snapshot.length === 0) return;
  for (const { peer, version, round, vector } of unpackChoco(life.snapshot)) {
    const replica = peer === state.context.self ? state.model.own : state.replicas.get(peer);
    if (replica === undefined) continue;
    replica.version = version;
    replica.round = round;
    replica.vector = vector;
  }
}

function handle(state: ChocoState, event: RuleEvent, scope: RuleScope): RuleAction[] {
  const { barrier } = state;
  switch (event.kind) {
    case 'begin':
      return begin(state, event.round, event.params, scope.now);
    case 'trained':
      return share(state, event.params);
    case 'received':
      return received(state, event, scope.now);
    case 'neighbour':
      heedNeighbour(barrier, event, scope.now);
      return [];
    case 'timer':
      state.wakeAtMs = undefined;
      return [];
    case 'sendFailed':
    case 'end':
      return [];
  }
}

function begin(state: ChocoState, round: number, params: Vector, nowMs: number): RuleAction[] {
  const { model, snapshotEveryRounds } = state;
  const { own } = model;
  // After a jump, or a round that was left after its change had been announced, nobody is in step with x̂ᵢ.
  const jumped = round !== own.round + 1 || model.announced !== undefined;
  state.whole = jumped || (snapshotEveryRounds > 0 && round > 0 && round % snapshotEveryRounds === 0);
  model.announced = undefined;
  state.repairs.clear();
  state.round = round;
  state.trained = undefined;
  state.begun = params;
  if (state.scratch.length !== params.length) state.scratch = zeros(precisionOf(params), params.length);
  state.gamma ??= gammaFor(state.compressor, model.codec, params.length);
  own.vector ??= zeros(precisionOf(params), params.length);
  openRound(state.barrier, round, nowMs);
  if (!state.context.trains) return share(state, params);
  state.phase = 'training';
  return [{ kind: 'train', params }];
}

/** Announces this round's change of x̂ᵢ. */
function share(state: ChocoState, trained: Vector): RuleAction[] {
  const { model, context, round, whole } = state;
  state.trained = trained;
  state.ownsTrained = !whole && trained !== state.begun;
  state.phase = 'waiting';
  const chance = () => noiseOf(Random.of(context.seed, 'choco', context.self, round).uint32());
  const change = whole
    ? announceWhole(model, trained, round)
    : announce(model, trained, round, chance(), state.scratch);
  return [{ kind: 'send', to: context.outNeighbours, message: messageOf(change) }];
}

function received(
  state: ChocoState,
  { from, incarnation, message }: RuleEvent & { kind: 'received' },
  nowMs: number,
): RuleAction[] {
  const { kind, numbers } = message;
  const counts = numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
  const malformed: RuleAction = {
    kind: 'refuse',
    from,
    reason: 'malformed',
    detail: `version ${numbers.join('.')}`,
  };
  if (!counts) return [malformed];
  if (kind === 'repair') {
    const [first, count] = numbers;
    if (first === undefined || count === undefined || numbers.length > 2) return [malformed];
    return repair(state, from, { incarnation: first, count });
  }
  const change = changeOf(message, incarnation);
  return change === undefined ? [malformed] : takeChange(state, from, change, nowMs);
}

function takeChange(state: ChocoState, from: number, change: Change, nowMs: number): RuleAction[] {
  const { barrier } = state;
  const replica = present(state.replicas.get(from), `replica of ${from}`);
  const actions: RuleAction[] = [];
  // Changes of earlier rounds, as after a jump, would leave no room in the chain.
  if (replica.chain.some(({ round }) => round < state.round)) apply(state, replica, state.round - 1, actions);
  const taken = take(replica, change);
  if (taken === 'duplicate')
    return [...actions, { kind: 'refuse', from, reason: change.round < state.round ? 'stale' : 'duplicate' }];
  if (taken === 'gap') {
    const detail = `a change from ${shown(change.from ?? ZERO)}, but the replica is at ${shown(tipOf(replica))}`;
    const refusal = { kind: 'refuse', from, reason: 'out-of-step', detail } as const;
    // Of changes that cannot be taken the barrier hears nothing: that the neighbour is far ahead would go unnoticed.
    const isAhead = change.round > barrier.round + (state.context.aheadMax.get(from) ?? 1);
    const behind: RuleAction[] = isAhead ? [{ kind: 'behind', round: change.round }] : [];
    return [...actions, refusal, ...ask(state, replica, change.round), ...behind];
  }
  for (const { content, round } of taken) {
    // A whole vector stands for the rounds before it, too, that this peer has not mixed yet.
    if (!(content instanceof Uint8Array)) {
      const before = Math.min(round - 1, barrier.round + (state.context.aheadMax.get(from) ?? 1));
      for (let at = Math.max(0, barrier.round); at <= before; at++) arrive(barrier, from, at, NOTHING, nowMs);
    }
    const arrival = arrive(barrier, from, round, NOTHING, nowMs);
    if (arrival === 'taken') continue;
    actions.push({ kind: 'refuse', from, reason: arrival });
    if (arrival === 'future') actions.push({ kind: 'behind', round });
  }
  return actions;
}

/** The barrier need not know what came, only that it is here. */
const NOTHING = new Float32Array(0);

function ask(state: ChocoState, replica: Replica, round: number): RuleAction[] {
  if (round <= replica.askedRound) return [];
  replica.askedRound = round;
  const { incarnation, count } = tipOf(replica);
  const message = {
    kind: 'repair',
    round: Math.max(0, state.round),
    vectors: [],
    numbers: [incarnation, count],
  };
  return [{ kind: 'send', to: [replica.peer], message }];
}

/** A neighbour is out of step: it gets the changes since `held`, or x̂ᵢ itself and those since. */
function repair(state: ChocoState, from: number, held: Version): RuleAction[] {
  const given = state.repairs.get(from) ?? 0;
  const allowed = given < REPAIRS_PER_ROUND_MAX && state.context.outNeighbours.includes(from);
  if (state.round < 0 || !allowed) return [{ kind: 'refuse', from, reason: 'unexpected' }];
  state.repairs.set(from, given + 1);
  const changes = changesSince(state.model, held);
  if (changes.length === 0) return [{ kind: 'refuse', from, reason: 'unexpected' }];
  return changes.map((change) => ({ kind: 'send', to: [from], message: messageOf(change) }));
}

function proceed(state: ChocoState, { now }: RuleScope, actions: RuleAction[]): void {
  const wait = whenAllHere(state, now, actions);
  if (wait === undefined) return;
  state.phase = 'idle';
  state.scratch = commit(state.model, state.scratch);
  const excluded = catchUpAll(state, wait, actions);
  actions.push({ kind: 'complete', round: state.round, params: mixed(state, excluded), excluded });
}

/** Brings all replicas up to this round; returns who is not in its sum. */
function catchUpAll(state: ChocoState, wait: Wait, actions: RuleAction[]): readonly Exclusion[] {
  const excluded = [...wait.excluded];
  for (const replica of state.replicas.values()) {
    const { peer } = replica;
    apply(state, replica, state.round, actions);
    const arrived = wait.arrived.some((one) => one.peer === peer);
    if (arrived && replica.round < state.round) excluded.push({ peer, reason: 'absent' });
  }
  return excluded.sort((a, b) => a.peer - b.peer);
}

/** Brings a replica up to `round`. */
function apply(state: ChocoState, replica: Replica, round: number, actions: RuleAction[]): void {
  const { scratch, problem } = catchUp(replica, round, state.model.codec, state.scratch);
  state.scratch = scratch;
  if (problem === undefined) return;
  actions.push({ kind: 'refuse', from: replica.peer, reason: 'malformed', detail: problem });
  actions.push(...ask(state, replica, state.round));
}

/** x + γ Σⱼ Wᵢⱼ(x̂ⱼ − x̂ᵢ), j ascending; written over x where nobody else holds that (spare.ts says what for). */
function mixed(state: ChocoState, excluded: readonly Exclusion[]): Vector {
  const { context, model, replicas } = state;
  const gamma = present(state.gamma, 'γ of a round that began');
  const out = new Set(excluded.map(({ peer }) => peer));
  const terms: WeightedVector[] = [];
  for (const { peer, vector } of replicas.values()) {
    if (out.has(peer) || vector === undefined) continue;
    terms.push({ weight: context.mixingRow.get(peer) ?? 0, vector });
  }
  const trained = present(state.trained, 'trained params');
  const into = state.ownsTrained ? trained : undefined;
  return plusDifferences(trained, gamma, terms, present(model.own.vector, 'own x̂'), into);
}

function shown({ incarnation, count }: Version): string {
  return `version ${incarnation}.${count}`;
}
