import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, InboundBudget } from '../../src/transport/frame-reader.ts';
import { OutgoingFrame } from '../../src/transport/outgoing-frame.ts';
import type { Frame } from '../../src/transport/transport.ts';
import { decodePreamble, encodePreamble, frameBytes } from '../../src/wire/framing.ts';
import { patterned } from './harness.ts';

const LIMITS = { headBytesMax: 64, bodyBytesMax: 4096 };

function wire(frame: Frame): Buffer {
  const outgoing = new OutgoingFrame(frame);
  return Buffer.concat([...outgoing.segments, outgoing.trailer()]);
}

function reading(budgetBytes = 100_000): { reader: FrameReader; budget: InboundBudget; frames: Frame[] } {
  const frames: Frame[] = [];
  const budget = new InboundBudget(budgetBytes);
  const reader = new FrameReader(LIMITS, budget, (frame) => frames.push(frame));
  return { reader, budget, frames };
}

test('frames come out of a stream however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(4096), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 900 })),
      (sizes, cuts) => {
        const { reader, budget, frames } = reading();
        const sent = sizes.map((bytes, seed) => patterned(bytes, seed));
        let rest: Uint8Array = Buffer.concat(sent.map(wire));
        for (const cut of [...cuts, Number.MAX_SAFE_INTEGER]) {
          expect(reader.push(rest.subarray(0, cut))).toBeUndefined();
          rest = rest.subarray(cut);
        }
        expect(frames.map(({ body }) => [...body[0]!])).toEqual(sent.map(({ body }) => [...body[0]!]));
        expect([reader.midFrame, budget.bytesTaken]).toEqual([false, 0]);
      },
    ),
  );
});

test('one changed bit anywhere is refused and nothing is delivered', () => {
  const good = wire(patterned(200));
  fc.assert(
    fc.property(fc.nat(good.byteLength * 8 - 1), (bit) => {
      const { reader, frames, budget } = reading();
      const bad = Buffer.from(good);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      const refusal = reader.push(bad) ?? reader.end();
      expect(refusal).toBeDefined();
      expect([frames.length, budget.bytesTaken]).toEqual([0, 0]);
    }),
  );
});

test('any bytes at all are a refusal or wait for more, never a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { reader, frames } = reading();
      const refusal = reader.push(bytes);
      expect(frames).toEqual([]);
      expect(refusal?.reason ?? 'frame-magic').toMatch(/^frame-/);
    }),
  );
});

test('sizes are checked, and the budget, before memory is taken', () => {
  for (const [head, body, reason] of [
    [65, 0, 'frame-too-large'],
    [0, 4097, 'frame-too-large'],
    [0, 2 ** 52, 'frame-too-large'],
    [64, 4096, 'inbound-budget'],
  ] as const) {
    const { reader, budget } = reading(1000);
    expect(reader.push(encodePreamble(head, body))?.reason).toBe(reason);
    expect(budget.bytesTaken).toBe(0);
  }
});

test('the preamble has the documented bytes, and says itself where it ends', () => {
  const bytes = encodePreamble(300, 0x0102030405);
  expect(Buffer.from(bytes).toString('hex')).toBe('b4ac0285888c9010');
  const bounds = { headBytesMax: 300, bodyBytesMax: 2 ** 40 };
  for (let length = 0; length < bytes.length; length++)
    expect(decodePreamble(bytes.subarray(0, length), bounds)).toBeUndefined();
  expect(decodePreamble(bytes, bounds)).toEqual({ ok: true, headBytes: 300, bodyBytes: 0x0102030405 });
  expect(wire({ head: Uint8Array.of(7), body: [] }).length).toBe(frameBytes(1, 0));
  expect(frameBytes(1, 0)).toBe(3 + 1 + 4);
});

test.each([
  ['another magic', 'a4', 'frame-magic'],
  ['another version', 'b3', 'frame-magic'],
  ['a size of three bytes for the head', 'b48080', 'frame-too-large'],
  ['a size of nine bytes for the body', 'b4018080808080808080', 'frame-too-large'],
  ['a size that is longer than it need be', 'b48100', 'frame-too-large'],
])('%s is refused as soon as it shows', (_what, hex, reason) => {
  const bytes = Buffer.from(hex, 'hex');
  const bounds = { headBytesMax: 2 ** 40, bodyBytesMax: 2 ** 50 };
  expect(decodePreamble(bytes.subarray(0, -1), bounds)).toBeUndefined();
  expect(decodePreamble(bytes, bounds)).toMatchObject({ ok: false, reason });
});
