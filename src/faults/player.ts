/**
 * Plays a fault schedule: what becomes of each message, and what is done to peers when. A driver asks; nothing here acts.
 */
import type { FaultSchedule } from './fault.ts';

/** What becomes of one message. */
export type Fate =
  | { readonly kind: 'lost'; readonly reason: 'loss' | 'partition' }
  /** It arrives once per copy. */
  | { readonly kind: 'delivered'; readonly copies: readonly Copy[] };

export interface Copy {
  /** Beside what the link itself takes. */
  readonly extraDelayMs: number;
  readonly corrupted: boolean;
  /** May overtake and be overtaken: the order of the link does not hold for it. */
  readonly reordered: boolean;
}

/** Something that is done to a peer or a link at an instant; sorted by (atMs, order in the schedule). */
export type Deed =
  | {
      readonly kind: 'crash' | 'start' | 'pause' | 'resume' | 'leave';
      readonly peer: number;
      readonly atMs: number;
    }
  /** Both ends of the link are told. */
  | { readonly kind: 'cut' | 'heal'; readonly between: readonly [number, number]; readonly atMs: number };

export interface FaultPlayer {
  /** The fate of the next message from `from` to `to`, sent at `nowMs`: call once per message and receiver, in the order sent. */
  fate(from: number, to: number, nowMs: number): Fate;
  /** What the capacity of the link is multiplied by. */
  bandwidthFactor(from: number, to: number, nowMs: number): number;
  /** How much longer training takes than without faults. */
  slowness(peer: number, nowMs: number): number;
  /** What the peer's own clock shows at true time `nowMs`; continuous in each span but for its offset. */
  clockMs(peer: number, nowMs: number): number;
  /** True milliseconds until the peer's clock has gone on by `delayMs`. */
  trueDelayMs(peer: number, nowMs: number, delayMs: number): number;
  /** Everything that is planned, ascending. */
  readonly deeds: readonly Deed[];
  /** When each peer starts for the first time; 0 unless it joins late. */
  startMs(peer: number): number;
}

export type MakeFaultPlayer = (schedule: FaultSchedule, peerCount: number) => FaultPlayer;
