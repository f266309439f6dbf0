/**
 * The peer's vocabulary: what happens to it (events), what it wants done (actions), what it is told once (config).
 *
 * The peer is a deterministic machine without I/O or promises: `step(state, event, now) → actions`. libp2p (node/), virtual time
 * (simulate/) and replay all drive the same code. The log of events a peer stepped through is the replay log; chance inside
 * `step` is named by (seed, peer, incarnation, number of the event), so equal logs give equal peers.
 */

import type { MetricName, MetricsReport } from '../exchange/metrics.ts';
import type { ExchangeRule, ExclusionReason, RuleContext, RuleRefusal } from '../exchange/rule.ts';
import type { Vector } from '../params/layout.ts';
import type { PeerMessage } from '../wire/message.ts';

/** What all peers find out together when their rounds are over (aggregate.ts). */
export interface AggregatePlan {
  readonly metrics: readonly MetricName[];
  /** Whether the params that a peer ends with are the mean of all peers' last ones. */
  readonly params: boolean;
  /** Of the weights that peers have in a mean: their distance from 1/n, summed up over the peers. */
  readonly tolerance: number;
  /** Who shows no sign for so long is left out. */
  readonly patienceMs: number;
}

/** What a stage of it has come to. */
export interface AggregateReport {
  readonly of: 'params' | 'metrics';
  /** Whether it has settled within the tolerance; where not, params stay as they were and metrics are left out. */
  readonly exact: boolean;
  /** That took part, ascending. */
  readonly silos: readonly number[];
  readonly attempts: number;
  /** At most Σ |weight − 1/n| over the silos. */
  readonly weightError?: number;
  readonly metrics?: MetricsReport;
}

export interface PeerConfig {
  readonly self: number;
  readonly peerCount: number;
  /** Of the overlay: hops that news needs at most. */
  readonly diameter: number;
  readonly seed: number;
  readonly rule: ExchangeRule;
  readonly context: RuleContext;
  /** Rounds to do in all. */
  readonly rounds: number;
  /** Optimiser updates per round on this silo. */
  readonly stepsPerRound: number;
  /** A checkpoint after every round that is a multiple of this. */
  readonly checkpointEveryRounds: number;
  /** An evaluation after every round that is a multiple of this, and after the last. */
  readonly evaluateEveryRounds: number;
  /** Neighbours that are not waited for before the first round; none where absent. */
  readonly notExpected?: readonly number[];
  /** How long to wait for neighbours before the first round. */
  readonly gatherMs: number;
  /** Where nobody at all is there by then: how long to wait on for somebody, and then to stop. Absent: it goes on alone. */
  readonly aloneMs?: number;
  /** How long to wait for an answer to a request for state before asking again. */
  readonly pullTimeoutMs: number;
  readonly aggregate?: AggregatePlan;
}

/** Names a message for ever. */
export interface MessageName {
  readonly from: number;
  readonly incarnation: number;
  readonly sequence: number;
}

export type PeerEvent =
  /** The first event of every incarnation: initial params and round 0, or what a checkpoint held. */
  | {
      readonly kind: 'start';
      readonly incarnation: number;
      readonly round: number;
      readonly params: Vector;
      /** The rule's part of the checkpoint. */
      readonly ruleSnapshot?: Uint8Array;
    }
  | {
      readonly kind: 'trained';
      readonly token: number;
      readonly params: Vector;
      readonly loss: number;
      readonly gradientSquaredNorm: number;
    }
  /** `exclusive`: nobody else holds the memory of the message's vectors. */
  | {
      readonly kind: 'received';
      readonly name: MessageName;
      readonly message: PeerMessage;
      readonly exclusive?: true;
    }
  | { readonly kind: 'sendFailed'; readonly to: number; readonly sequence: number; readonly reason: string }
  | { readonly kind: 'linkUp'; readonly peer: number; readonly incarnation: number; readonly round: number }
  | { readonly kind: 'linkDown'; readonly peer: number; readonly reason: string }
  | { readonly kind: 'timer'; readonly name: string }
  /** The answer to `measure`, in the order of the plan's metrics; null: the silo has none, or keeps it to itself. */
  | { readonly kind: 'measured'; readonly values: readonly (number | null)[] }
  /** This peer has reached the goal of the run, or its time is up. */
  | { readonly kind: 'goal'; readonly goal: Goal }
  /** An operator or a signal asks the peer to stop where it is. */
  | { readonly kind: 'stop'; readonly reason: string };

/** What a round leaves in the record. Times are the driver's clock, in milliseconds. */
export interface RoundNote {
  readonly round: number;
  readonly beganMs: number;
  /** When the local updates were asked for and done. */
  readonly trainMs: number;
  readonly endedMs: number;
  readonly loss: number;
  readonly gradientSquaredNorm: number;
  readonly excluded: readonly { readonly peer: number; readonly reason: ExclusionReason }[];
}

export type MessageRefusal = RuleRefusal | 'not-a-neighbour';

/** What may end a run before its last round. */
export type Goal = 'target-accuracy' | 'seconds';

/** All rounds are done; the peers agreed that the goal is reached; or an operator stopped this one. */
export type FinishReason = 'rounds' | Goal | 'stopped';

export type PeerAction =
  | {
      readonly kind: 'train';
      readonly token: number;
      readonly params: Vector;
      readonly firstStep: number;
      readonly steps: number;
    }
  | {
      readonly kind: 'send';
      readonly to: readonly number[];
      readonly sequence: number;
      readonly message: PeerMessage;
    }
  | { readonly kind: 'setTimer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'clearTimer'; readonly name: string }
  /** Save what a restart needs: these params are those at the start of `round`. The driver adds the Trainer's snapshot. */
  | {
      readonly kind: 'persist';
      readonly round: number;
      readonly params: Vector;
      /** What the rule needs beside them; empty where nothing. */
      readonly ruleSnapshot: Uint8Array;
    }
  | { readonly kind: 'record'; readonly note: RoundNote }
  | { readonly kind: 'evaluate'; readonly round: number; readonly params: Vector }
  /** The peer is now in `round`: later handshakes and the control plane say so. */
  | { readonly kind: 'announce'; readonly round: number }
  | {
      readonly kind: 'refuse';
      readonly from: number;
      readonly reason: MessageRefusal;
      readonly detail?: string;
    }
  /** Something worth a line in the record: catching up, half exchanges, a neighbour that says goodbye. */
  | {
      readonly kind: 'notice';
      readonly what:
        | 'behind'
        | 'unconfirmed'
        | 'adopted'
        | 'half-exchange'
        | 'gathered'
        | 'nobody'
        | 'left'
        | 'diverged'
        | 'aggregate-without';
      readonly peer: number | undefined;
      readonly round: number;
      readonly detail?: string;
      /** Of half an exchange, where this peer moved alone: by how much. */
      readonly drift?: number;
    }
  /** Local updates come to nothing round after round: nothing that the peer could go on from, and nothing more from it. */
  | { readonly kind: 'diverged'; readonly round: number }
  /** Judge these params by the plan's metrics; answered by `measured`. */
  | { readonly kind: 'measure'; readonly params: Vector }
  | { readonly kind: 'aggregated'; readonly report: AggregateReport }
  /** The peer is done; `params` are its last ones. It still answers its neighbours until the driver ends it. */
  | {
      readonly kind: 'finish';
      readonly reason: FinishReason;
      readonly round: number;
      readonly params: Vector;
    };
