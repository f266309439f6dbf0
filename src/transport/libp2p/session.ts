/**
 * One life of a link: a control connection with its hello stream, a second connection for bulk data with one standing stream
 * per direction. Up when both are there and gossip knows the peer; down, once and for good, when any part breaks.
 */
import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface';
import type { Clock, Timer } from '../../base/clock.ts';
import { FrameReader, type InboundBudget, type Refusal } from '../frame-reader.ts';
import type { OutgoingFrame } from '../outgoing-frame.ts';
import type { Frame, FrameLimits, SendOutcome } from '../transport.ts';
import { FrameWriter } from './frame-writer.ts';
import { dataProtocol, type GreetingMessage } from './hello.ts';
import type { HelloChannel } from './hello-channel.ts';
import type { LinkTiming } from './options.ts';

export interface SessionHooks {
  readonly up: (session: Session) => void;
  readonly down: (session: Session, reason: string, wasUp: boolean) => void;
  readonly frame: (frame: Frame, wireBytes: number) => void;
  readonly refused: (refusal: Refusal) => void;
  readonly sent: (wireBytes: number) => void;
  readonly gossipReady: () => boolean;
}

export interface SessionOptions {
  readonly limits: FrameLimits;
  readonly budget: InboundBudget;
  readonly queueFramesMax: number;
  readonly timing: LinkTiming;
  readonly clock: Clock;
}

/** A peer whose frames were refused this often in one session loses the link and has to dial again. */
const REFUSED_FRAMES_MAX = 3;

export class Session {
  readonly greeting: GreetingMessage;
  readonly openedMs: number;
  readonly #control: Connection;
  readonly #hello: HelloChannel;
  readonly #version: number;
  readonly #hooks: SessionHooks;
  readonly #options: SessionOptions;
  readonly #writer: FrameWriter;
  #data: Connection | undefined;
  #inbound: { stream: Stream; reader: FrameReader; lastMs: number } | undefined;
  #refusedFrames = 0;
  #timer: Timer | undefined;
  #state: 'opening' | 'up' | 'down' = 'opening';

  constructor(
    parts: { control: Connection; hello: HelloChannel; greeting: GreetingMessage; version: number },
    options: SessionOptions,
    hooks: SessionHooks,
  ) {
    this.greeting = parts.greeting;
    this.#control = parts.control;
    this.#hello = parts.hello;
    this.#version = parts.version;
    this.#options = options;
    this.#hooks = hooks;
    this.openedMs = options.clock.now();
    this.#writer = this.#makeWriter();
    parts.control.addEventListener('close', () => this.close('the control connection closed'));
    parts.hello.onClose(() => this.close('the hello stream closed'));
    this.#timer = options.clock.after(options.timing.handshakeMsMax, () => this.#onHandshakeOver());
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isDown(): boolean {
    return this.#state === 'down';
  }

  get hello(): HelloChannel {
    return this.#hello;
  }

  owns(connection: Connection): boolean {
    return connection === this.#control || connection === this.#data;
  }

  /** Makes `connection` the one for bulk data. False if there is one already or it is the control connection. */
  claimData(connection: Connection): boolean {
    if (this.#data === connection) return true;
    if (this.#data !== undefined || connection === this.#control || this.isDown) return false;
    this.#data = connection;
    connection.addEventListener('close', () => this.close('the data connection closed'));
    return true;
  }

  /** Opens our outgoing stream; the session is up afterwards if nothing else is missing. */
  async openData(): Promise<void> {
    await this.#writer.open();
    this.checkUp();
  }

  /** The other side's data stream, on a connection claimed before. A newer stream replaces an older one. */
  acceptStream(stream: Stream): void {
    this.#inbound?.stream.abort(new Error('replaced by a newer data stream'));
    const { limits, budget, clock } = this.#options;
    const reader = new FrameReader(limits, budget, (frame, wireBytes) => {
      // The other side sends only after it has seen the link up: what gossip still lacks can come later.
      this.#markUp();
      this.#hooks.frame(frame, wireBytes);
    });
    const inbound = { stream, reader, lastMs: clock.now() };
    this.#inbound = inbound;
    const ended = (): void => this.#onStreamEnd(inbound);
    stream.addEventListener('close', ended);
    stream.addEventListener('remoteCloseWrite', ended);
    stream.addEventListener('message', (event) => {
      inbound.lastMs = clock.now();
      this.#take(inbound, event);
    });
  }

  checkUp(): void {
    if (this.#data !== undefined && this.#hooks.gossipReady()) this.#markUp();
  }

  send(frame: OutgoingFrame, settle: (outcome: SendOutcome) => void): void {
    this.#writer.enqueue(frame, settle);
  }

  idle(): Promise<void> {
    return this.#writer.idle();
  }

  /** Breaks the link: both connections are dropped at once. */
  close(reason: string): void {
    if (!this.#end(reason)) return;
    this.#control.abort(new Error(reason));
    this.#data?.abort(new Error(reason));
  }

  /** Ends the session but leaves its connections for the node to close in order. */
  retire(reason: string): void {
    this.#end(reason);
  }

  #end(reason: string): boolean {
    if (this.isDown) return false;
    const wasUp = this.isUp;
    this.#state = 'down';
    this.#timer?.cancel();
    this.#inbound?.reader.end();
    this.#writer.close('link-down');
    this.#hooks.down(this, reason, wasUp);
    return true;
  }

  #markUp(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'up';
    this.#timer?.cancel();
    this.#tick();
    this.#hooks.up(this);
  }

  #onHandshakeOver(): void {
    const missing = this.#data === undefined ? 'no data connection came' : 'no gossip subscription came';
    this.close(`handshake timed out: ${missing}`);
  }

  #tick(): void {
    const { clock, timing } = this.#options;
    if (this.#hello.silentMs > timing.silenceMsMax) return this.close('silent');
    const inbound = this.#inbound;
    if (inbound?.reader.midFrame && clock.now() - inbound.lastMs > timing.stallMsMax) {
      this.#refuse(inbound, { reason: 'frame-truncated', detail: `stalled for ${timing.stallMsMax} ms` });
    }
    if (this.isDown) return;
    this.#hello.ping();
    this.#timer = clock.after(Math.min(timing.heartbeatMs, timing.stallMsMax), () => this.#tick());
  }

  #take(inbound: { stream: Stream; reader: FrameReader }, event: StreamMessageEvent): void {
    const { data } = event;
    for (const bytes of data instanceof Uint8Array ? [data] : data) {
      const refusal = inbound.reader.push(bytes);
      if (refusal !== undefined) return this.#refuse(inbound, refusal);
    }
  }

  /** A bad frame: its stream is reset, the refusal counted; the link survives a few of them. */
  #refuse(inbound: { stream: Stream; reader: FrameReader }, refusal: Refusal): void {
    inbound.reader.end();
    if (this.#inbound?.stream === inbound.stream) this.#inbound = undefined;
    inbound.stream.abort(new Error(refusal.reason));
    this.#refusedFrames += 1;
    this.#hooks.refused(refusal);
    if (this.#refusedFrames >= REFUSED_FRAMES_MAX) this.close(`${this.#refusedFrames} frames refused`);
  }

  #onStreamEnd(inbound: { stream: Stream; reader: FrameReader }): void {
    if (this.isDown) return;
    const truncated = inbound.reader.end();
    if (this.#inbound?.stream === inbound.stream) this.#inbound = undefined;
    // A stream that ends with its connection is a broken link, not a bad frame.
    if (truncated !== undefined && this.#data?.status === 'open') this.#refuse(inbound, truncated);
  }

  #makeWriter(): FrameWriter {
    const { clock, queueFramesMax, timing } = this.#options;
    return new FrameWriter({
      clock,
      queueFramesMax,
      stallMsMax: timing.stallMsMax,
      openStream: async () => {
        if (this.#data === undefined) throw new Error('link-down');
        const signal = AbortSignal.timeout(timing.handshakeMsMax);
        return this.#data.newStream(dataProtocol(this.#version), { signal });
      },
      onSent: this.#hooks.sent,
      onBroken: (reason) => this.close(reason),
    });
  }
}
