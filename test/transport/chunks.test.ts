import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHUNK_BYTES, chunksOf, Reassembler } from '../../src/transport/chunks.ts';
import { OutgoingFrame } from '../../src/transport/outgoing-frame.ts';
import { patterned } from './harness.ts';

const LIMITS = { headBytesMax: 64, bodyBytesMax: 3 * CHUNK_BYTES };

function chunks(bytes: number, frameId: bigint): Uint8Array[] {
  return [...chunksOf(new OutgoingFrame(patterned(bytes, Number(frameId))), frameId)];
}

test('a frame comes together from its chunks in any order, with copies, exactly once', () => {
  const sizes = fc.constantFrom(0, 1, CHUNK_BYTES - 60, CHUNK_BYTES, 3 * CHUNK_BYTES - 1);
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (bytes, draws) => {
      const cut = chunks(bytes, 3n);
      const shuffled = [...cut, ...cut].map((chunk) => ({ chunk, key: draws.next().value as number }));
      shuffled.sort((a, b) => a.key - b.key);
      const reassembler = new Reassembler(LIMITS);
      const results = shuffled.map(({ chunk }) => reassembler.push(chunk, 0));
      const frames = results.flatMap(({ frame }) => (frame === undefined ? [] : [frame]));
      expect(results.every(({ refusal }) => refusal === undefined)).toBe(true);
      expect(frames.length).toBe(1);
      expect(Buffer.compare(frames[0]!.body[0]!, patterned(bytes, 3).body[0]!)).toBe(0);
      expect(reassembler.bytesHeld).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test('an altered chunk makes the frame fail its digest', () => {
  const cut = chunks(CHUNK_BYTES + 9, 1n);
  cut[1]![40]! ^= 1;
  const reassembler = new Reassembler(LIMITS);
  const [, last] = cut.map((chunk) => reassembler.push(chunk, 0));
  expect(last?.refusal?.reason).toBe('frame-digest');
});

test('chunks whose numbers do not fit are refused before memory is taken', () => {
  const edits: [string, (view: DataView) => void][] = [
    ['magic', (view) => view.setUint32(0, 1, true)],
    ['version', (view) => view.setUint32(4, 9, true)],
    ['index', (view) => view.setUint32(16, 5, true)],
    ['count', (view) => view.setUint32(20, 900, true)],
    ['size', (view) => view.setBigUint64(24, 2n ** 50n, true)],
    ['length', (view) => view.setBigUint64(24, BigInt(CHUNK_BYTES + 200), true)],
  ];
  for (const [what, edit] of edits) {
    const [chunk] = chunks(CHUNK_BYTES + 9, 1n) as [Uint8Array];
    edit(new DataView(chunk.buffer));
    const reassembler = new Reassembler(LIMITS);
    const { refusal } = reassembler.push(chunk, 0);
    const stillHeld = what === 'length' ? refusal === undefined : refusal?.reason === 'chunk-invalid';
    expect([what, stillHeld]).toEqual([what, true]);
  }
  expect(new Reassembler(LIMITS).push(new Uint8Array(3), 0).refusal?.reason).toBe('chunk-invalid');
});

test('memory for unfinished frames is bounded: the oldest give way, and age ends them', () => {
  const reassembler = new Reassembler(LIMITS);
  for (let frame = 0n; frame < 20n; frame++) reassembler.push(chunks(2 * CHUNK_BYTES, frame)[0]!, 0);
  expect(reassembler.bytesHeld).toBeLessThanOrEqual(4 * (2 * CHUNK_BYTES + 200));
  reassembler.push(chunks(0, 99n)[0]!, 61_000);
  expect(reassembler.bytesHeld).toBe(0);
});
