/**
 * What a driver without files keeps of a peer's checkpoints. Optimiser state and params belong together: the state is the one from
 * before the round's training, if that has been asked for (a stop in the middle of a round), else the one of now.
 */
import type { Vector } from '../params/layout.ts';
import type { PeerAction } from '../peer/machine.ts';
import type { Trainer } from '../train/trainer.ts';

export interface SimulatedCheckpoint {
  /** The params are those at the start of this round. */
  readonly round: number;
  readonly params: Vector;
  readonly ruleSnapshot: Uint8Array;
  /** What Trainer.snapshot() gave at that moment. */
  readonly optimizer: Promise<Uint8Array>;
}

export class Snapshots {
  readonly checkpoints = new Map<number, SimulatedCheckpoint>();
  readonly #trainer: Trainer;
  readonly #kept: number;
  #beforeTraining: { readonly round: number; readonly optimizer: Promise<Uint8Array> } | undefined;

  /** Keeps the newest `kept`. */
  constructor(trainer: Trainer, kept = Number.POSITIVE_INFINITY) {
    this.#trainer = trainer;
    this.#kept = kept;
  }

  /** To be called before the Trainer is asked to train for `round`. */
  beforeTraining(round: number): void {
    this.#beforeTraining = { round, optimizer: heeded(this.#trainer.snapshot()) };
  }

  persist({ round, params, ruleSnapshot }: PeerAction & { kind: 'persist' }): SimulatedCheckpoint {
    const before = this.#beforeTraining;
    const optimizer = before?.round === round ? before.optimizer : heeded(this.#trainer.snapshot());
    const checkpoint = { round, params, ruleSnapshot, optimizer };
    this.checkpoints.set(round, checkpoint);
    if (this.checkpoints.size > this.#kept) this.checkpoints.delete(Math.min(...this.checkpoints.keys()));
    return checkpoint;
  }

  /** The peer starts anew: what it was about to train is no more. */
  restart(): void {
    this.#beforeTraining = undefined;
  }

  newest(): SimulatedCheckpoint | undefined {
    const rounds = [...this.checkpoints.keys()];
    return rounds.length === 0 ? undefined : this.checkpoints.get(Math.max(...rounds));
  }
}

/** Awaited later than it may fail: its failure is told there, not to the process. */
function heeded<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
