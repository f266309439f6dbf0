/** What a simulation comes to: where its peers ended, and what became of all that was sent. */
import type { Vector } from '../params/layout.ts';

/** Nobody is told of a loss: a fault swallowed it, the link broke, or the receiver died, while it was under way. */
export type LossReason = 'loss' | 'partition' | 'link-broken' | 'peer-down';

/**
 * Refused by the sender's transport, which tells the sender (`link-down`, `queue-full`, `not-a-neighbour`), or by the receiver's wire
 * check, which does not (`corrupt`).
 */
export type RefusalReason = 'link-down' | 'queue-full' | 'not-a-neighbour' | 'corrupt';

/** Where one peer ended. */
export interface SimulatedResult {
  /** The round that the peer is at, and the params at its start; a finished peer's last ones. */
  readonly round: number;
  readonly params: Vector;
  readonly finished: boolean;
}

/**
 * What became of what was sent, per copy and receiver:
 *   sent + duplicated = delivered + Σ lost + Σ refused + underWay.
 */
export interface Traffic {
  /** Messages × receivers. */
  readonly sent: number;
  /** Copies that a fault added. */
  readonly duplicated: number;
  readonly delivered: number;
  readonly lost: Readonly<Record<LossReason, number>>;
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Still on its way at the end. */
  readonly underWay: number;
  /** Frame bytes × receivers, of what was sent and of what was delivered. */
  readonly sentBytes: number;
  readonly deliveredBytes: number;
}

export interface SimulationResult {
  /** In the order of the peers. */
  readonly peers: readonly SimulatedResult[];
  /** Of the whole simulation. */
  readonly traffic: Traffic;
  /** The same by sender. */
  trafficOf(peer: number): Traffic;
  readonly eventCount: number;
  /** Virtual time of the last event. */
  readonly endMs: number;
  /** `done`: nothing is left to happen; else what cut it short. */
  readonly ended: 'done' | 'time' | 'events' | 'interrupted';
}
