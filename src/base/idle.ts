/** Work put off until everything that can go on without it has gone on. */

/** Resolves when whatever waits outside, such as a signal or a timer, has had its turn. */
export function outsideTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs `action` once, when the microtasks at hand are done; the process stays alive until then. */
export function whenIdle(action: () => void): void {
  setImmediate(action);
}

/** Resolves after so long; the process stays alive until then. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
