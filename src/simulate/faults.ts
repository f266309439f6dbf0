/** What goes wrong in a simulation, at which virtual instants. */

/** A peer dies at once and, if `restartMs` is given, starts again from its newest checkpoint, or from the beginning. */
export interface Outage {
  readonly peer: number;
  readonly crashMs: number;
  readonly restartMs?: number;
}

/** The link between two peers is broken, and both are told: nothing passes, and what is under way is lost. */
export interface LinkCut {
  readonly between: readonly [number, number];
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SimulatedFaults {
  /** Whether a message that is sent now arrives; a link that swallows messages tells nobody. */
  delivers?(from: number, to: number, nowMs: number): boolean;
  /** At most one at a time per peer. */
  readonly outages?: readonly Outage[];
  /** At most one at a time per link. */
  readonly cuts?: readonly LinkCut[];
  /** When every peer is asked to stop. */
  readonly stopMs?: number;
}
