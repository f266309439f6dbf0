/**
 * The digest behind a frame: GMAC (NIST SP 800-38D) with AES-128 under a key and a nonce of zeros, the frame as associated data. As its key
 * is known it proves nothing about people; against accidents it is as good as a cryptographic hash of the same length, at a quarter
 * of the time of SHA-256 with the processor's own instructions, which was most of what a data plane on top of noise costs.
 */
import { type CipherGCM, createCipheriv } from 'node:crypto';

const KEY = new Uint8Array(16);
const NONCE = new Uint8Array(12);

/** One frame's digest: bytes in order, in any pieces; then `digest` once. */
export class FrameDigest {
  readonly #cipher: CipherGCM = createCipheriv('aes-128-gcm', KEY, NONCE);

  update(bytes: Uint8Array): this {
    if (bytes.byteLength > 0) this.#cipher.setAAD(bytes);
    return this;
  }

  /** 16 bytes. */
  digest(): Uint8Array {
    this.#cipher.final();
    return this.#cipher.getAuthTag();
  }
}
