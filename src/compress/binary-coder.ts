/**
 * Binary arithmetic coding: each bit costs −log₂ of the probability that it was given, and at most 0.006 bits more. A range coder with
 * carries (Martin 1979; in the form that LZMA gave it): the interval [low, low + range) is split in proportion to the probability
 * of a 1, and range never falls below 2²⁴. Probabilities are 16-bit: 1 to 65,535 of 65,536.
 *
 * Why not zlib: it codes whole bytes, so that a symbol costs a bit at least, and a table with every message (scripts/bench-codecs.mjs).
 */

/** Probability of a 1, of 65,536. */
export const HALF = 32768;

const RANGE_MAX = 2 ** 32 - 1;
const RANGE_MIN = 2 ** 24;

export class BitEncoder {
  #bytes = new Uint8Array(256);
  #length = 0;
  /** Below 2³³: the bit at 2³² is a carry into what is held back. */
  #low = 0;
  #range = RANGE_MAX;
  /** Held back: a byte, then `held − 1` times 0xff. The first byte of all is a 0 that a carry could never reach: it is left out. */
  #byte = 0;
  #held = 1;

  bit(bit: number, probability: number): void {
    const split = Math.floor((this.#range * probability) / 65536);
    if (bit) this.#range = split;
    else {
      this.#low += split;
      this.#range -= split;
    }
    while (this.#range < RANGE_MIN) {
      this.#range *= 256;
      this.#shift();
    }
  }

  /** What was encoded. The decoder reads zeros behind the end: the shortest number in the interval is left, without its last zeros. */
  finish(): Uint8Array {
    const top = Math.ceil(this.#low / RANGE_MIN) * RANGE_MIN;
    if (top < this.#low + this.#range) this.#low = top;
    for (let count = 0; count < 5; count++) this.#shift();
    while (this.#length > 1 && this.#bytes[this.#length - 1] === 0) this.#length -= 1;
    return this.#bytes.slice(1, this.#length);
  }

  /** Takes the top byte of low away; it is written when no carry can change it any more. */
  #shift(): void {
    if (this.#low < 0xff000000 || this.#low > RANGE_MAX) {
      const carry = this.#low > RANGE_MAX ? 1 : 0;
      for (; this.#held > 0; this.#held--) {
        this.#push((this.#byte + carry) & 0xff);
        this.#byte = 0xff;
      }
      this.#byte = (this.#low >>> 24) & 0xff;
    }
    this.#held += 1;
    this.#low = (this.#low & 0x00ffffff) * 256;
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = byte;
  }
}

export class BitDecoder {
  readonly #bytes: Uint8Array;
  #next = 0;
  #range = RANGE_MAX;
  /** The number encoded, less low. */
  #code = 0;

  /** Any bytes are the encoding of something. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    for (let count = 0; count < 4; count++) this.#pull();
  }

  bit(probability: number): 0 | 1 {
    const split = Math.floor((this.#range * probability) / 65536);
    const bit = this.#code < split ? 1 : 0;
    if (bit) this.#range = split;
    else {
      this.#code -= split;
      this.#range -= split;
    }
    while (this.#range < RANGE_MIN) {
      this.#range *= 256;
      this.#pull();
    }
    return bit;
  }

  #pull(): void {
    const byte = this.#next < this.#bytes.length ? this.#bytes[this.#next++]! : 0;
    this.#code = this.#code * 256 + byte;
  }
}

/** A probability that learns: 1/(n + 1.5) of the way at the n-th bit, 1/128 in the long run. */
export class AdaptiveBit {
  probability = HALF;
  #seen = 0;

  learn(bit: number): void {
    const target = bit ? 65535 : 0;
    const rate = this.#seen < RATES.length - 1 ? RATES[this.#seen++]! : RATES[RATES.length - 1]!;
    const moved = this.probability + Math.round((target - this.probability) * rate);
    this.probability = moved < 32 ? 32 : Math.min(moved, 65504);
  }
}

const RATES = Float64Array.from({ length: 127 }, (_, seen) => 1 / (seen + 1.5));
