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

export const realClock: Clock = {
  now: () => performance.now(),
  calendar: () => new Date().toISOString(),
  after(delayMs, action) {
    const handle = setTimeout(action, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
