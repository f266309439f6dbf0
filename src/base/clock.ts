/** Time is an argument: who needs it takes a Clock. The real one lives here, the virtual one in simulate/. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number;
  /** Calendar time in ISO 8601, or undefined where there is none (virtual time). */
  calendar(): string | undefined;
  /** Runs `action` once after `delayMs`; the timer never keeps the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

/** Node's timers fire at once when asked to wait longer (24.8 days). */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => performance.now(),
  calendar: () => new Date().toISOString(),
  after(delayMs, action) {
    let handle: NodeJS.Timeout | undefined;
    const wait = (restMs: number): void => {
      const next = restMs > TIMER_MS_MAX ? () => wait(restMs - TIMER_MS_MAX) : action;
      handle = setTimeout(next, Math.min(restMs, TIMER_MS_MAX));
      handle.unref();
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
