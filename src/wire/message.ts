/**
 * What peers say to each other on the data plane, as a frame and back. The head is CBOR (deterministic, bounded), the body the
 * vectors one after another as raw little-endian numbers, each padded to 8 bytes, and behind them the payload's bytes. Decoding
 * trusts nothing: size, version, type, kind, shape, round and finiteness are checked, and a refusal is a result, never an exception.
 */
import { decode, encode } from 'cborg';
import { assert, present } from '../base/assert.ts';
import type { MessageShape, RuleMessage } from '../exchange/rule.ts';
import { allFinite } from '../params/kernels.ts';
import { bytesOf, type Precision, precisionOf, type Vector } from '../params/layout.ts';
import { type Agreement, decodeAgreement, encodeAgreement } from './agreement.ts';
import type { Frame, FrameLimits } from './frame.ts';

export const MESSAGE_VERSION = 1;
/** Heads are small: names, counters and at most NUMBERS_MAX numbers. */
export const HEAD_BYTES_MAX = 4096;
const NUMBERS_MAX = 64;
/** Characters of an unknown kind that are repeated in a record. */
const KIND_SHOWN_MAX = 40;

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
  | { readonly type: 'leave'; readonly round: number };

/** (sender, incarnation, sequence) names a message for ever: duplicates and replays are told by it. */
export interface Envelope {
  readonly incarnation: number;
  readonly sequence: number;
  readonly message: PeerMessage;
}

export type WireRefusal =
  | 'head-invalid'
  | 'version-unknown'
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

/** The body shares the memory of vectors and payload: they must not change while the frame is being sent. */
export function encodeEnvelope({ incarnation, sequence, message }: Envelope): Frame {
  const common = { v: MESSAGE_VERSION, t: message.type, i: incarnation, s: sequence };
  switch (message.type) {
    case 'exchange': {
      const { kind, round, vectors, numbers, payload } = message.message;
      return frame({ ...common, k: kind, r: round, n: [...numbers], ...known(message) }, vectors, payload);
    }
    case 'state':
      return frame({ ...common, r: message.round, ...known(message) }, [message.params]);
    case 'pull':
    case 'rejoin':
    case 'leave':
      return frame({ ...common, r: message.round }, []);
  }
}

function known({ agreement }: { readonly agreement?: Agreement }): Record<string, unknown> {
  return agreement === undefined ? {} : { g: encodeAgreement(agreement) };
}

function frame(
  head: Record<string, unknown>,
  vectors: readonly Vector[],
  payload: Uint8Array = NO_BYTES,
): Frame {
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
    return refuse('head-invalid', `head of ${received.head.length} bytes is not what version 1 says`);
  if (head.version !== MESSAGE_VERSION) return refuse('version-unknown', `message version ${head.version}`);
  if (head.round >= bounds.roundsMax)
    return refuse('round-out-of-range', `round ${head.round} of ${bounds.roundsMax}`);
  const shape = shapeOf(head, bounds);
  if (shape === undefined)
    return refuse('kind-unknown', `${head.type} ${head.kind.slice(0, KIND_SHOWN_MAX)}`.trim());
  const body = received.body[0] ?? new Uint8Array(0);
  const { precisions, bytesMin, bytesMax, vectorBytes } = bodyOf(shape, bounds);
  if (body.length < bytesMin || body.length > bytesMax) {
    const wanted = bytesMin === bytesMax ? `${bytesMin}` : `${bytesMin} to ${bytesMax}`;
    return refuse('shape-mismatch', `body of ${body.length} bytes, wanted ${wanted}`);
  }
  const vectors = sliceVectors(body, precisions, bounds.layoutSize);
  if (!vectors.every(allFinite)) return refuse('not-finite', 'a vector holds NaN or an infinity');
  const payload = shape.payload === undefined ? undefined : body.subarray(vectorBytes);
  return { ok: true, envelope: envelopeOf(head, vectors, payload) };
}

interface Head {
  readonly version: number;
  readonly type: PeerMessage['type'];
  readonly kind: string;
  readonly round: number;
  readonly incarnation: number;
  readonly sequence: number;
  readonly numbers: readonly number[];
  readonly agreement: Agreement | undefined;
}

const TYPES: readonly string[] = [
  'exchange',
  'pull',
  'state',
  'rejoin',
  'leave',
] satisfies PeerMessage['type'][];

function decodeHead(bytes: Uint8Array): Head | undefined {
  if (bytes.length > HEAD_BYTES_MAX) return undefined;
  let raw: unknown;
  try {
    raw = decode(bytes, { allowIndefinite: false, allowUndefined: false, rejectDuplicateMapKeys: true });
  } catch {
    return undefined; // not CBOR: whatever the reason, the caller refuses it
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
  const { v, t, k = '', r, i, s, n = [], g } = raw as Record<string, unknown>;
  const agreement = g === undefined ? undefined : decodeAgreement(g);
  if ((g === undefined) !== (agreement === undefined)) return undefined;
  if (!isCount(v) || !isCount(r) || !isCount(i) || !isCount(s)) return undefined;
  if (typeof t !== 'string' || !TYPES.includes(t) || typeof k !== 'string') return undefined;
  if (!Array.isArray(n) || n.length > NUMBERS_MAX || !n.every((item) => Number.isFinite(item)))
    return undefined;
  return {
    version: v,
    type: t as PeerMessage['type'],
    kind: k,
    round: r,
    incarnation: i,
    sequence: s,
    numbers: n,
    agreement,
  };
}

function shapeOf(head: Head, bounds: WireBounds): MessageShape | undefined {
  if (head.type === 'exchange')
    return Object.hasOwn(bounds.messages, head.kind) ? bounds.messages[head.kind] : undefined;
  return head.type === 'state' ? STATE : NOTHING;
}

function precisionsOf({ vectors }: MessageShape, params: Precision): Precision[] {
  return vectors.map((precision) => (precision === 'params' ? params : precision));
}

function envelopeOf(head: Head, vectors: readonly Vector[], payload: Uint8Array | undefined): Envelope {
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
