/** The time of a schedule in a process that takes part in a real run: milliseconds since the run began, once it has. */
import type { Clock, Timer } from '../base/clock.ts';

export class RunTime {
  readonly #clock: Clock;
  #originMs: number | undefined;
  readonly #waiting: (() => void)[] = [];

  /** `beganAgoMs`: how long the run has been going when this process comes to it; absent: it begins with `begin`. */
  constructor(clock: Clock, beganAgoMs?: number) {
    this.#clock = clock;
    this.#originMs = beganAgoMs === undefined ? undefined : clock.now() - beganAgoMs;
  }

  /** The run begins now, if it has not yet. */
  begin(): void {
    this.#originMs ??= this.#clock.now();
    for (const action of this.#waiting.splice(0)) action();
  }

  /** Below 0 before the run has begun: no fault is in force then. */
  get nowMs(): number {
    return this.#originMs === undefined ? -1 : this.#clock.now() - this.#originMs;
  }

  /** Does `action` at `atMs`, at once where that has passed; later than everything that is done at an earlier instant. */
  at(atMs: number, action: () => void): Timer {
    let timer: Timer | undefined;
    let isCancelled = false;
    const wait = (): void => {
      const restMs = atMs - this.nowMs;
      if (isCancelled) return;
      if (restMs > 0) timer = this.#clock.after(Math.ceil(restMs), wait);
      else action();
    };
    if (this.#originMs === undefined) this.#waiting.push(wait);
    else wait();
    return {
      cancel: () => {
        isCancelled = true;
        timer?.cancel();
      },
    };
  }
}
