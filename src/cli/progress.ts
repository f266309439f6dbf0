/**
 * Live progress: one line redrawn in place on a terminal, plain lines at most once a second (or longer) elsewhere. Whatever was held
 * back is shown when its time comes or at the end, so that the last state said is always the last one seen.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { OutputStream } from './io.ts';

const PLAIN_INTERVAL_MS = 1000;
const LIVE_INTERVAL_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';

export class Progress {
  readonly #stream: OutputStream;
  readonly #clock: Clock;
  readonly #isQuiet: boolean;
  readonly #isLive: boolean;
  readonly #intervalMs: number;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #shown = '';
  #pending: string | undefined;
  #timer: Timer | undefined;

  constructor(stream: OutputStream, clock: Clock, isQuiet: boolean, plainIntervalMs = PLAIN_INTERVAL_MS) {
    this.#stream = stream;
    this.#clock = clock;
    this.#isQuiet = isQuiet;
    this.#isLive = stream.isTTY === true;
    this.#intervalMs = this.#isLive ? LIVE_INTERVAL_MS : plainIntervalMs;
  }

  /** The state now, on one line; it may be held back and replaced by a newer one. */
  update(line: string): void {
    if (this.#isQuiet || line === this.#shown) return;
    this.#pending = line;
    const waitMs = this.#shownAtMs + this.#intervalMs - this.#clock.now();
    if (waitMs <= 0) this.#show();
    else this.#timer ??= this.#clock.after(waitMs, () => this.#show());
  }

  /** A line that stays: something happened. Never held back. */
  note(line: string): void {
    if (!this.#isQuiet) this.trouble(line);
  }

  /** The same, also where no progress is wanted. */
  trouble(line: string): void {
    if (!this.#isLive) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.#stream.write(`${CLEAR_LINE}${line}\n${this.#shown === '' ? '' : this.#fitted(this.#shown)}`);
  }

  /** Shows what was held back and ends the line. */
  done(): void {
    if (this.#pending !== undefined) this.#show();
    this.#timer?.cancel();
    if (this.#isLive && this.#shown !== '') this.#stream.write('\n');
    this.#shown = '';
  }

  #show(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending === undefined) return;
    this.#shown = this.#pending;
    this.#pending = undefined;
    this.#shownAtMs = this.#clock.now();
    this.#stream.write(this.#isLive ? `${CLEAR_LINE}${this.#fitted(this.#shown)}` : `${this.#shown}\n`);
  }

  /** A line longer than the terminal would wrap and could not be redrawn. */
  #fitted(line: string): string {
    const width = (this.#stream.columns ?? 80) - 1;
    const points = [...line];
    return points.length <= width ? line : `${points.slice(0, Math.max(0, width - 1)).join('')}…`;
  }
}
