/**
 * What goes wrong in a run, as one typed record: the same schedule drives virtual time (simulate/) and real swarms (message faults
 * through the Transport decorator, process faults by kill, stop and continue). Pure data; chance is named by (seed, fault, arc, number
 * of the message), so that the n-th message on an arc in its sender's present life meets the same fate in every driver.
 *
 * Times are milliseconds since the run began (virtual, or since all peers of a swarm listen). Peers are indices into the membership.
 */

/** From `fromMs` up to, not including, `toMs`; to the end of the run where that is absent. */
export interface Span {
  readonly fromMs: number;
  readonly toMs?: number;
}

/** A fault that draws chance. */
export interface Chance {
  /** Names its draws; its place in the schedule where absent. What is left of a schedule keeps its draws by it. */
  readonly stream?: number;
}

/** Messages sent by one of `from` to one of `to`; all peers where absent. */
export interface ArcSelection {
  readonly from?: readonly number[];
  readonly to?: readonly number[];
}

/** Each message by itself, with `probability`. */
export interface MessageFault extends Span, ArcSelection, Chance {
  /** `loss`: nobody is told. `duplicate`: arrives twice. `corrupt`: one bit of it is turned over; the receiver refuses it. */
  readonly kind: 'loss' | 'duplicate' | 'corrupt';
  readonly probability: number;
}

/** A message is held back, with `probability`, for up to `byMs` (uniform): later ones overtake it. */
export interface ReorderFault extends Span, ArcSelection, Chance {
  readonly kind: 'reorder';
  readonly probability: number;
  readonly byMs: number;
}

/** Every message takes `extraMs` more, and up to `jitterMs` (uniform) beyond that. */
export interface DelayFault extends Span, ArcSelection, Chance {
  readonly kind: 'delay';
  readonly extraMs: number;
  readonly jitterMs?: number;
}

/** The capacity of the links is multiplied by `factor`, 0 < factor. */
export interface BandwidthFault extends Span, ArcSelection {
  readonly kind: 'bandwidth';
  readonly factor: number;
}

/**
 * Nothing passes from a peer of `from` to a peer of `to`; the other way only where `symmetric`. It heals at `toMs`. Both ends of a link
 * that is cut one way or both are told that it is down (TCP needs both ways), unless `silent`: then messages vanish.
 */
export interface PartitionFault extends Span {
  readonly kind: 'partition';
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly symmetric: boolean;
  readonly silent: boolean;
}

/** The process dies at once; started again at `restartMs` from its newest checkpoint, never where absent. */
export interface CrashFault {
  readonly kind: 'crash';
  readonly peer: number;
  readonly atMs: number;
  readonly restartMs?: number;
}

/** The process stands still (SIGSTOP) and goes on (SIGCONT); what arrives meanwhile waits, and so do its timers. */
export interface PauseFault extends Span {
  readonly kind: 'pause';
  readonly peer: number;
}

/** Local updates take `factor` times as long, 1 ≤ factor. */
export interface SlowFault extends Span {
  readonly kind: 'slow';
  readonly peer: number;
  readonly factor: number;
}

/**
 * The peer's clock shows `offsetMs` more and runs `rate` times as fast (1 where absent): its timers and deadlines follow it. At the end
 * of the span the offset goes and what the rate has added stays; a clock that is set back stands still until its time has come again.
 */
export interface ClockFault extends Span {
  readonly kind: 'clock';
  readonly peer: number;
  readonly offsetMs: number;
  readonly rate?: number;
}

/** The peer starts at `atMs` only. */
export interface JoinFault {
  readonly kind: 'join';
  readonly peer: number;
  readonly atMs: number;
}

/** The peer is asked to stop (as by SIGTERM) at `atMs`: it leaves in good order. */
export interface LeaveFault {
  readonly kind: 'leave';
  readonly peer: number;
  readonly atMs: number;
}

/**
 * Two-state Markov availability (Rodio et al. 2023): every `slotMs` each of `peers` is on with stationary share `share`, second
 * eigenvalue `memory` (P(on|on) = memory + (1 − memory)·share). With probability `correlation` a slot's draw is the one that all peers
 * share, else the peer's own; 1 makes all go on and off together. Off is a pause, or, with `off: 'crash'`, a crash and a restart.
 */
export interface AvailabilityFault extends Span, Chance {
  readonly kind: 'availability';
  readonly peers: readonly number[];
  readonly share: number;
  readonly memory: number;
  readonly correlation: number;
  readonly slotMs: number;
  readonly off: 'pause' | 'crash';
}

export type LinkFault = MessageFault | ReorderFault | DelayFault | BandwidthFault | PartitionFault;
export type PeerFault =
  | CrashFault
  | PauseFault
  | SlowFault
  | ClockFault
  | JoinFault
  | LeaveFault
  | AvailabilityFault;
export type Fault = LinkFault | PeerFault;

export interface FaultSchedule {
  readonly seed: number;
  readonly faults: readonly Fault[];
}
