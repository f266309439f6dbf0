import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, InboundBudget } from '../../src/transport/frame-reader.ts';
import { OutgoingFrame } from '../../src/transport/outgoing-frame.ts';
import type { Frame } from '../../src/transport/transport.ts';
import { decodePreamble, encodePreamble, PREAMBLE_BYTES, TRAILER_BYTES } from '../../src/wire/framing.ts';
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

test('the preamble has the documented bytes', () => {
  const bytes = encodePreamble(3, 0x0102030405);
  expect(Buffer.from(bytes).toString('hex')).toBe('475646520100000003000000000000000504030201000000');
  expect([PREAMBLE_BYTES, TRAILER_BYTES]).toEqual([24, 32]);
  const bounds = { headBytesMax: 3, bodyBytesMax: 2 ** 40 };
  expect(decodePreamble(bytes, bounds)).toEqual({ ok: true, headBytes: 3, bodyBytes: 0x0102030405 });
});
