/**
 * Any rule's params vectors in half precision or 8-bit integers on the wire, with error feedback (Karimireddy et al. 2019, Algorithm 2):
 *   v = x + e;  sent: Q(v);  e ← v − Q(v)
 * so that what rounding takes from one message the next one brings: the sum of all that a peer sent is off by one e, whatever the number
 * of rounds. One e per peer, whoever the message goes to; a message that carries a run of the params uses and changes that run of e. A
 * decorator of the rule: same events, same actions, so that every driver and replay get it for nothing. Rules whose messages are changes
 * or sums know themselves what rounding took from them (`encodedAs`). Params that are asked for while catching up travel as they are.
 */
import { assert, present } from '../base/assert.ts';
import { type Codec, parseCompressor } from '../compress/index.ts';
import { bytesOf, type Precision, precisionOf, type Vector, zeros } from '../params/layout.ts';
import type {
  ExchangeRule,
  MessageShape,
  RuleAction,
  RuleContext,
  RuleEvent,
  RuleLife,
  RuleMessage,
  RuleScope,
} from './rule.ts';
import { packSnapshot, unpackSnapshot, vectorOf } from './snapshot.ts';

export const encodings = ['raw', 'fp16', 'int8'] as const;
export type Encoding = (typeof encodings)[number];

/** Messages per sender that may come before the first round, when the params' length is not known yet. */
const EARLY_MAX = 4;

type Received = RuleEvent & { kind: 'received' };

interface EncodedState {
  readonly inner: unknown;
  readonly codec: Codec;
  readonly options: RuleContext['options'];
  /** e; undefined: zero. */
  error: Vector | undefined;
  /** e at the end of the last round, which is what a restart goes on from. */
  errorOfRound: Vector | undefined;
  /** What became of vectors already sent: the same one sent again is the same bytes. */
  readonly sent: WeakMap<Vector, Uint8Array>;
  /** Any params, for their length and precision; undefined before the first round. */
  like: Vector | undefined;
  readonly early: Map<number, Received[]>;
}

interface EncodedSnapshot {
  readonly inner: Uint8Array;
  readonly precision: Precision;
  readonly error: Uint8Array;
}

/** The rule with its vectors encoded; `rule` itself where they travel raw. */
export function withEncoding(rule: ExchangeRule, encoding: Encoding): ExchangeRule {
  if (encoding === 'raw') return rule;
  const name = `${rule.name}+${encoding}`;
  const summary = `${rule.summary} (models travel as ${encoding})`;
  if (rule.encodedAs !== undefined) return { ...rule.encodedAs(encoding), name, summary };
  const parsed = parseCompressor(encoding);
  assert(parsed.ok, `codec ${encoding}`);
  const { codec } = parsed;
  const messages = Object.fromEntries(
    Object.entries(rule.messages).map(([kind, shape]) => [kind, shapeOf(shape, codec)]),
  );
  const encoded: ExchangeRule<EncodedState> = {
    ...rule,
    name,
    summary,
    messages,
    init: (context, firstRound, life) => {
      const saved = unpack(life);
      const inner = rule.init(context, firstRound, saved.life);
      const { error } = saved;
      const state = { error, errorOfRound: error, sent: new WeakMap(), like: undefined, early: new Map() };
      return { inner, codec, options: context.options, ...state };
    },
    snapshot: ({ inner, errorOfRound }) => {
      const error = errorOfRound ?? new Float32Array(0);
      return packSnapshot({
        inner: rule.snapshot?.(inner) ?? new Uint8Array(0),
        precision: precisionOf(error),
        error: bytesOf(error),
      } satisfies EncodedSnapshot);
    },
    waitingFor: ({ inner }) => rule.waitingFor(inner),
    isLeaving: ({ inner }) => rule.isLeaving?.(inner) === true,
    step: (state, event, scope) => step(rule, state, event, scope),
  };
  return encoded as ExchangeRule;
}

function shapeOf(shape: MessageShape, codec: Codec): MessageShape {
  if (shape.runOf !== undefined) {
    const bytesMax = (length: number, params: Precision) => codec.bytesOf(length, params).bytesMax;
    return { ...shape, payload: (length, params) => ({ bytesMin: 0, bytesMax: bytesMax(length, params) }) };
  }
  const count = shape.vectors.filter((precision) => precision === 'params').length;
  if (count === 0) return shape;
  return {
    vectors: shape.vectors.filter((precision) => precision !== 'params'),
    payload: (length, params) => {
      const { bytesMin, bytesMax } = codec.bytesOf(length, params);
      return { bytesMin: count * bytesMin, bytesMax: count * bytesMax };
    },
  };
}

function unpack(life: RuleLife | undefined): { life: RuleLife | undefined; error: Vector | undefined } {
  if (life?.snapshot === undefined || life.snapshot.length === 0) return { life, error: undefined };
  const { inner, precision, error } = unpackSnapshot<EncodedSnapshot>(life.snapshot);
  const { incarnation } = life;
  return {
    life: inner.length === 0 ? { incarnation } : { incarnation, snapshot: inner },
    error: error.length === 0 ? undefined : vectorOf(precision, error.slice()),
  };
}

function step(rule: ExchangeRule, state: EncodedState, event: RuleEvent, scope: RuleScope): RuleAction[] {
  const actions: RuleAction[] = [];
  const feed = (given: RuleEvent) => {
    for (const action of rule.step(state.inner, given, scope)) {
      if (action.kind === 'send') actions.push({ ...action, message: encode(rule, state, action.message) });
      else actions.push(action);
      if (action.kind === 'complete') state.errorOfRound = state.error;
    }
  };
  if (event.kind === 'received') {
    const result = state.like === undefined ? hold(state, event) : decode(rule, state, event);
    if (result?.kind === 'received') feed(result);
    else if (result !== undefined) actions.push(result);
    return actions;
  }
  if (event.kind !== 'begin') {
    feed(event);
    return actions;
  }
  const first = state.like === undefined;
  state.like = event.params;
  feed(event);
  if (!first) return actions;
  for (const early of [...state.early.values()].flat()) actions.push(...step(rule, state, early, scope));
  state.early.clear();
  return actions;
}

function hold({ early }: EncodedState, event: Received): undefined {
  early.set(event.from, [...(early.get(event.from) ?? []), event].slice(-EARLY_MAX));
}

function encode(rule: ExchangeRule, state: EncodedState, message: RuleMessage): RuleMessage {
  const shape = present(rule.messages[message.kind], `message kind ${message.kind}`);
  if (shape.runOf !== undefined) return encodeRunOf(shape, state, message);
  if (!shape.vectors.includes('params')) return message;
  const plain = message.vectors.filter((_, index) => shape.vectors[index] !== 'params');
  const pieces = message.vectors
    .filter((_, index) => shape.vectors[index] === 'params')
    .map((vector) => encodeWhole(state, vector));
  const payload = pieces.length === 1 ? present(pieces[0], 'a piece') : Buffer.concat(pieces);
  return { ...message, vectors: plain, payload };
}

function encodeRunOf({ runOf }: MessageShape, state: EncodedState, message: RuleMessage): RuleMessage {
  const like = present(state.like, 'params');
  const [start] = present(runOf?.(message.numbers, state.options, like.length), 'the run of a message');
  const run = vectorOf(precisionOf(like), present(message.payload, 'a run'));
  return { ...message, payload: encodeRun(state, run, start) };
}

function encodeWhole(state: EncodedState, vector: Vector): Uint8Array {
  const before = state.sent.get(vector);
  if (before !== undefined) return before;
  const bytes = encodeRun(state, vector, 0);
  state.sent.set(vector, bytes);
  return bytes;
}

/** Params from element `start` on, with what rounding took from these elements before. */
function encodeRun(state: EncodedState, run: Vector, start: number): Uint8Array {
  const { codec, error } = state;
  const wanted = run.slice();
  if (error !== undefined)
    for (let index = 0; index < wanted.length; index++)
      wanted[index] = wanted[index]! + error[start + index]!;
  const bytes = codec.encode(wanted, () => 0.5);
  const decoded = zeros(precisionOf(run), run.length);
  // What does not decode (params that are not finite) is refused by everybody: nothing was said.
  if (codec.decode(bytes, decoded) !== undefined) return bytes;
  for (let index = 0; index < wanted.length; index++) wanted[index] = wanted[index]! - decoded[index]!;
  state.error = withRun(state, wanted, start);
  return bytes;
}

/** e with a run of it replaced; e of the last round stays as it is. */
function withRun({ like, error, errorOfRound }: EncodedState, run: Vector, start: number): Vector {
  const { length } = present(like, 'params');
  if (run.length === length) return run;
  const into = error === errorOfRound ? (error?.slice() ?? zeros(precisionOf(run), length)) : error;
  present(into, 'e').set(run, start);
  return present(into, 'e');
}

function decode(
  rule: ExchangeRule,
  state: EncodedState,
  event: Received,
): Received | (RuleAction & { kind: 'refuse' }) {
  const { message } = event;
  const shape = present(rule.messages[message.kind], `message kind ${message.kind}`);
  if (shape.runOf !== undefined) return decodeRun(shape, state, event);
  if (!shape.vectors.includes('params')) return event;
  const { payload: given, ...rest } = message;
  const payload = present(given, 'payload');
  const like = present(state.like, 'params');
  const count = shape.vectors.filter((precision) => precision === 'params').length;
  const pieceBytes = payload.length / count;
  let [plain, piece] = [0, 0];
  const vectors: Vector[] = [];
  for (const precision of shape.vectors) {
    if (precision !== 'params') {
      vectors.push(present(message.vectors[plain++], 'vector'));
      continue;
    }
    const vector = zeros(precisionOf(like), like.length);
    const bytes = payload.subarray(pieceBytes * piece, pieceBytes * (piece + 1));
    const problem = state.codec.decode(bytes, vector);
    if (problem !== undefined)
      return { kind: 'refuse', from: event.from, reason: 'malformed', detail: problem };
    vectors.push(vector);
    piece += 1;
  }
  return { ...event, message: { ...rest, vectors }, exclusive: true };
}

function decodeRun(
  { runOf }: MessageShape,
  state: EncodedState,
  event: Received,
): Received | (RuleAction & { kind: 'refuse' }) {
  const { from, message } = event;
  const like = present(state.like, 'params');
  const run = runOf?.(message.numbers, state.options, like.length);
  if (run === undefined)
    return { kind: 'refuse', from, reason: 'malformed', detail: `no such run of ${like.length} params` };
  const vector = zeros(precisionOf(like), run[1] - run[0]);
  const problem = state.codec.decode(present(message.payload, 'payload'), vector);
  if (problem !== undefined) return { kind: 'refuse', from, reason: 'malformed', detail: problem };
  return { ...event, message: { ...message, payload: bytesOf(vector) } };
}
