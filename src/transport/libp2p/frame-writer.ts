/**
 * One link's outgoing data stream: a bounded queue of frames, sent one at a time in order. Opens its stream when the first
 * frame comes and again after a reset. Backpressure: when `send` says no, waits for the `drain` event (libp2p 3.3.11:
 * `onDrain()` works only once), with a stall timeout.
 */
import type { Stream } from '@libp2p/interface';
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { OutgoingFrame } from '../outgoing-frame.ts';
import type { SendOutcome } from '../transport.ts';

export interface WriterOptions {
  readonly openStream: () => Promise<Stream>;
  readonly clock: Clock;
  readonly queueFramesMax: number;
  readonly stallMsMax: number;
  readonly onSent: (wireBytes: number) => void;
  /** The stream was reset this many times in a row without a frame getting through: give up on the link. */
  readonly onBroken: (reason: string) => void;
}

interface Job {
  readonly frame: OutgoingFrame;
  readonly settle: (outcome: SendOutcome) => void;
}

const FAILURES_MAX = 3;

export class FrameWriter {
  readonly #options: WriterOptions;
  readonly #queue: Job[] = [];
  #stream: Promise<Stream> | undefined;
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #failures = 0;
  #closed: string | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Queues a frame; `settle` is called exactly once, later. */
  enqueue(frame: OutgoingFrame, settle: (outcome: SendOutcome) => void): void {
    const refusal =
      this.#closed ?? (this.#queue.length >= this.#options.queueFramesMax ? 'queue-full' : undefined);
    if (refusal !== undefined) return queueMicrotask(() => settle({ ok: false, reason: refusal }));
    this.#queue.push({ frame, settle });
    if (!this.#busy) this.#running = this.#drainQueue();
  }

  /** Resolves when nothing is queued or under way. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** Opens the stream ahead of the first frame. */
  async open(): Promise<void> {
    await this.#currentStream();
  }

  /** Fails what is queued; what is under way fails when its stream closes. */
  close(reason: string): void {
    this.#closed ??= reason;
    for (const job of this.#queue.splice(0)) queueMicrotask(() => job.settle({ ok: false, reason }));
    this.#stream?.then((stream) => stream.abort(new Error(reason))).catch(() => undefined);
  }

  async #drainQueue(): Promise<void> {
    this.#busy = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.settle(await this.#attempt(job.frame));
    }
    this.#busy = false;
  }

  async #attempt(frame: OutgoingFrame): Promise<SendOutcome> {
    try {
      await this.#write(await this.#currentStream(), frame);
      this.#failures = 0;
      this.#options.onSent(frame.wireBytes);
      return { ok: true };
    } catch (error) {
      const reason = this.#closed ?? describeError(error);
      this.#stream?.then((stream) => stream.abort(new Error(reason))).catch(() => undefined);
      this.#stream = undefined;
      this.#failures += 1;
      if (this.#failures >= FAILURES_MAX && this.#closed === undefined) this.#options.onBroken(reason);
      return { ok: false, reason };
    }
  }

  async #currentStream(): Promise<Stream> {
    const stream = await this.#stream?.catch(() => undefined);
    if (stream !== undefined && stream.status === 'open') return stream;
    if (this.#closed !== undefined) throw new Error(this.#closed);
    this.#stream = this.#options.openStream();
    return this.#stream;
  }

  async #write(stream: Stream, frame: OutgoingFrame): Promise<void> {
    const { segments } = frame;
    for (let index = 0; index < segments.length; index++) {
      const accepted = stream.send(segments[index] as Uint8Array);
      frame.hashThrough(index);
      if (!accepted) await this.#until(stream, 'drain', () => !stream.writableNeedsDrain);
    }
    stream.send(frame.trailer());
    await this.#until(stream, 'idle', () => stream.writeBufferLength === 0);
  }

  /** Waits for the event until `done` holds; rejects when the stream closes or nothing moves for the stall time. */
  #until(stream: Stream, event: 'drain' | 'idle', done: () => boolean): Promise<void> {
    if (stream.status !== 'open') return Promise.reject(new Error(`the stream is ${stream.status}`));
    if (done()) return Promise.resolve();
    const { clock, stallMsMax } = this.#options;
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        timer.cancel();
        stream.removeEventListener(event, check);
        stream.removeEventListener('close', closed);
        if (error === undefined) resolve();
        else reject(error);
      };
      // libp2p resumes its own queue in a microtask after `drain`: look after it has.
      const check = (): void => queueMicrotask(() => (done() ? finish() : undefined));
      const closed = (): void => finish(new Error('the stream was closed by the other side'));
      const timer = clock.after(stallMsMax, () => finish(new Error(`stalled for ${stallMsMax} ms`)));
      stream.addEventListener(event, check);
      stream.addEventListener('close', closed);
    });
  }
}
