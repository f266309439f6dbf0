/** What a simulation is given. */
import type { FaultPlayer } from '../faults/player.ts';
import type { PeerConfig } from '../peer/machine.ts';
import type { Trainer } from '../train/trainer.ts';
import type { ComputeTimes } from './compute-times.ts';
import type { LinkTable } from './network.ts';
import type { SimulationObserver } from './observer.ts';
import type { SimulatedCheckpoint } from './snapshots.ts';

export interface SimulatedPeer {
  readonly config: PeerConfig;
  readonly trainer: Trainer;
  /** Where to go on from; absent: initial params and round 0. */
  readonly resumeFrom?: SimulatedCheckpoint;
}

export interface SimulationOptions {
  /** Names every draw that the engine itself makes (jitter); 0 where absent. */
  readonly seed?: number;
  /** Delays and capacities of the links; absent: messages arrive at the instant they are sent. */
  readonly links?: LinkTable;
  /** How long the local updates of a round take; absent: no time. */
  readonly computeMs?: ComputeTimes;
  /** When a peer starts, beside what the faults say; absent: 0. */
  readonly startMs?: (peer: number) => number;
  /** What goes wrong; a player serves one simulation. */
  readonly faults?: FaultPlayer;
  readonly observer?: SimulationObserver;
  /** Virtual time after which each peer's run is up, counted from its own start (the goal `seconds`). */
  readonly secondsMax?: number;
  /** When every peer is asked to stop where it is. */
  readonly stopMs?: number;
  /** Incarnations that each peer has behind it: its first one here is the next. 0 where absent. */
  readonly livesBefore?: number;
  /** Somebody wants it to end: every peer is asked to stop where it is, and that is all that still happens. */
  readonly interruption?: AbortSignal;
  /** The simulation ends when virtual time passes this, or after so many events. */
  readonly untilMs?: number;
  readonly eventsMax?: number;
}
