/**
 * The Trainer seam: local learning behind one interface. Implementations: tfjs (in this thread, or in a worker),
 * a quadratic toy with a known optimum. The conformance suite is test/train/trainer.conformance.ts.
 *
 * Contract: results are a function of (params given, optimiser state, sample key); samples are a function of
 * (seed, peer, step), never of an iterator. Input vectors are read, never kept nor changed; returned vectors belong
 * to the caller. Calls may overlap: an implementation performs them one after another in call order. What may not be
 * assumed: that a call returns before another one is made, or that two backends give equal bits.
 */
import type { Layout, Vector } from '../params/layout.ts';

/** Names the mini-batches of `steps` optimiser updates: those numbered firstStep … firstStep + steps − 1. */
export interface SampleKey {
  readonly firstStep: number;
}

export interface TrainResult {
  /** Params after the local updates. */
  readonly params: Vector;
  /** Mean training loss over the updates. */
  readonly loss: number;
  /** Mean over the updates of the squared Euclidean norm of the mini-batch gradient (before clipping). */
  readonly gradientSquaredNorm: number;
  /** Samples used, with repetitions. */
  readonly sampleCount: number;
}

/** `own`: this silo's held-out samples; `global`: the shared test set, where one exists; `train`: its training samples. */
export type EvaluationSet = 'own' | 'global' | 'train';

export interface Evaluation {
  /** Share of correct predictions, 0 to 1; undefined where the set is empty or the task has no classes. */
  readonly accuracy: number | undefined;
  /** Mean loss; undefined where the set is empty. */
  readonly loss: number | undefined;
  readonly sampleCount: number;
}

export interface Trainer {
  readonly layout: Layout;
  /** Which engine computes: `tensorflow`, `wasm`, `cpu`, `toy`. Every record names it. */
  readonly backend: string;
  /** Training samples of this silo. */
  readonly sampleCount: number;
  /** Optimiser updates in one pass over the silo's training samples (at least 1). */
  readonly stepsPerEpoch: number;
  /** The same initial params on every peer of one seed. */
  initialParams(): Promise<Vector>;
  train(params: Vector, steps: number, key: SampleKey): Promise<TrainResult>;
  /** The mini-batch gradient at `params` for step key.firstStep. */
  gradient(params: Vector, key: SampleKey): Promise<Vector>;
  evaluate(params: Vector, set: EvaluationSet): Promise<Evaluation>;
  /** Optimiser state (momentum, Adam moments), opaque bytes; empty where there is none. */
  snapshot(): Promise<Uint8Array>;
  /** Takes back what snapshot() gave; an empty array resets. Rejects with code `snapshot-mismatch`. */
  restore(snapshot: Uint8Array): Promise<void>;
  /** Frees tensors, threads and handles. Later calls reject. */
  dispose(): Promise<void>;
}
