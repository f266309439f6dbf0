/**
 * Frames that are held back on one arc before they are sent: in order but for those that may overtake, and after one another where
 * the arc has a rate.
 */
import type { Clock, Timer } from '../base/clock.ts';

interface Held {
  readonly releaseMs: number;
  readonly release: () => void;
  readonly drop: () => void;
}

export class HeldFrames {
  readonly #clock: Clock;
  readonly #ordered: Held[] = [];
  readonly #overtaking = new Set<{ readonly held: Held; readonly timer: Timer }>();
  #timer: Timer | undefined;
  /** When the arc has carried everything it was given. */
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#ordered.length + this.#overtaking.size;
  }

  /** Takes the arc for so long, after all that took it before; how long from now until it has carried this too. */
  carry(carryMs: number): number {
    const nowMs = this.#clock.now();
    this.#freeMs = Math.max(nowMs, this.#freeMs) + carryMs;
    return this.#freeMs - nowMs;
  }

  /** Calls `release` after the delay, and after everything held before it; at once where there is neither. */
  hold(delayMs: number, release: () => void, drop: () => void): void {
    if (delayMs <= 0 && this.#ordered.length === 0) return release();
    const before = this.#ordered.at(-1)?.releaseMs ?? Number.NEGATIVE_INFINITY;
    this.#ordered.push({ releaseMs: Math.max(before, this.#clock.now() + delayMs), release, drop });
    if (this.#timer === undefined) this.#arm();
  }

  /** Calls `release` after the delay, whatever else is held. */
  holdApart(delayMs: number, release: () => void, drop: () => void): void {
    const held: Held = { releaseMs: this.#clock.now() + delayMs, release, drop };
    const entry = {
      held,
      timer: this.#clock.after(Math.ceil(delayMs), () => {
        this.#overtaking.delete(entry);
        release();
      }),
    };
    this.#overtaking.add(entry);
  }

  /** The link is gone: drops everything that is held. */
  drop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { held, timer } of this.#overtaking) {
      timer.cancel();
      held.drop();
    }
    this.#overtaking.clear();
    for (const { drop } of this.#ordered.splice(0)) drop();
  }

  #arm(): void {
    const first = this.#ordered[0];
    if (first === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(first.releaseMs - this.#clock.now())), () => {
      this.#timer = undefined;
      const nowMs = this.#clock.now();
      while ((this.#ordered[0]?.releaseMs ?? Number.POSITIVE_INFINITY) <= nowMs)
        this.#ordered.shift()?.release();
      this.#arm();
    });
  }
}
