/**
 * Who watches a simulation: recorders, invariants, progress. Every callback is optional and called at the virtual instant `nowMs` of
 * true time, in the order of events; what an observer throws ends the simulation. Nothing that is passed may be changed.
 */
import type { Deed } from '../faults/player.ts';
import type { Vector } from '../params/layout.ts';
import type {
  AggregateReport,
  FinishReason,
  MessageName,
  PeerAction,
  PeerEvent,
  RoundNote,
} from '../peer/machine.ts';
import type { PeerState } from '../peer/state.ts';
import type { PeerMessage } from '../wire/message.ts';
import type { LossReason, RefusalReason, SimulationResult, Traffic } from './result.ts';
import type { SimulatedCheckpoint } from './snapshots.ts';

/** What became of one copy of a message at one receiver. */
export type MessageFate =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'lost'; readonly reason: LossReason }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

/** A message on its way to one receiver. */
export interface Passage {
  readonly name: MessageName;
  readonly to: number;
  readonly message: PeerMessage;
  /** Of the whole frame, as the wire has it. */
  readonly frameBytes: number;
  readonly sentMs: number;
}

/** What can be asked while a simulation runs. */
export interface SimulationView {
  /** What became of what the peer has sent so far. */
  trafficOf(peer: number): Traffic;
}

export interface SimulationObserver {
  /** Before the first event. */
  onBegin?(view: SimulationView): void;
  /**
   * After a peer has stepped, before its actions are performed. `localMs` is what the peer's own clock showed: the `now` of the step
   * and of its log line.
   */
  onStep?(
    peer: number,
    event: PeerEvent,
    actions: readonly PeerAction[],
    state: PeerState,
    nowMs: number,
    localMs: number,
  ): void;
  /** Once per send action, before the fates of its passages. */
  onSend?(
    from: number,
    action: PeerAction & { readonly kind: 'send' },
    frameBytes: number,
    nowMs: number,
  ): void;
  /** Once per copy and receiver, when it is decided. */
  onFate?(passage: Passage, fate: MessageFate, nowMs: number): void;
  /** A round is done; times in the note are the peer's own clock. */
  onRecord?(peer: number, note: RoundNote, nowMs: number): void;
  /**
   * The peer asks to be evaluated. A promise of true says that its params reach the goal of the run (target accuracy): the peer hears
   * of it at this same instant, and the engine waits for the promise before it passes on.
   */
  onEvaluate?(peer: number, round: number, params: Vector, nowMs: number): Promise<boolean> | undefined;
  onAggregated?(peer: number, report: AggregateReport, nowMs: number): void;
  onFinish?(peer: number, reason: FinishReason, round: number, params: Vector, nowMs: number): void;
  /** The peer itself refused a message that was delivered. */
  onRefuse?(peer: number, refusal: PeerAction & { readonly kind: 'refuse' }, nowMs: number): void;
  onNotice?(peer: number, notice: PeerAction & { readonly kind: 'notice' }, nowMs: number): void;
  onPersist?(peer: number, checkpoint: SimulatedCheckpoint, nowMs: number): void;
  /** A fault did something to a peer or a link. */
  onDeed?(deed: Deed, nowMs: number): void;
  /** Now and then (every few ten thousand events), awaited: for progress and for writing out what piles up. */
  onBreath?(nowMs: number, eventCount: number): Promise<void> | undefined;
  /** The simulation is over. */
  onEnd?(result: SimulationResult): void;
}
