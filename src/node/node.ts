/**
 * Drives one peer for real: Transport, Trainer, Storage and clock become the events of its machine, and its actions become
 * frames, training, files and timers. Everything that decides is in peer/; nothing here does.
 */
import { unreachable } from '../base/assert.ts';
import type { Timer } from '../base/clock.ts';
import { OperatingError } from '../base/errors.ts';
import type { Vector } from '../params/layout.ts';
import { logged } from '../peer/log.ts';
import type { AggregateReport, PeerAction, PeerEvent } from '../peer/machine.ts';
import { createPeer, type PeerState } from '../peer/state.ts';
import { step } from '../peer/step.ts';
import type { RoundEvaluation } from '../record/recorder.ts';
import type { RoundRecord } from '../record/records.ts';
import { measurementsOf } from '../train/measure.ts';
import type { Evaluation } from '../train/trainer.ts';
import type { Frame, TransportHandlers } from '../transport/transport.ts';
import { decodeEnvelope, encodeEnvelope, kindsOf } from '../wire/message.ts';
import { writeCheckpoint } from './checkpoint-store.ts';
import { diverged } from './diverged.ts';
import type { NodeDependencies, NodeOptions, NodeOutcome } from './node-options.ts';

export class PeerNode {
  readonly #options: NodeOptions;
  readonly #with: NodeDependencies;
  readonly #state: PeerState;
  readonly #queue: PeerEvent[] = [];
  /** Events wait while the peer is new (a neighbour may be quicker than our own start), and go nowhere once it has ended. */
  #life: 'new' | 'running' | 'ended' = 'new';
  #stepping = false;
  #hasFailed = false;
  readonly #timers = new Map<string, Timer>();
  /** Writes and evaluations under way, one after another. */
  #background: Promise<void> = Promise.resolve();
  /** The optimiser's state before the training of a round, while that round lasts. */
  #beforeTraining: { readonly round: number; readonly snapshot: Promise<Uint8Array> } | undefined;
  #evaluation: RoundEvaluation<Evaluation> | undefined;
  readonly #aggregated: AggregateReport[] = [];
  #pendingRound: RoundRecord | undefined;
  #settle: { resolve: (outcome: NodeOutcome) => void; reject: (error: unknown) => void } | undefined;
  readonly finished: Promise<NodeOutcome>;

  constructor(options: NodeOptions, dependencies: NodeDependencies) {
    this.#options = options;
    this.#with = dependencies;
    this.#state = createPeer(options.config);
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // A failure before anybody waits is still told to whoever waits later.
    this.finished.catch(() => undefined);
  }

  /** Starts listening and the peer itself; resolves with the addresses that others can dial. */
  async start(): Promise<readonly string[]> {
    const { transport, trainer } = this.#with;
    const { experimentDigest, layoutDigest, incarnation, resumeFrom } = this.#options;
    if (resumeFrom !== undefined) await trainer.restore(resumeFrom.optimizer);
    const params = resumeFrom?.params ?? (await trainer.initialParams());
    const round = resumeFrom?.round ?? 0;
    const greeting = { experimentDigest, layoutDigest, incarnation, round };
    const addresses = await transport.start(greeting, this.#handlers());
    const snapshot = resumeFrom === undefined ? {} : { ruleSnapshot: resumeFrom.ruleSnapshot };
    this.#queue.unshift({ kind: 'start', incarnation, round, params, ...snapshot });
    if (this.#life === 'new') this.#life = 'running';
    this.#setAlarm();
    this.#drain();
    return addresses;
  }

  connect(addresses: ReadonlyMap<number, readonly string[]>): void {
    this.#with.transport.connect(addresses);
  }

  /** Asks the peer to stop where it is; `finished` resolves when its checkpoint is written. */
  stop(reason: string): void {
    this.#dispatch({ kind: 'stop', reason });
  }

  /** Writes down what a fault schedule has done to this peer, to its link to `other`, or to a message for it. */
  noteFault(fault: string, other?: number): void {
    try {
      this.#with.recorder.fault(fault, this.#state.round, this.#with.clock.now(), other);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the node: links, timers, files. The peer answers its neighbours until here. */
  async close(): Promise<void> {
    this.#life = 'ended';
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#with.presence?.close();
    await this.#with.transport.stop();
    await this.#background;
  }

  get round(): number {
    return this.#state.round;
  }

  waitingFor(): readonly number[] {
    return this.#options.config.rule.waitingFor(this.#state.ruleState);
  }

  #handlers(): TransportHandlers {
    return {
      linkUp: (peer, { incarnation, round }) => {
        this.#with.presence?.linkUp(peer, round);
        this.#dispatch({ kind: 'linkUp', peer, incarnation, round });
      },
      linkDown: (peer, reason) => {
        this.#with.presence?.linkDown(peer);
        this.#dispatch({ kind: 'linkDown', peer, reason });
      },
      unreachable: (peer, reason) => this.#unreachable(peer, reason),
      frame: (from, frame) => this.#frame(from, frame),
      control: (from, message) => {
        const problem = this.#with.presence?.control(from, message);
        if (problem !== undefined) this.#refused(from, 'status-invalid', problem);
      },
      refused: (from, reason, detail) => this.#refused(from, reason, detail),
    };
  }

  #frame(from: number, frame: Frame): void {
    const decoded = decodeEnvelope(frame, this.#options.bounds);
    if (!decoded.ok) {
      return this.#refused(from, decoded.reason, decoded.detail);
    }
    const { incarnation, sequence, message } = decoded.envelope;
    this.#dispatch({ kind: 'received', name: { from, incarnation, sequence }, message, exclusive: true });
  }

  /** Called by the Transport, which a full disk must not hurt. */
  #refused(from: number | undefined, reason: string, detail: string): void {
    try {
      this.#with.recorder.refusal(from, reason, detail, this.#with.clock.now());
      this.#with.onRefused?.(from, reason, detail);
    } catch (error) {
      this.#fail(error);
    }
  }

  #ruleRefused({ from, reason, detail }: PeerAction & { kind: 'refuse' }): void {
    const where = `in round ${this.#state.round}`;
    const text = detail === undefined ? where : `${where}: ${detail}`;
    this.#with.recorder.refusal(from, reason, text, this.#with.clock.now());
  }

  #unreachable(other: number, detail: string): void {
    try {
      this.#with.recorder.notice('unreachable', this.#state.round, this.#with.clock.now(), { other, detail });
      this.#with.onUnreachable?.(other, detail);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Steps through the event, and through those that its actions cause, one after another. */
  #dispatch(event: PeerEvent): void {
    if (this.#life === 'ended') return;
    this.#queue.push(event);
    this.#drain();
  }

  #drain(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      while (this.#life === 'running') {
        const next = this.#queue.shift();
        if (next === undefined) break;
        this.#step(next);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#stepping = false;
    }
  }

  #step(event: PeerEvent): void {
    const { clock, recorder, onWaiting } = this.#with;
    const now = clock.now();
    recorder.event(logged(event), now);
    for (const action of step(this.#state, event, now)) this.#perform(action);
    this.#flushRound();
    if (event.kind !== 'trained') recorder.exchanged(clock.now() - now);
    onWaiting?.(this.waitingFor());
  }

  #perform(action: PeerAction): void {
    const { transport, recorder, clock } = this.#with;
    switch (action.kind) {
      case 'train':
        return this.#train(action);
      case 'send':
        return this.#send(action);
      case 'setTimer':
        return this.#setTimer(action.name, action.delayMs);
      case 'clearTimer':
        return this.#clearTimer(action.name);
      case 'persist':
        return this.#persist(action);
      case 'record':
        this.#pendingRound = recorder.round(action.note, transport.counters());
        return;
      case 'evaluate':
        return this.#evaluate(action.params);
      case 'announce':
        transport.setRound(action.round);
        return this.#with.presence?.announce(action.round);
      case 'refuse':
        return this.#ruleRefused(action);
      case 'notice': {
        const { what, round, peer: other, detail, drift } = action;
        if (what === 'half-exchange') recorder.halfExchange(drift);
        if (what === 'nobody') this.#with.onNobody?.();
        const more = {
          ...(other === undefined ? {} : { other }),
          ...(detail === undefined ? {} : { detail }),
        };
        return recorder.notice(what, round, clock.now(), more);
      }
      case 'measure':
        return this.#measure(action.params);
      case 'diverged':
        return this.#fail(diverged(action.round));
      case 'aggregated':
        this.#aggregated.push(action.report);
        return recorder.aggregated(action.report, clock.now());
      case 'finish':
        return this.#finish(action);
      default:
        return unreachable(action);
    }
  }

  #train({ token, params, firstStep, steps }: PeerAction & { kind: 'train' }): void {
    const { trainer } = this.#with;
    this.#beforeTraining = { round: this.#state.round, snapshot: heeded(trainer.snapshot()) };
    trainer.train(params, steps, { firstStep }).then(
      ({ params: trained, loss, gradientSquaredNorm }) => {
        this.#dispatch({ kind: 'trained', token, params: trained, loss, gradientSquaredNorm });
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #send({ to, sequence, message }: PeerAction & { kind: 'send' }): void {
    const { incarnation, bounds } = this.#options;
    const frame = encodeEnvelope({ incarnation, sequence, message }, kindsOf(bounds.messages));
    this.#with.transport.send(to, frame, (peer, outcome) => {
      if (!outcome.ok) this.#dispatch({ kind: 'sendFailed', to: peer, sequence, reason: outcome.reason });
    });
  }

  #setTimer(name: string, delayMs: number): void {
    this.#clearTimer(name);
    const timer = this.#with.clock.after(delayMs, () => {
      this.#timers.delete(name);
      this.#dispatch({ kind: 'timer', name });
    });
    this.#timers.set(name, timer);
  }

  #clearTimer(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  /** Optimiser state and params belong together: state from before the round's training if that has been asked for. */
  #persist({ round, params, ruleSnapshot }: PeerAction & { kind: 'persist' }): void {
    const { experimentDigest, layoutDigest, checkpoints } = this.#options;
    const { storage, trainer } = this.#with;
    const before = this.#beforeTraining;
    const snapshot = before?.round === round ? before.snapshot : heeded(trainer.snapshot());
    this.#inBackground(async () => {
      const optimizer = await snapshot;
      await writeCheckpoint(
        storage,
        { round, params, optimizer, ruleSnapshot, experimentDigest, layoutDigest },
        checkpoints,
      );
    });
  }

  #evaluate(params: Vector): void {
    const { trainer } = this.#with;
    const record = this.#pendingRound;
    this.#pendingRound = undefined;
    const results = heeded(
      Promise.all([trainer.evaluate(params, 'own'), trainer.evaluate(params, 'global')]),
    );
    this.#inBackground(async () => {
      const [own, global] = await results;
      this.#evaluation = { own, global };
      this.#checkGoal(this.#evaluation);
      this.#with.presence?.evaluated(own.accuracy);
      if (record !== undefined) this.#report(record, this.#evaluation, params);
    });
  }

  #measure(params: Vector): void {
    const { config, withheld } = this.#options;
    measurementsOf(this.#with.trainer, params, config.aggregate?.metrics ?? [], withheld).then(
      (values) => this.#dispatch({ kind: 'measured', values }),
      (error: unknown) => this.#fail(error),
    );
  }

  /** The run's time is counted from this peer's own start. */
  #setAlarm(): void {
    const { seconds } = this.#options.goal;
    if (seconds === undefined) return;
    const alarm = this.#with.clock.after(seconds * 1000, () =>
      this.#dispatch({ kind: 'goal', goal: 'seconds' }),
    );
    this.#timers.set('alarm', alarm);
  }

  #checkGoal({ own, global }: RoundEvaluation<Evaluation>): void {
    const { targetAccuracy = Number.POSITIVE_INFINITY } = this.#options.goal;
    const accuracy = global.accuracy ?? own.accuracy ?? Number.NEGATIVE_INFINITY;
    if (accuracy >= targetAccuracy) this.#dispatch({ kind: 'goal', goal: 'target-accuracy' });
  }

  /** A completed round without an evaluation is recorded behind those before it that still wait for theirs. */
  #flushRound(): void {
    const record = this.#pendingRound;
    this.#pendingRound = undefined;
    const { params } = this.#state;
    if (record !== undefined) this.#inBackground(async () => this.#report(record, undefined, params));
  }

  #report(record: RoundRecord, evaluation: RoundEvaluation<Evaluation> | undefined, params: Vector): void {
    const complete = this.#with.recorder.finishRound(record, evaluation);
    this.#with.onRound?.(complete, params);
  }

  #finish({ reason, round, params }: PeerAction & { kind: 'finish' }): void {
    // A peer that is started again after its last round has not been evaluated in this life.
    if (reason !== 'stopped' && this.#evaluation === undefined) this.#evaluate(params);
    this.#inBackground(async () => {
      if (reason !== 'stopped') this.#with.presence?.finish();
      this.#settle?.resolve({
        reason,
        round,
        params,
        evaluation: this.#evaluation,
        aggregated: this.#aggregated,
      });
    });
  }

  #inBackground(work: () => Promise<void>): void {
    this.#background = this.#background
      .then(() => (this.#hasFailed ? undefined : work()))
      .catch((error: unknown) => this.#fail(error));
  }

  /**
   * The node cannot go on: disk, Trainer, or a bug. It takes no further step, and whoever waits for `finished` is told, once what is being
   * written is written: the launcher ends the process for it.
   */
  #fail(error: unknown): void {
    this.#life = 'ended';
    this.#hasFailed = true;
    const cause = error instanceof Error ? error : new OperatingError('node-failed', String(error));
    void this.#background.then(() => this.#settle?.reject(cause));
  }
}

/** A promise that is awaited later than it may fail: its failure is told there, not to the process. */
function heeded<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
