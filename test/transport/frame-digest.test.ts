import { webcrypto } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameDigest } from '../../src/transport/frame-digest.ts';

/** The same by the platform's one-call interface. */
async function wholeDigest(frame: Uint8Array): Promise<Uint8Array> {
  const key = await webcrypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']);
  const settings = { name: 'AES-GCM', iv: new Uint8Array(12), additionalData: Uint8Array.from(frame) };
  return new Uint8Array(await webcrypto.subtle.encrypt(settings, key, new Uint8Array(0)));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('the digest of nothing is test case 1 of the GCM specification, and of the bytes 0 to 99 what docs/PROTOCOL.md says', () => {
  expect(hex(new FrameDigest().digest())).toBe('58e2fccefa7e3061367f1d57a4e7455a');
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
  expect(hex(new FrameDigest().update(bytes).digest())).toBe('fdf5673f5e69f92dcdfc7a6760427d79');
});

test('a digest is that of all bytes, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (pieces) => {
      const digest = new FrameDigest();
      for (const piece of pieces) digest.update(piece);
      expect(hex(digest.digest())).toBe(hex(await wholeDigest(Buffer.concat(pieces))));
    }),
  );
});

test('the eight bytes that travel tell any changed bit and any two swapped pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 400 }), fc.nat(), (frame, place) => {
      const short = (bytes: Uint8Array): string => hex(new FrameDigest().update(bytes).digest()).slice(0, 16);
      const changed = Uint8Array.from(frame);
      changed[place % frame.length]! ^= 1 << (place % 8);
      expect(short(changed)).not.toBe(short(frame));
      const swapped = Uint8Array.from([...frame.subarray(16), ...frame.subarray(0, 16)]);
      if (hex(swapped) !== hex(frame)) expect(short(swapped)).not.toBe(short(frame));
    }),
  );
});
