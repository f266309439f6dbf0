/**
 * Collects the calls of many Trainers and performs them together. A call waits until nothing else can go on without it (on
 * virtual time: until the engine awaits some peer's result), so that everything asked for up to then shares one batch.
 */
import { whenIdle } from '../base/idle.ts';
import type { Vector } from '../params/layout.ts';
import type { PeerKernel } from './peer-kernel.ts';
import { groupBy, type PeerPool } from './peer-pool.ts';
import { type EvaluateCall, evaluatePeers } from './peer-scores.ts';
import { gradientOfPeer, type Member, type TrainCall, trainPeers } from './peer-steps.ts';
import type { Evaluation, TrainResult } from './trainer.ts';

interface Waiting<Call, Result> {
  readonly call: Call;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

interface Training extends TrainCall {
  readonly steps: number;
}

export class BatchGroup {
  readonly #pool: PeerPool;
  readonly #kernel: PeerKernel | undefined;
  #training: Waiting<Training, TrainResult>[] = [];
  #evaluating: Waiting<EvaluateCall, Evaluation>[] = [];
  #armed = false;
  #memberCount: number;

  /** Owns `pool`, until each of its `memberCount` members has left. Trains on `kernel` where there is one, else on the pool's device. */
  constructor(pool: PeerPool, kernel: PeerKernel | undefined, memberCount: number) {
    this.#pool = pool;
    this.#kernel = kernel;
    this.#memberCount = memberCount;
  }

  train(member: Member, params: Vector, steps: number, firstStep: number): Promise<TrainResult> {
    this.#arm();
    return new Promise((resolve, reject) => {
      this.#training.push({ call: { member, params, steps, firstStep }, resolve, reject });
    });
  }

  evaluate(params: Vector, rows: Int32Array, shared: boolean): Promise<Evaluation> {
    this.#arm();
    return new Promise((resolve, reject) => {
      this.#evaluating.push({ call: { params, rows, shared }, resolve, reject });
    });
  }

  gradient(member: Member, params: Vector, firstStep: number): Float32Array {
    return gradientOfPeer(this.#pool, { member, params, firstStep });
  }

  /** After what its last call asked for is done, so that the group may end. */
  leave(): void {
    this.#memberCount -= 1;
    if (this.#memberCount > 0) return;
    this.#flush();
    this.#pool.dispose();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    whenIdle(() => this.#flush());
  }

  #flush(): void {
    this.#armed = false;
    const [training, evaluating] = [this.#training, this.#evaluating];
    this.#training = [];
    this.#evaluating = [];
    const alike = groupBy(training, ({ call: { steps, member } }) => `${steps} ${member.capacity}`);
    for (const group of alike.values()) {
      settle(group, (calls) => {
        const [{ steps }] = calls as [Training];
        return this.#kernel?.train(calls, steps) ?? trainPeers(this.#pool, calls, steps);
      });
    }
    if (evaluating.length > 0) settle(evaluating, (calls) => evaluatePeers(this.#pool, calls));
  }
}

function settle<Call, Result>(
  waiting: readonly Waiting<Call, Result>[],
  perform: (calls: readonly Call[]) => readonly Result[],
): void {
  try {
    const results = perform(waiting.map(({ call }) => call));
    for (const [index, { resolve }] of waiting.entries()) resolve(results[index]!);
  } catch (error) {
    for (const { reject } of waiting) reject(error);
  }
}
