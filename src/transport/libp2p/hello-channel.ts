/** The hello stream of one control connection: handshake messages one way and the other, then heartbeats for as long as it lives. */
import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import type { Clock } from '../../base/clock.ts';
import { encodeHello, type GreetingMessage, type HelloMessage, HelloReader } from './hello.ts';

/** What the other side answered to our greeting, or why there was no answer. */
export type HelloAnswer =
  | GreetingMessage
  | Extract<HelloMessage, { type: 'refused' }>
  | 'malformed'
  | 'closed';

export class HelloChannel {
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #reader = new HelloReader();
  #answer: HelloAnswer | undefined;
  #answered: ((answer: HelloAnswer) => void) | undefined;
  #ponged: (() => void) | undefined;
  #lastHeardMs: number;

  constructor(stream: Stream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#lastHeardMs = clock.now();
    stream.addEventListener('message', (event) => this.#take(event));
    stream.addEventListener('remoteCloseWrite', () => this.#resolve('closed'));
    stream.addEventListener('close', () => this.#resolve('closed'));
  }

  get silentMs(): number {
    return this.#clock.now() - this.#lastHeardMs;
  }

  onClose(action: () => void): void {
    this.#stream.addEventListener('close', action);
    this.#stream.addEventListener('remoteCloseWrite', action);
  }

  /** The first greeting or refusal that arrives. */
  answer(): Promise<HelloAnswer> {
    return new Promise((resolve) => {
      if (this.#answer === undefined) this.#answered = resolve;
      else resolve(this.#answer);
    });
  }

  /** After a greeting the other side may still refuse: calls back when it does. */
  onRefused: (reason: string, detail: string) => void = () => undefined;

  send(message: HelloMessage): void {
    try {
      // A peer that does not read a few hundred bytes every ten seconds is not worth waiting for.
      if (!this.#stream.send(encodeHello(message)) && this.#stream.writeBufferLength > 65_536) {
        this.#stream.abort(new Error('the hello stream is not read'));
      }
    } catch {
      this.#resolve('closed');
    }
  }

  ping(): void {
    this.send({ type: 'ping' });
  }

  /** Whether the other side answers a ping within the given time. */
  probe(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs, () => resolve(false));
      this.#ponged = () => {
        timer.cancel();
        resolve(true);
      };
      this.ping();
    });
  }

  #take(event: StreamMessageEvent): void {
    this.#lastHeardMs = this.#clock.now();
    const messages = this.#reader.push(event.data.subarray());
    if (messages === undefined) {
      this.#resolve('malformed');
      this.#stream.abort(new Error('malformed hello message'));
      return;
    }
    for (const message of messages) this.#react(message);
  }

  #react(message: HelloMessage): void {
    if (message.type === 'ping') return this.send({ type: 'pong' });
    if (message.type === 'pong') {
      this.#ponged?.();
      this.#ponged = undefined;
      return;
    }
    if (message.type === 'refused' && this.#answer !== undefined)
      this.onRefused(message.reason, message.detail);
    this.#resolve(message);
  }

  #resolve(answer: HelloAnswer): void {
    this.#answer ??= answer;
    this.#answered?.(this.#answer);
    this.#answered = undefined;
  }
}
