/**
 * Arithmetic coding: each bit costs −log₂ of the probability that it was given, and at most 0.006 bits more. A range coder with
 * carries (Martin 1979; in the form that LZMA gave it): the interval [low, low + range) is split in proportion to the probability
 * of a 1, and range never falls below 2²⁴. Probabilities are 16-bit: 1 to 65,535 of 65,536. A symbol of many is a span of 2¹⁴ (frequencies.ts),
 * which costs 0.0015 bits more than its share at most; what is as likely 0 as 1 goes in as it is, up to 16 bits at once.
 *
 * Why not zlib: it codes whole bytes, so that a symbol costs a bit at least, and a table with every message (scripts/bench-codecs.mjs).
 */

/** A span is that many bits' worth of the range. */
const SPAN_BITS = 14;
export const SPAN_TOTAL = 2 ** SPAN_BITS;

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

  /** A symbol whose span of the 2¹⁴ begins at `start` and has `size` places, one at least. */
  span(start: number, size: number): void {
    const unit = this.#range >>> SPAN_BITS;
    this.#low += unit * start;
    this.#range = unit * size;
    while (this.#range < RANGE_MIN) {
      this.#range *= 256;
      this.#shift();
    }
  }

  /** The lowest `count` bits of a number, up to 16. */
  raw(value: number, count: number): void {
    const unit = this.#range >>> count;
    this.#low += unit * value;
    this.#range = unit;
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

  /** Where of the 2¹⁴ the next symbol is; `span` must follow, with its span. */
  place(): number {
    const place = Math.floor(this.#code / (this.#range >>> SPAN_BITS));
    return place < SPAN_TOTAL ? place : SPAN_TOTAL - 1;
  }

  span(start: number, size: number): void {
    const unit = this.#range >>> SPAN_BITS;
    this.#code -= unit * start;
    this.#range = unit * size;
    while (this.#range < RANGE_MIN) {
      this.#range *= 256;
      this.#pull();
    }
  }

  raw(count: number): number {
    const unit = this.#range >>> count;
    const found = Math.floor(this.#code / unit);
    const value = found < 2 ** count ? found : 2 ** count - 1;
    this.#code -= unit * value;
    this.#range = unit;
    while (this.#range < RANGE_MIN) {
      this.#range *= 256;
      this.#pull();
    }
    return value;
  }

  #pull(): void {
    const byte = this.#next < this.#bytes.length ? this.#bytes[this.#next++]! : 0;
    this.#code = this.#code * 256 + byte;
  }
}
