/**
 * How often each of a few symbols comes, learned alike at both ends from the symbols themselves: shares of 2¹⁴ that a range coder can use,
 * reckoned anew after 16 symbols, 32, 64, … and at last every 4096. Older counts fade, as the layers of a model differ.
 */
import { SPAN_TOTAL } from './binary-coder.ts';

const FIRST_INTERVAL = 16;
const INTERVAL_MAX = 4096;
/** What a symbol that was seen once counts beside those never seen. */
const WEIGHT = 24;

export class Frequencies {
  /** The symbol's span begins at starts[symbol] and ends at starts[symbol + 1]. */
  readonly starts: Int32Array;
  /** Which symbol's span a place of the 2¹⁴ is in; for decoding only, else empty. */
  readonly symbols: Uint8Array;
  readonly #counts: Float64Array;
  #interval = FIRST_INTERVAL;
  #left = FIRST_INTERVAL;

  /** `symbolCount` at most 256. */
  constructor(symbolCount: number, use: 'encoding' | 'decoding') {
    this.starts = new Int32Array(symbolCount + 1);
    this.symbols = new Uint8Array(use === 'decoding' ? SPAN_TOTAL : 0);
    this.#counts = new Float64Array(symbolCount).fill(1);
    this.#reckon();
  }

  /** After every symbol, at both ends. */
  learn(symbol: number): void {
    this.#counts[symbol]! += WEIGHT;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#reckon();
    if (this.#interval === INTERVAL_MAX)
      for (let at = 0; at < this.#counts.length; at++) this.#counts[at]! /= 2;
    else this.#interval *= 2;
    this.#left = this.#interval;
  }

  /** Every symbol has one place of the 2¹⁴, and the others by its count; what rounding leaves goes to the most frequent. */
  #reckon(): void {
    const counts = this.#counts;
    const { starts, symbols } = this;
    let total = 0;
    let most = 0;
    for (let symbol = 0; symbol < counts.length; symbol++) {
      total += counts[symbol]!;
      if (counts[symbol]! > counts[most]!) most = symbol;
    }
    const places = SPAN_TOTAL - counts.length;
    let left = places;
    for (let symbol = 0; symbol < counts.length; symbol++) {
      const own = Math.floor((places * counts[symbol]!) / total);
      starts[symbol + 1] = 1 + own;
      left -= own;
    }
    starts[most + 1]! += left;
    for (let symbol = 0; symbol < counts.length; symbol++) {
      starts[symbol + 1]! += starts[symbol]!;
      symbols.fill(symbol, starts[symbol], starts[symbol + 1]);
    }
  }
}
