/**
 * Watches a simulation and writes what processes would have written: one log per peer (or one for all), rounds with their
 * evaluations, refusals, notices, checkpoints. Times are virtual; nothing of the machine gets in, so equal runs leave equal bytes.
 */
import { present } from '../base/assert.ts';
import { type Deed, faultOf } from '../faults/deed.ts';
import type { Vector } from '../params/layout.ts';
import { vectorDigest } from '../params/layout.ts';
import { logged } from '../peer/log.ts';
import type { FinishReason, PeerAction, PeerEvent, RoundNote } from '../peer/machine.ts';
import type { PeerState } from '../peer/state.ts';
import {
  type Aggregated,
  type PeerOutcome,
  Recorder,
  type RecordLevel,
  type RoundEvaluation,
  type RoundRecord,
  type RunRecord,
} from '../record/index.ts';
import type { Evaluation, Trainer } from '../train/trainer.ts';
import type { MessageFate, Passage, SimulationObserver } from './observer.ts';
import { OrderedLines } from './ordered-lines.ts';
import type { SimulatedCheckpoint } from './snapshots.ts';

export interface WatchedPeer {
  readonly trainer: Trainer;
}

export interface RecorderOptions {
  /** All peers write into one log. */
  readonly jointLog: boolean;
  readonly level: RecordLevel;
  /** The goal of the run: global test set where there is one, else the silo's own. */
  readonly targetAccuracy?: number;
}

/** Where the records go. */
export interface RecordSink {
  /** One line of a peer's log, without line feed. */
  append(peer: number, line: string): void;
  checkpoint(peer: number, checkpoint: SimulatedCheckpoint): Promise<void>;
}

interface Watched {
  readonly trainer: Trainer;
  readonly recorder: Recorder;
  readonly sent: { dataBytesSent: number; framesSent: number };
  state: PeerState | undefined;
  startedMs: number;
  /** Whether the step under way asks for an evaluation. */
  evaluates: boolean;
  /** The completed round that waits for its evaluation. */
  pending: RoundRecord | undefined;
  evaluation: RoundEvaluation<Evaluation> | undefined;
  aggregated: Aggregated[];
  finished:
    | { readonly reason: FinishReason; readonly round: number; readonly params: Vector; endMs: number }
    | undefined;
}

export class SimulationRecorder {
  readonly #peers: readonly Watched[];
  readonly #options: RecorderOptions;
  readonly #sink: RecordSink;
  /** Checkpoints on their way to the disk; awaited now and then, so that they do not pile up. */
  #writing: Promise<void>[] = [];
  /** One log per peer, or one for all. */
  readonly #logs: readonly OrderedLines[];
  /** Rounds completed so far and events stepped through, over all peers, and the virtual time of the last one. */
  roundsDone = 0;
  steps = 0;
  nowMs = 0;

  constructor(peers: readonly WatchedPeer[], options: RecorderOptions, sink: RecordSink) {
    this.#options = options;
    this.#sink = sink;
    const logCount = options.jointLog ? 1 : peers.length;
    this.#logs = Array.from(
      { length: logCount },
      () => new OrderedLines((peer, line) => sink.append(peer, line)),
    );
    this.#peers = peers.map(({ trainer }, peer) => ({
      trainer,
      recorder: new Recorder({ peer, level: options.level }, (line) =>
        this.#logOf(peer).push(peer, line.trimEnd()),
      ),
      sent: { dataBytesSent: 0, framesSent: 0 },
      state: undefined,
      startedMs: 0,
      evaluates: false,
      pending: undefined,
      evaluation: undefined,
      aggregated: [],
      finished: undefined,
    }));
  }

  /** What the engine is to tell. */
  readonly observer: SimulationObserver = {
    onStep: (peer, event, actions, state, nowMs, localMs) =>
      this.#stepped(peer, event, actions, state, nowMs, localMs),
    onSend: (from, { to }, frameBytes) => this.#sent(from, to.length, frameBytes),
    onFate: (passage, fate, nowMs) => this.#decided(passage, fate, nowMs),
    onRecord: (peer, note) => this.#completed(peer, note),
    onEvaluate: (peer, _round, params) => this.#asked(peer, params),
    onRefuse: (peer, { from, reason, detail }, nowMs) => {
      const { recorder, state } = this.#at(peer);
      recorder.refusal(from, reason, detail ?? `in round ${state?.round ?? 0}`, nowMs);
    },
    onNotice: (peer, { what, round, peer: other, detail, drift }, nowMs) => {
      if (what === 'half-exchange') this.#at(peer).recorder.halfExchange(drift);
      const more = { ...(other === undefined ? {} : { other }), ...(detail === undefined ? {} : { detail }) };
      this.#at(peer).recorder.notice(what, round, nowMs, more);
    },
    onDeed: (deed, nowMs) => this.#suffered(deed, nowMs),
    onPersist: (peer, checkpoint) => this.#persist(peer, checkpoint),
    onAggregated: (peer, report, nowMs) => {
      const one = this.#at(peer);
      one.aggregated.push(report);
      one.recorder.aggregated(report, nowMs);
    },
    onFinish: (peer, reason, round, params, nowMs) => {
      this.#at(peer).finished = { reason, round, params, endMs: nowMs };
    },
  };

  /** What a log begins with. */
  write(peer: number, record: RunRecord): void {
    this.#at(peer).recorder.write(record);
  }

  #stepped(
    peer: number,
    event: PeerEvent,
    actions: readonly PeerAction[],
    state: PeerState,
    nowMs: number,
    localMs: number,
  ): void {
    const one = this.#at(peer);
    if (event.kind === 'start') {
      if (one.state === undefined) one.startedMs = nowMs;
      if (one.state === undefined && nowMs > 0) this.#fault(peer, 'join', nowMs);
      one.finished = undefined;
      one.evaluation = undefined;
      one.aggregated = [];
    }
    this.nowMs = nowMs;
    this.steps += 1;
    one.state = state;
    one.evaluates = actions.some(({ kind }) => kind === 'evaluate');
    if (this.#options.level === 'all') one.recorder.event(logged(event), localMs);
  }

  #sent(from: number, receivers: number, frameBytes: number): void {
    const { sent } = this.#at(from);
    sent.dataBytesSent += frameBytes * receivers;
    sent.framesSent += receivers;
  }

  #decided({ name, to, frameBytes }: Passage, fate: MessageFate, nowMs: number): void {
    // As in a swarm, what is done to a message is written down by its sender.
    if (fate.kind === 'lost' && (fate.reason === 'loss' || fate.reason === 'partition'))
      this.#fault(name.from, fate.reason, nowMs, to);
    if (fate.kind !== 'refused') return;
    if (fate.reason === 'corrupt') {
      this.#fault(name.from, fate.reason, nowMs, to);
      this.#at(to).recorder.refusal(name.from, 'head-invalid', 'a fault turned a bit over', nowMs);
      return;
    }
    // It never left.
    const { sent } = this.#at(name.from);
    sent.dataBytesSent -= frameBytes;
    sent.framesSent -= 1;
  }

  #suffered(deed: Deed, nowMs: number): void {
    const fault = faultOf(deed);
    if (!('between' in deed)) return this.#fault(deed.peer, fault, nowMs);
    const [one, other] = deed.between;
    this.#fault(one, fault, nowMs, other);
    this.#fault(other, fault, nowMs, one);
  }

  #fault(peer: number, kind: string, nowMs: number, other?: number): void {
    const { recorder, state } = this.#at(peer);
    recorder.fault(kind, state?.round ?? 0, nowMs, other);
  }

  #completed(peer: number, note: RoundNote): void {
    const one = this.#at(peer);
    this.roundsDone += 1;
    const record = one.recorder.round(note, one.sent);
    if (one.evaluates) one.pending = record;
    else one.recorder.finishRound(record, undefined);
  }

  #asked(peer: number, params: Vector): Promise<boolean> {
    const one = this.#at(peer);
    const record = one.pending;
    one.pending = undefined;
    if (record === undefined) return this.#evaluate(one, params);
    // Its line comes before those that follow, however long the evaluation takes.
    const fill = this.#logOf(peer).hold(peer);
    return this.#evaluate(one, params, (evaluation) =>
      fill(() => one.recorder.finishRound(record, evaluation)),
    );
  }

  #persist(peer: number, checkpoint: SimulatedCheckpoint): void {
    const written = this.#sink.checkpoint(peer, checkpoint);
    written.catch(() => undefined); // told where it is awaited
    this.#writing.push(written);
  }

  /** Waits until the checkpoints asked for are written. Rejects with the first failure of the disk. */
  async settle(): Promise<void> {
    const writing = this.#writing;
    this.#writing = [];
    await Promise.all(writing);
  }

  /** Writes each log's end and says where the peers ended; undefined for one that died. */
  async finish(): Promise<readonly (PeerOutcome | undefined)[]> {
    const outcomes: (PeerOutcome | undefined)[] = [];
    for (const [peer, one] of this.#peers.entries()) outcomes.push(await this.#outcome(peer, one));
    await this.settle();
    return outcomes;
  }

  /** The final params of the peers that ended, by peer. */
  finalParams(): ReadonlyMap<number, Vector> {
    const ended = new Map<number, Vector>();
    for (const [peer, { finished }] of this.#peers.entries())
      if (finished !== undefined) ended.set(peer, finished.params);
    return ended;
  }

  async #outcome(peer: number, one: Watched): Promise<PeerOutcome | undefined> {
    const { finished, recorder, sent, trainer } = one;
    if (finished === undefined) return undefined;
    const { reason, round, params, endMs } = finished;
    // A peer that is started again after its last round has not been evaluated in this life.
    if (reason !== 'stopped' && one.evaluation === undefined) await this.#evaluate(one, params);
    const paramsSha256 = vectorDigest(params);
    recorder.write({ type: 'end', peer, reason, round, paramsSha256 });
    return {
      reason,
      round,
      backend: trainer.backend,
      own: one.evaluation?.own,
      global: one.evaluation?.global,
      paramsSha256,
      totals: recorder.totals,
      aggregated: one.aggregated,
      sent: { bytes: sent.dataBytesSent, messages: sent.framesSent },
      wallMs: endMs - one.startedMs,
    };
  }

  /** Whether the params reach the goal. */
  async #evaluate(
    one: Watched,
    params: Vector,
    whenKnown?: (evaluation: RoundEvaluation<Evaluation>) => void,
  ): Promise<boolean> {
    const { trainer } = one;
    const [own, global] = await Promise.all([
      trainer.evaluate(params, 'own'),
      trainer.evaluate(params, 'global'),
    ]);
    one.evaluation = { own, global };
    whenKnown?.(one.evaluation);
    const { targetAccuracy = Number.POSITIVE_INFINITY } = this.#options;
    return (global.accuracy ?? own.accuracy ?? Number.NEGATIVE_INFINITY) >= targetAccuracy;
  }

  #logOf(peer: number): OrderedLines {
    return present(this.#logs[this.#logs.length === 1 ? 0 : peer], `log of peer ${peer}`);
  }

  #at(peer: number): Watched {
    return present(this.#peers[peer], `peer ${peer}`);
  }
}
