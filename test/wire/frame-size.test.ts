/** The size of a frame without making it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutgoingFrame } from '../../src/transport/outgoing-frame.ts';
import { frameBytesOf } from '../../src/wire/frame-size.ts';
import { type Envelope, encodeEnvelope, type PeerMessage } from '../../src/wire/message.ts';

const count = fc.oneof(fc.nat(30), fc.nat(300), fc.nat(70_000), fc.nat(5_000_000_000), fc.maxSafeNat());
const vector = fc.oneof(
  fc.nat(9).map((size) => new Float32Array(size)),
  fc.nat(9).map((size) => new Float64Array(size)),
);
const agreement = fc.record(
  { reached: fc.uniqueArray(fc.nat(400)).map((peers) => peers.sort((a, b) => a - b)), stopAt: fc.nat() },
  { requiredKeys: ['reached'] },
);
const number = fc.oneof(fc.integer(), fc.maxSafeNat(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const round = fc.nat();
const ruleMessage = fc.record(
  {
    kind: fc.string({ unit: 'grapheme', maxLength: 30 }),
    round,
    vectors: fc.array(vector, { maxLength: 3 }),
    numbers: fc.array(number, { maxLength: 40 }),
    payload: fc.uint8Array({ maxLength: 50 }),
  },
  { requiredKeys: ['kind', 'round', 'vectors', 'numbers'] },
);
const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record(
    { type: fc.constant('exchange' as const), message: ruleMessage, agreement },
    { requiredKeys: ['type', 'message'] },
  ),
  fc.record(
    { type: fc.constant('state' as const), round, params: vector, agreement },
    { requiredKeys: ['type', 'round', 'params'] },
  ),
  fc.record({
    type: fc.constantFrom('pull' as const, 'rejoin' as const, 'leave' as const, 'again' as const),
    round,
  }),
);

/** Those of a rule that has this message's kind and two others. */
const kindsIn = ({ message }: Envelope) =>
  message.type === 'exchange' ? ['a', message.message.kind, 'z'] : [];

test('is what the encoded and framed message has, whatever is in it', () => {
  fc.assert(
    fc.property(fc.record({ incarnation: count, sequence: count, message }), (envelope) => {
      expect(frameBytesOf(envelope)).toBe(
        new OutgoingFrame(encodeEnvelope(envelope, kindsIn(envelope))).wireBytes,
      );
    }),
    { numRuns: 500 },
  );
});

test('a compressed model costs twelve bytes more than its payload, in the first rounds', () => {
  const payload = new Uint8Array(84);
  const told = {
    type: 'exchange' as const,
    message: { kind: 'delta', round: 7, vectors: [], numbers: [], payload },
  };
  expect(frameBytesOf({ incarnation: 1, sequence: 8, message: told })).toBe(84 + 12);
});
