/**
 * The Trainer in a worker thread: the peer's event loop stays free while it trains. Vectors are copied once and
 * transferred. Errors arrive with their codes; if the worker dies, every call, open or later, is rejected.
 */
import { SHARE_ENV, type TransferListItem, Worker } from 'node:worker_threads';
import { OperatingError } from '../base/errors.ts';
import type { Vector } from '../params/layout.ts';
import { type Answer, errorFromMessage, type Opening, type Request } from './messages.ts';
import type { TrainerSpec } from './spec.ts';
import type { EngineTrainer } from './tfjs-trainer.ts';
import type { Evaluation, TrainResult } from './trainer.ts';

export interface WorkerOptions {
  /** The compiled worker.js; beside this file where absent. */
  readonly workerUrl?: URL;
}

/** Starts the worker and waits until its trainer is ready. Rejects as tfjsTrainer does, or with `trainer-died`. */
export async function workerTrainer(spec: TrainerSpec, options: WorkerOptions = {}): Promise<EngineTrainer> {
  const link = new WorkerLink(spec, options.workerUrl ?? new URL('./worker.js', import.meta.url));
  const opening = (await link.opening) as Opening;
  return {
    ...opening,
    initialParams: () => link.call({ call: 'initialParams' }) as Promise<Vector>,
    train: (params, steps, { firstStep }) =>
      link.callWith(params, (copy) => ({
        call: 'train',
        params: copy,
        steps,
        firstStep,
      })) as Promise<TrainResult>,
    gradient: (params, { firstStep }) =>
      link.callWith(params, (copy) => ({ call: 'gradient', params: copy, firstStep })) as Promise<Vector>,
    evaluate: (params, set) =>
      link.callWith(params, (copy) => ({ call: 'evaluate', params: copy, set })) as Promise<Evaluation>,
    tensorCount: () => link.call({ call: 'tensorCount' }) as Promise<number>,
    snapshot: () => link.call({ call: 'snapshot' }) as Promise<Uint8Array>,
    restore: (snapshot) =>
      link.callWith(snapshot, (copy) => ({ call: 'restore', snapshot: copy })) as Promise<void>,
    dispose: () => link.dispose(),
  };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

class WorkerLink {
  /** What the trainer says of itself when it is ready. */
  readonly opening: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 0;
  #gone: Error | undefined;

  constructor(spec: TrainerSpec, workerUrl: URL) {
    // SHARE_ENV: the engine sets the native library's environment, which a thread's own copy would not reach.
    this.#worker = new Worker(workerUrl, {
      workerData: { spec },
      env: SHARE_ENV,
      name: 'trainer',
      execArgv: [],
    });
    this.opening = this.#expect();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#die(`the training worker failed: ${error.message}`, error));
    this.#worker.on('messageerror', (error) =>
      this.#die('a message of the training worker was unreadable', error),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (exitCode) => {
        this.#die(`the training worker ended with exit code ${exitCode}`, undefined);
        resolve();
      });
    });
  }

  /** Copies `array` once, so that the copy can move to the worker and the caller keeps its own. */
  callWith<Array extends Vector | Uint8Array>(
    array: Array,
    request: (copy: Array) => Request,
  ): Promise<unknown> {
    const copy = array.slice() as Array;
    return this.call(request(copy), [copy.buffer as ArrayBuffer]);
  }

  call(request: Request, transfer: TransferListItem[] = []): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = this.#nextId;
    const answer = this.#expect();
    this.#worker.postMessage({ id, request }, transfer);
    return answer;
  }

  async dispose(): Promise<void> {
    if (this.#gone === undefined) {
      const answer = this.call({ call: 'dispose' });
      this.#gone = new OperatingError('trainer-disposed', 'the trainer was disposed of before this call');
      await answer;
    }
    await this.#exited;
  }

  #expect(): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.result);
    else waiting?.reject(errorFromMessage(answer.error));
  }

  #die(message: string, cause: unknown): void {
    const error = new OperatingError('trainer-died', message, {}, { cause });
    this.#gone ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
