/**
 * How late this process's event loop is: the 99th percentile of what a 1 ms timer exceeds its period by. The timer costs 1.5 % of a
 * core while it runs, so it runs a quarter of the time.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from '../base/clock.ts';

const PERIOD_MS = 1;
const ON_MS = 500;
const OFF_MS = 1500;

export class LatenessWatch {
  readonly #clock: Clock;
  readonly #histogram = monitorEventLoopDelay({ resolution: PERIOD_MS });
  #timer: Timer | undefined;
  /** The histogram counts each pause as one long delay. */
  #pauses = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#on();
  }

  get p99Ms(): number {
    const { count } = this.#histogram;
    // The pauses are longer than any delay: the percentile is that of the rest.
    const percentile = (99 * Math.max(0, count - this.#pauses)) / Math.max(1, count);
    if (percentile === 0) return 0;
    return Math.max(0, this.#histogram.percentile(percentile) / 1e6 - PERIOD_MS);
  }

  close(): void {
    this.#timer?.cancel();
    this.#histogram.disable();
  }

  #on(): void {
    this.#histogram.enable();
    this.#timer = this.#clock.after(ON_MS, () => {
      this.#histogram.disable();
      this.#timer = this.#clock.after(OFF_MS, () => {
        this.#pauses += 1;
        this.#on();
      });
    });
  }
}
