/** Work put off until everything that can go on without it has gone on. */

/** Runs `action` once, when the microtasks at hand are done; the process stays alive until then. */
export function whenIdle(action: () => void): void {
  setImmediate(action);
}
