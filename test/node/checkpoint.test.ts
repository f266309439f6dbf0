/** Checkpoints as bytes: identity for what is whole, a problem in words for anything else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/node/checkpoint.ts';
import { checkpointRounds, writeCheckpoint } from '../../src/node/checkpoint-store.ts';
import { memoryStorage } from '../../src/storage/memory.ts';

const checkpoint: Checkpoint = {
  round: 12,
  params: Float32Array.of(1, -2.5, 3e-30),
  optimizer: Uint8Array.of(9, 8, 7),
  ruleSnapshot: Uint8Array.of(5, 4),
  experimentDigest: 'e'.repeat(64),
  layoutDigest: 'a'.repeat(64),
};

describe('a checkpoint', () => {
  test('comes back as it was, in f32 and f64', () => {
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual({ ok: true, checkpoint });
    const wide = {
      ...checkpoint,
      params: Float64Array.of(Math.PI),
      optimizer: new Uint8Array(0),
      ruleSnapshot: new Uint8Array(0),
    };
    expect(decodeCheckpoint(encodeCheckpoint(wide))).toEqual({ ok: true, checkpoint: wide });
  });

  test('with any one byte changed is detected', () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let at = 0; at < bytes.length; at++) {
      const broken = Uint8Array.from(bytes);
      broken[at]! ^= 1 << (at % 8);
      expect(decodeCheckpoint(broken).ok).toBe(false);
    }
  });

  test('cut anywhere, or any other bytes, is detected', () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeCheckpoint(bytes.subarray(0, length)).ok).toBe(false);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (other) => !decodeCheckpoint(other).ok));
  });
});

describe('the checkpoint folder', () => {
  const policy = { everyRounds: 4, keep: 2 };

  test('drops checkpoints of a past that was given up', async () => {
    const storage = memoryStorage();
    for (const round of [4, 8, 9]) await writeCheckpoint(storage, { ...checkpoint, round }, policy);
    expect(await checkpointRounds(storage)).toEqual([9, 8, 4]);
    await writeCheckpoint(storage, { ...checkpoint, round: 6 }, policy);
    expect(await checkpointRounds(storage)).toEqual([6, 4]);
  });

  test('passes over files that are no checkpoints', async () => {
    const storage = memoryStorage();
    await storage.write('checkpoints/notes.txt', Uint8Array.of(1));
    await storage.write('checkpoints/8.ckpt.tmp', Uint8Array.of(1));
    expect(await checkpointRounds(storage)).toEqual([]);
  });
});
