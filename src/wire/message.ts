/**
 * What peers say to each other on the data plane, as a frame and back. The head is a list in CBOR (deterministic, bounded),
 *   [code, round, incarnation, sequence, numbers?, agreement?]
 * whose code is the message's type or, from EXCHANGE on, the place of its kind among the rule's kinds in alphabetical order: with
 * compressed models every byte of it counts. The body is the vectors one after another as raw little-endian numbers, each padded to 8
 * bytes, and behind them the payload's bytes. Decoding trusts nothing: size, code, shape, round and finiteness are checked, and a
 * refusal is a result, never an exception.
 */
import { decode, encode } from 'cborg';
import { assert, present } from '../base/assert.ts';
import type { MessageShape, RuleMessage } from '../exchange/rule.ts';
import { allFinite } from '../params/kernels.ts';
import { bytesOf, type Precision, precisionOf, type Vector } from '../params/layout.ts';
import { type Agreement, decodeAgreement, encodeAgreement } from './agreement.ts';
import type { Frame, FrameLimits } from './frame.ts';

/** Heads are small: names, counters and at most NUMBERS_MAX numbers. */
export const HEAD_BYTES_MAX = 4096;
const NUMBERS_MAX = 64;
const HEAD_ITEMS_MAX = 6;
/** Codes of the types that carry no rule message, by place. */
const TYPES = ['pull', 'state', 'rejoin', 'leave', 'again'] as const satisfies PeerMessage['type'][];
/** The code of the rule's first kind. */
const EXCHANGE = 8;

const STATE: MessageShape = { vectors: ['params'] };
const NOTHING: MessageShape = { vectors: [] };
const NO_PAYLOAD = { bytesMin: 0, bytesMax: 0 };
const NO_BYTES = new Uint8Array(0);

export type PeerMessage =
  | { readonly type: 'exchange'; readonly message: RuleMessage; readonly agreement?: Agreement }
  /** Please send me your state; I am in `round`. */
  | { readonly type: 'pull'; readonly round: number }
  /** My params at the start of `round`. */
  | {
      readonly type: 'state';
      readonly round: number;
      readonly params: Vector;
      readonly agreement?: Agreement;
    }
  /** I am at `round` and take part from there on. */
  | { readonly type: 'rejoin'; readonly round: number }
  /** I stop in `round` and take part in nothing more. */
  | { readonly type: 'leave'; readonly round: number }
  /** What you sent me for this round has not come: please send it again, and what you have sent since. */
  | { readonly type: 'again'; readonly round: number };

/** (sender, incarnation, sequence) names a message for ever: duplicates and replays are told by it. */
export interface Envelope {
  readonly incarnation: number;
  readonly sequence: number;
  readonly message: PeerMessage;
}

export type WireRefusal =
  | 'head-invalid'
  | 'kind-unknown'
  | 'shape-mismatch'
  | 'round-out-of-range'
  | 'not-finite';

export type Decoded =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly reason: WireRefusal; readonly detail: string };

export interface WireBounds {
  /** Length of every vector. */
  readonly layoutSize: number;
  /** The exchange rule's messages. */
  readonly messages: Readonly<Record<string, MessageShape>>;
  /** Precision of the params. */
  readonly params: Precision;
  /** No round reaches this. */
  readonly roundsMax: number;
}

/** What a transport must be ready to carry under these bounds. */
export function frameLimits(bounds: WireBounds): FrameLimits {
  const sizes = Object.values(bounds.messages).map((shape) => bodyOf(shape, bounds).bytesMax);
  return {
    headBytesMax: HEAD_BYTES_MAX,
    bodyBytesMax: Math.max(bodyOf(STATE, bounds).bytesMax, ...sizes),
  };
}

/** A rule's message kinds in the order of their codes. */
export function kindsOf(messages: WireBounds['messages']): readonly string[] {
  return Object.keys(messages).sort();
}

/**
 * `kinds` as kindsOf gives them, with the kind of an exchange among them. The body shares the memory of vectors and payload: they must
 * not change while the frame is being sent.
 */
export function encodeEnvelope(
  { incarnation, sequence, message }: Envelope,
  kinds: readonly string[],
): Frame {
  if (message.type === 'exchange') {
    const { kind, round, vectors, numbers, payload } = message.message;
    const place = kinds.indexOf(kind);
    assert(place >= 0, () => `message kind ${kind}`);
    const told = detailsOf(numbers, message.agreement);
    return frame([EXCHANGE + place, round, incarnation, sequence, ...told], vectors, payload);
  }
  const agreement = message.type === 'state' ? message.agreement : undefined;
  const head = [TYPES.indexOf(message.type), message.round, incarnation, sequence];
  const vectors = message.type === 'state' ? [message.params] : [];
  return frame([...head, ...detailsOf([], agreement)], vectors);
}

/** The last two items of a head: neither, the numbers, or both. */
function detailsOf(numbers: readonly number[], agreement: Agreement | undefined): unknown[] {
  if (agreement !== undefined) return [[...numbers], encodeAgreement(agreement)];
  return numbers.length === 0 ? [] : [[...numbers]];
}

function frame(head: readonly unknown[], vectors: readonly Vector[], payload: Uint8Array = NO_BYTES): Frame {
  const bytes = encode(head);
  assert(bytes.length <= HEAD_BYTES_MAX, `head of ${bytes.length} bytes`);
  const body = vectors.flatMap((vector) => {
    const piece = bytesOf(vector);
    const padding = padded(piece.length) - piece.length;
    return padding === 0 ? [piece] : [piece, new Uint8Array(padding)];
  });
  return { head: bytes, body: payload.length === 0 ? body : [...body, payload] };
}

/** Vectors and payload of the result share the body's memory. */
export function decodeEnvelope(received: Frame, bounds: WireBounds): Decoded {
  const head = decodeHead(received.head);
  if (head === undefined)
    return refuse('head-invalid', `head of ${received.head.length} bytes is no list of what a head holds`);
  if (head.round >= bounds.roundsMax)
    return refuse('round-out-of-range', `round ${head.round} of ${bounds.roundsMax}`);
  const kind = kindsOf(bounds.messages)[head.code - EXCHANGE];
  const type = TYPES[head.code] ?? (kind === undefined ? undefined : 'exchange');
  if (type === undefined) return refuse('kind-unknown', `no message has the code ${head.code}`);
  const shape = kind === undefined ? shapeOf(type) : present(bounds.messages[kind], 'shape of a kind');
  const body = received.body[0] ?? new Uint8Array(0);
  const { precisions, bytesMin, bytesMax, vectorBytes } = bodyOf(shape, bounds);
  if (body.length < bytesMin || body.length > bytesMax) {
    const wanted = bytesMin === bytesMax ? `${bytesMin}` : `${bytesMin} to ${bytesMax}`;
    return refuse('shape-mismatch', `body of ${body.length} bytes, wanted ${wanted}`);
  }
  const vectors = sliceVectors(body, precisions, bounds.layoutSize);
  if (!vectors.every(allFinite)) return refuse('not-finite', 'a vector holds NaN or an infinity');
  const payload = shape.payload === undefined ? undefined : body.subarray(vectorBytes);
  return { ok: true, envelope: envelopeOf({ ...head, type, kind: kind ?? '' }, vectors, payload) };
}

interface Head {
  readonly code: number;
  readonly round: number;
  readonly incarnation: number;
  readonly sequence: number;
  readonly numbers: readonly number[];
  readonly agreement: Agreement | undefined;
}

/** A head whose code says what it is. */
interface NamedHead extends Head {
  readonly type: PeerMessage['type'];
  /** Of an exchange; else empty. */
  readonly kind: string;
}

function decodeHead(bytes: Uint8Array): Head | undefined {
  if (bytes.length > HEAD_BYTES_MAX) return undefined;
  let raw: unknown;
  try {
    raw = decode(bytes, { allowIndefinite: false, allowUndefined: false, rejectDuplicateMapKeys: true });
  } catch {
    return undefined; // not CBOR: whatever the reason, the caller refuses it
  }
  if (!Array.isArray(raw) || raw.length > HEAD_ITEMS_MAX) return undefined;
  const [code, round, incarnation, sequence, numbers = [], told] = raw as unknown[];
  if (!isCount(code) || !isCount(round) || !isCount(incarnation) || !isCount(sequence)) return undefined;
  if (!Array.isArray(numbers) || numbers.length > NUMBERS_MAX) return undefined;
  if (!numbers.every((item) => Number.isFinite(item))) return undefined;
  const agreement = told === undefined ? undefined : decodeAgreement(told);
  if ((told === undefined) !== (agreement === undefined)) return undefined;
  return { code, round, incarnation, sequence, numbers, agreement };
}

/** Of messages that are not the rule's. */
function shapeOf(type: PeerMessage['type']): MessageShape {
  return type === 'state' ? STATE : NOTHING;
}

function precisionsOf({ vectors }: MessageShape, params: Precision): Precision[] {
  return vectors.map((precision) => (precision === 'params' ? params : precision));
}

function envelopeOf(head: NamedHead, vectors: readonly Vector[], payload: Uint8Array | undefined): Envelope {
  const { type, round, incarnation, sequence } = head;
  const agreement = head.agreement === undefined ? {} : { agreement: head.agreement };
  switch (type) {
    case 'exchange': {
      const carried = payload === undefined ? {} : { payload };
      const message: RuleMessage = { kind: head.kind, round, vectors, numbers: head.numbers, ...carried };
      return { incarnation, sequence, message: { type, message, ...agreement } };
    }
    case 'state':
      return {
        incarnation,
        sequence,
        message: { type, round, params: present(vectors[0], 'params of a state'), ...agreement },
      };
    case 'pull':
    case 'rejoin':
    case 'leave':
    case 'again':
      return { incarnation, sequence, message: { type, round } };
  }
}

function sliceVectors(body: Uint8Array, precisions: readonly Precision[], size: number): Vector[] {
  const aligned = body.byteOffset % 8 === 0 ? body : Uint8Array.from(body);
  let offset = aligned.byteOffset;
  return precisions.map((precision) => {
    const vector =
      precision === 'f32'
        ? new Float32Array(aligned.buffer, offset, size)
        : new Float64Array(aligned.buffer, offset, size);
    offset += padded(vector.byteLength);
    return vector;
  });
}

/** What a body of this shape holds, and how many bytes it has. */
function bodyOf(shape: MessageShape, { layoutSize, params }: WireBounds) {
  const precisions = precisionsOf(shape, params);
  const widths = precisions.map((precision) => padded(layoutSize * (precision === 'f32' ? 4 : 8)));
  const vectorBytes = widths.reduce((sum, width) => sum + width, 0);
  const { bytesMin, bytesMax } = shape.payload?.(layoutSize, params) ?? NO_PAYLOAD;
  return { precisions, vectorBytes, bytesMin: vectorBytes + bytesMin, bytesMax: vectorBytes + bytesMax };
}

function padded(byteCount: number): number {
  return Math.ceil(byteCount / 8) * 8;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refuse(reason: WireRefusal, detail: string): Decoded {
  return { ok: false, reason, detail };
}

/** Whether a message is what the rule's kind declares; an outgoing message that is not is a bug. */
export function assertShape(message: RuleMessage, shape: MessageShape | undefined, params: Vector): void {
  const { kind, vectors, payload } = message;
  const declared = present(shape, () => `message kind ${kind}`);
  const precision = precisionOf(params);
  const precisions = precisionsOf(declared, precision);
  assert(vectors.length === precisions.length, () => `${kind} carries ${vectors.length} vectors`);
  vectors.forEach((vector, index) => {
    assert(
      precisionOf(vector) === precisions[index] && vector.length === params.length,
      () => `${kind} vector ${index}`,
    );
  });
  assert((payload === undefined) === (declared.payload === undefined), () => `payload of ${kind}`);
  if (payload === undefined) return;
  const { bytesMin, bytesMax } = declared.payload?.(params.length, precision) ?? NO_PAYLOAD;
  assert(
    payload.length >= bytesMin && payload.length <= bytesMax,
    () => `${kind} carries ${payload.length} bytes, declared ${bytesMin} to ${bytesMax}`,
  );
}
