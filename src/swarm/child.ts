/**
 * A child process of a swarm: takes one job from the launcher, reports, obeys. If the launcher goes away, it saves its work and
 * ends. How peers and Trainers are made comes as an argument: this file names no implementation.
 */
import type { PeerJob } from '../node/job.ts';
import type { PeerWatcher, RunningPeer } from '../node/run-peer.ts';
import { sketch } from '../node/sketch.ts';
import { trainPooled } from '../train/baselines.ts';
import type { TrainerSpec } from '../train/spec.ts';
import type { EngineTrainer } from '../train/tfjs-trainer.ts';
import type { BaselineResult, FromChild, PooledJob, ToChild } from './protocol.ts';

export interface ChildMakers {
  /** Takes the peer's folder for this process; fails where another process has it. */
  lockFolder(folder: string): Promise<{ release(): Promise<void> }>;
  startPeer(job: PeerJob, watcher: PeerWatcher): Promise<RunningPeer>;
  trainer(spec: TrainerSpec): Promise<EngineTrainer>;
  describeFailure(error: unknown): Omit<FromChild & { kind: 'failed' }, 'kind'>;
}

/** Serves the channel of this process until it is told to exit; sets the process's exit code. */
export function serveLauncher(makers: ChildMakers): void {
  const child = new SwarmChild(makers);
  process.on('message', (message) => child.obey(message as ToChild));
  process.on('disconnect', () => child.orphaned());
  // The launcher decides: a signal to the whole group must not end a peer before its work is saved.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.obey({ kind: 'stop', reason: 'SIGTERM' }));
  child.tell({ kind: 'hello' });
}

/** A neighbour out of reach for less is no news. */
const UNREACHABLE_MS_MIN = 20_000;

class SwarmChild {
  readonly #makers: ChildMakers;
  #peer: RunningPeer | undefined;
  #lock: { release(): Promise<void> } | undefined;
  /** Orders to a peer that is still starting, in order. */
  #starting: Promise<void> = Promise.resolve();
  #waiting = '';

  constructor(makers: ChildMakers) {
    this.#makers = makers;
  }

  tell(message: FromChild): void {
    if (process.connected) process.send?.(message);
  }

  obey(order: ToChild): void {
    this.#starting = this.#starting.then(() => this.#perform(order)).catch((error) => this.#fail(error));
  }

  /** The launcher is gone: save and end. */
  orphaned(): void {
    this.obey({ kind: 'stop', reason: 'the launcher is gone' });
    this.#starting = this.#starting
      .then(async () => {
        await this.#peer?.finished();
        await this.#lock?.release();
      })
      .catch(() => undefined)
      .then(() => process.exit(3));
  }

  async #perform(order: ToChild): Promise<void> {
    switch (order.kind) {
      case 'run':
        return this.#run(order.job);
      case 'pooled':
        return this.tell({ kind: 'baseline', result: await this.#pooled(order.job, order.rounds) });
      case 'addresses':
        return this.#peer?.connect(new Map(order.addresses));
      case 'fault':
        return this.#peer?.noteFault(order.fault);
      case 'stop':
        return this.#peer?.stop(order.reason);
      case 'alone':
        return this.tell({ kind: 'baseline', result: (await this.#peer?.trainAlone()) ?? {} });
      case 'exit':
        await this.#peer?.close();
        await this.#lock?.release();
        process.exit(0);
    }
  }

  async #run(job: PeerJob): Promise<void> {
    this.#lock = await this.#makers.lockFolder(job.folder);
    const peer = await this.#makers.startPeer(job, {
      onRound: (record, params) => this.tell({ kind: 'round', record, sketch: [...sketch(params)] }),
      onWaiting: (peers) => this.#tellWaiting(peers),
      onUnreachable: (other, reason) => this.#noteIfItLasts(job, other, reason),
      onNote: (text) => this.tell({ kind: 'note', text }),
    });
    this.#peer = peer;
    this.tell({ kind: 'listening', addresses: peer.addresses, backendNote: peer.backendNote });
    peer.finished().then(
      (report) => this.tell({ kind: 'finished', report }),
      (error: unknown) => this.#fail(error),
    );
  }

  async #pooled({ trainer: spec, perRound }: PooledJob, rounds: number): Promise<BaselineResult> {
    const trainer = await this.#makers.trainer(spec);
    const global = await trainPooled(trainer, rounds, perRound);
    await trainer.dispose();
    return { global };
  }

  #tellWaiting(peers: readonly number[]): void {
    const waiting = peers.join();
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    this.tell({ kind: 'waiting', peers });
  }

  /** On one machine a neighbour that starts or ends is out of reach for a moment; who is waited for much later is in trouble. */
  #noteIfItLasts({ members, self }: PeerJob, other: number, reason: string): void {
    const name = (peer: number): string => members[peer]?.name ?? `peer ${peer}`;
    const timer = setTimeout(() => {
      if (!this.#waiting.split(',').includes(String(other))) return;
      this.tell({ kind: 'note', text: `${name(self)} cannot reach ${name(other)} ${reason}; trying again` });
    }, UNREACHABLE_MS_MIN);
    timer.unref();
  }

  #fail(error: unknown): void {
    this.tell({ kind: 'failed', ...this.#makers.describeFailure(error) });
  }
}
