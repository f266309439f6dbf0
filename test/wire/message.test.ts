/** What peers say as frames and back: identity for what is right, a reason for what is not, never an exception. */
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  frameLimits,
  HEAD_BYTES_MAX,
  kindsOf,
  type WireBounds,
} from '../../src/wire/message.ts';

const bounds: WireBounds = {
  layoutSize: 3,
  messages: {
    model: { vectors: ['params'] },
    sums: { vectors: ['f64', 'params'] },
    busy: { vectors: [] },
    delta: { vectors: [], payload: (length) => ({ bytesMin: 2, bytesMax: 3 * length }) },
    both: { vectors: ['params'], payload: () => ({ bytesMin: 0, bytesMax: 5 }) },
  },
  params: 'f32',
  roundsMax: 50,
};

const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const round = fc.nat(49);
const f32 = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 })
  .map((values) => Float32Array.from(values));
const f64 = fc
  .array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 })
  .map((values) => Float64Array.from(values));
// CBOR writes −0 as the integer 0.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const numbers = fc.array(number, { maxLength: 64 });
const bytesOf = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const exchanged = fc.oneof(
  fc.record({ kind: fc.constant('model'), round, vectors: fc.tuple(f32), numbers }),
  fc.record({ kind: fc.constant('sums'), round, vectors: fc.tuple(f64, f32), numbers }),
  fc.record({ kind: fc.constant('busy'), round, vectors: fc.constant([]), numbers }),
  fc.record({ kind: fc.constant('delta'), round, vectors: fc.constant([]), numbers, payload: bytesOf(2, 9) }),
  fc.record({ kind: fc.constant('both'), round, vectors: fc.tuple(f32), numbers, payload: bytesOf(0, 5) }),
);
const message = fc.oneof(
  exchanged.map((inner) => ({ type: 'exchange' as const, message: inner })),
  fc.record({ type: fc.constantFrom('pull' as const, 'rejoin' as const, 'again' as const), round }),
  fc.record({ type: fc.constant('state' as const), round, params: f32 }),
);
const envelopes: fc.Arbitrary<Envelope> = fc.record({ incarnation: count, sequence: count, message });

const joined = (pieces: readonly Uint8Array[]) => Uint8Array.from(pieces.flatMap((piece) => [...piece]));
const received = (head: Uint8Array, body: Uint8Array = new Uint8Array(0)) =>
  decodeEnvelope({ head, body: [body] }, bounds);
const kinds = kindsOf(bounds.messages);
/** The code of a rule's kind. */
const codeOf = (kind: string) => 8 + kinds.indexOf(kind);
interface Fields {
  readonly code: unknown;
  readonly round: unknown;
  readonly sequence: unknown;
  readonly numbers: unknown;
  readonly agreement: unknown;
}
const head = (fields: Partial<Fields>) => {
  const { code = codeOf('model'), round = 1, sequence = 1, numbers, agreement } = fields;
  const details = [numbers, agreement].filter((one) => one !== undefined);
  return encode([code, round, 1, sequence, ...details]);
};
const model = joined(
  encodeEnvelope(
    {
      incarnation: 1,
      sequence: 1,
      message: {
        type: 'exchange',
        message: { kind: 'model', round: 1, vectors: [Float32Array.of(1, 2, 3)], numbers: [] },
      },
    },
    kinds,
  ).body,
);

function reasonOf(result: ReturnType<typeof decodeEnvelope>): string {
  return result.ok ? 'taken' : result.reason;
}

describe('envelope', () => {
  test('decode after encode is the identity, at any alignment of the body', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(7), (envelope, shift) => {
        const frame = encodeEnvelope(envelope, kinds);
        const bytes = joined(frame.body);
        const moved = new Uint8Array(bytes.length + shift).subarray(shift);
        moved.set(bytes);
        const result = received(frame.head, moved);
        expect(result).toEqual({ ok: true, envelope });
        expect(bytes.length).toBeLessThanOrEqual(frameLimits(bounds).bodyBytesMax);
      }),
    );
  });

  test('arbitrary bytes never throw', () => {
    const cbor = fc.anything({ withNullPrototype: false }).map((value) => {
      try {
        return encode(value);
      } catch {
        return new Uint8Array(0);
      }
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), cbor), fc.uint8Array(), (bytes, body) => {
        expect(reasonOf(received(bytes, body))).toEqual(expect.any(String));
      }),
    );
  });

  test('a changed, cut or grown head is refused or still within the bounds, never thrown at', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.nat(255), (envelope, at, value) => {
        const frame = encodeEnvelope(envelope, kinds);
        const bytes = frame.head.slice();
        bytes[at % bytes.length] = value;
        const result = received(bytes, joined(frame.body));
        if (result.ok && result.envelope.message.type === 'pull')
          expect(result.envelope.message.round).toBeLessThan(50);
        expect(reasonOf(received(frame.head.subarray(0, at % frame.head.length)))).toBe('head-invalid');
      }),
    );
  });

  test('what is right is taken', () => {
    expect(reasonOf(received(head({}), model))).toBe('taken');
  });

  test.each([
    ['no CBOR', Uint8Array.of(0xff), 'head-invalid'],
    ['a map', encode({ v: 1, t: 'pull', r: 1, i: 1, s: 1 }), 'head-invalid'],
    ['a short list', encode([1]), 'head-invalid'],
    ['a long list', encode([8, 1, 1, 1, [], { b: new Uint8Array(0) }, 1]), 'head-invalid'],
    ['an agreement that is none', head({ numbers: [], agreement: { b: 1 } }), 'head-invalid'],
    ['deep nesting', new Uint8Array(4000).fill(0x81), 'head-invalid'],
    ['an oversize head', head({ code: 'y'.repeat(HEAD_BYTES_MAX) }), 'head-invalid'],
    ['a code that is no number', head({ code: 'sudo' }), 'head-invalid'],
    ['a negative code', head({ code: -1 }), 'head-invalid'],
    ['a negative round', head({ round: -1 }), 'head-invalid'],
    ['a fractional round', head({ round: 1.5 }), 'head-invalid'],
    ['a huge round', head({ round: 2n ** 60n }), 'head-invalid'],
    ['a missing sequence', encode([0, 1, 1]), 'head-invalid'],
    ['too many numbers', head({ numbers: Array(65).fill(1) }), 'head-invalid'],
    ['a number that is none', head({ numbers: ['1'] }), 'head-invalid'],
    ['an infinite number', head({ numbers: [Number.POSITIVE_INFINITY] }), 'head-invalid'],
    ['NaN as a number', head({ numbers: [Number.NaN] }), 'head-invalid'],
    ['trailing bytes', joined([head({}), Uint8Array.of(0)]), 'head-invalid'],
    ['a round beyond the run', head({ round: 50 }), 'round-out-of-range'],
    ['a code between types and kinds', head({ code: 5 }), 'kind-unknown'],
    ['a code beyond the kinds', head({ code: 8 + kinds.length }), 'kind-unknown'],
    ['a huge code', head({ code: Number.MAX_SAFE_INTEGER }), 'kind-unknown'],
  ])('%s is refused', (_, bytes, reason) => {
    expect(reasonOf(received(bytes, model))).toBe(reason);
  });

  test.each([
    ['a truncated body', model.subarray(0, 8), 'shape-mismatch'],
    ['an empty body', new Uint8Array(0), 'shape-mismatch'],
    ['a longer body', new Uint8Array(24), 'shape-mismatch'],
    ['NaN', bodyOf(Number.NaN), 'not-finite'],
    ['Infinity', bodyOf(Number.POSITIVE_INFINITY), 'not-finite'],
    ['-Infinity', bodyOf(Number.NEGATIVE_INFINITY), 'not-finite'],
  ])('a model with %s is refused', (_, body, reason) => {
    expect(reasonOf(received(head({}), body))).toBe(reason);
  });

  test.each([
    ['delta', 1, 'shape-mismatch'],
    ['delta', 2, 'taken'],
    ['delta', 9, 'taken'],
    ['delta', 10, 'shape-mismatch'],
    ['both', 15, 'shape-mismatch'],
    ['both', 16, 'taken'],
    ['both', 21, 'taken'],
    ['both', 22, 'shape-mismatch'],
    ['busy', 1, 'shape-mismatch'],
  ])('a %s of %i bytes is judged by the bounds of its payload: %s', (kind, bytes, verdict) => {
    expect(reasonOf(received(head({ code: codeOf(kind) }), new Uint8Array(bytes)))).toBe(verdict);
  });

  test('a payload is a view of the body: nothing is copied', () => {
    const body = Uint8Array.of(1, 2, 3);
    const result = received(head({ code: codeOf('delta') }), body);
    const message = result.ok ? result.envelope.message : undefined;
    const payload = message?.type === 'exchange' ? message.message.payload : undefined;
    expect(payload?.buffer).toBe(body.buffer);
  });

  test('what a transport must carry is bounded by the largest payload', () => {
    const large = { delta: { vectors: [], payload: () => ({ bytesMin: 0, bytesMax: 1000 }) } };
    expect(frameLimits({ ...bounds, messages: large }).bodyBytesMax).toBe(1000);
    expect(frameLimits({ ...bounds, messages: {} }).bodyBytesMax).toBe(16);
  });

  test('a head says no more than it must: ten bytes and fewer for a round below 256', () => {
    const sent = { kind: 'delta', round: 200, vectors: [], numbers: [], payload: new Uint8Array(2) };
    const frame = encodeEnvelope(
      { incarnation: 1, sequence: 400, message: { type: 'exchange', message: sent } },
      kinds,
    );
    expect([...frame.head]).toEqual([0x84, codeOf('delta'), 0x18, 200, 1, 0x19, 1, 144]);
  });

  test('params in f64 travel as f64', () => {
    const wide = { ...bounds, params: 'f64' as const };
    const params = Float64Array.of(Math.PI, 1e-300, -2);
    const message = { type: 'state' as const, round: 3, params };
    const frame = encodeEnvelope({ incarnation: 1, sequence: 2, message }, []);
    const result = decodeEnvelope({ head: frame.head, body: [joined(frame.body)] }, wide);
    expect(result.ok && result.envelope.message).toEqual({ type: 'state', round: 3, params });
  });
});

function bodyOf(last: number): Uint8Array {
  return new Uint8Array(Float32Array.of(1, 2, last, 0).buffer);
}
