/**
 * The link to one neighbour, for as long as this peer runs: greets, judges, holds the current session, and dials again with
 * exponential backoff and seeded jitter when it is this side that dials (libp2p's own keep-alive gives up after five).
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import type { Timer } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { Random } from '../../base/random.ts';
import type { Refusal } from '../frame-reader.ts';
import type { OutgoingFrame } from '../outgoing-frame.ts';
import type { SendOutcome } from '../transport.ts';
import { describeAddresses, describeDialFailure } from './dial-failure.ts';
import { type GreetingMessage, HELLO_PROTOCOL, judgeGreeting, refusalFrom } from './hello.ts';
import { type HelloAnswer, HelloChannel } from './hello-channel.ts';
import type { GrapevineNode } from './node.ts';
import { Session, type SessionHooks, type SessionOptions } from './session.ts';

export interface LinkEnvironment {
  readonly node: GrapevineNode;
  readonly session: SessionOptions;
  readonly ourGreeting: () => GreetingMessage;
  readonly hooks: SessionHooks;
  /** Once per reason until the link is up. */
  readonly unreachable: (reason: string) => void;
}

/** A session this short does not make the next dial come sooner. */
const STABLE_MS = 5_000;
/** A refused handshake waits like this many failed dials. */
const REFUSED_WEIGHT = 4;
/** Reasons told of one neighbour that does not come up. */
const REASONS_MAX = 20;

export class Link {
  readonly peer: number;
  readonly peerId: PeerId;
  readonly #dials: boolean;
  readonly #environment: LinkEnvironment;
  readonly #random: Random;
  #addresses: readonly Multiaddr[] = [];
  #session: Session | undefined;
  #failures = 0;
  #redial: Timer | undefined;
  #dialling = false;
  #stopped = false;
  #blocked = false;
  /** Why the link does not come up, as told since it last was up. */
  readonly #told = new Set<string>();

  constructor(peer: number, peerId: PeerId, dials: boolean, environment: LinkEnvironment) {
    this.peer = peer;
    this.peerId = peerId;
    this.#dials = dials;
    this.#environment = environment;
    this.#random = Random.of(0, 'redial', environment.node.peerId.toString(), peerId.toString());
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get isUp(): boolean {
    return this.#session?.isUp === true;
  }

  owns(connection: Connection): boolean {
    return this.#session?.owns(connection) === true;
  }

  /** Where the neighbour listens; unreadable addresses are skipped. */
  learn(addresses: readonly string[]): void {
    this.#addresses = addresses.flatMap((text) => {
      try {
        const address = multiaddr(text);
        return [text.includes('/p2p/') ? address : address.encapsulate(`/p2p/${this.peerId.toString()}`)];
      } catch {
        return [];
      }
    });
    if (this.#dials && this.#addresses.length === 0) this.#tell('anywhere: no address of it is known');
    this.#schedule(0);
  }

  /** Cuts the link, or lets it come back. */
  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    if (blocked) this.#session?.close('blocked');
    else this.#schedule(0);
  }

  send(frame: OutgoingFrame, settle: (outcome: SendOutcome) => void): void {
    if (this.#session?.isUp === true) return this.#session.send(frame, settle);
    queueMicrotask(() => settle({ ok: false, reason: 'link-down' }));
  }

  checkUp(): void {
    if (this.#session?.isUp === false) this.#session.checkUp();
  }

  async idle(): Promise<void> {
    await this.#session?.idle();
  }

  stop(): void {
    this.#stopped = true;
    this.#redial?.cancel();
    this.#session?.retire('stopped');
  }

  /** The neighbour opened a hello stream: it is the one that dialled. */
  async answerHello(stream: Stream, connection: Connection): Promise<void> {
    const { clock, timing } = this.#environment.session;
    const hello = new HelloChannel(stream, clock);
    const timer = clock.after(timing.handshakeMsMax, () => stream.abort(new Error('no greeting came')));
    const greeting = await hello.answer();
    timer.cancel();
    const verdict = this.#judge(greeting);
    if (!verdict.ok) {
      if (verdict.refusal === undefined) return connection.abort(new Error('no greeting'));
      return this.#turnAway(hello, connection, verdict.refusal);
    }
    const current = this.#session;
    if (current !== undefined) {
      return this.#contest(current, verdict.greeting, hello, connection);
    }
    hello.send(this.#environment.ourGreeting());
    const session = this.#adopt(connection, hello, verdict.greeting, verdict.version);
    await this.#identify(connection, session);
  }

  /** The neighbour opened a data stream. */
  acceptData(stream: Stream, connection: Connection): void {
    const session = this.#session;
    if (session === undefined || !session.claimData(connection)) {
      return connection.abort(new Error('a data stream without a handshake'));
    }
    session.acceptStream(stream);
    session.openData().catch((error: unknown) => session.close(describeError(error)));
  }

  /**
   * Someone proved this neighbour's identity while we hold a session with it. The same process dialling again has lost its
   * side: drop ours, it will come back. Another process: whoever answers a ping on the old session keeps the identity.
   */
  async #contest(
    current: Session,
    newcomer: GreetingMessage,
    hello: HelloChannel,
    connection: Connection,
  ): Promise<void> {
    const { probeMsMax } = this.#environment.session.timing;
    const alive =
      newcomer.instance !== current.greeting.instance &&
      !current.isDown &&
      (await current.hello.probe(probeMsMax));
    if (alive) {
      const detail = `another process with the identity of member ${this.peer} is connected and alive`;
      return this.#turnAway(hello, connection, { reason: 'identity-in-use', detail });
    }
    // Both go, so that gossip forgets the old connection before it sees a new one.
    current.close('replaced by a newer connection');
    connection.abort(new Error('the old connection was still open; dial again'));
  }

  #judge(
    answer: HelloAnswer,
  ):
    | { ok: true; greeting: GreetingMessage; version: number }
    | { ok: false; refusal: Refusal | undefined; told?: Refusal } {
    if (answer === 'closed') return { ok: false, refusal: undefined };
    if (answer === 'malformed')
      return { ok: false, refusal: { reason: 'bad-greeting', detail: 'cannot be read' } };
    if (answer.type === 'refused') return { ok: false, refusal: undefined, told: refusalFrom(answer) };
    const judgement = judgeGreeting(answer, this.peer, this.#environment.ourGreeting());
    return judgement.ok
      ? { ok: true, greeting: answer, version: judgement.version }
      : { ok: false, refusal: { reason: judgement.reason, detail: judgement.detail } };
  }

  /** Tells the other side why, counts it here, and leaves it a moment to read before the connection goes. */
  #turnAway(hello: HelloChannel, connection: Connection, refusal: Refusal): void {
    hello.send({ type: 'refused', reason: refusal.reason, detail: refusal.detail });
    this.#environment.hooks.refused(refusal);
    connection.close({ signal: AbortSignal.timeout(1_000) }).catch((error: Error) => connection.abort(error));
  }

  #adopt(connection: Connection, hello: HelloChannel, greeting: GreetingMessage, version: number): Session {
    const { session: options, hooks } = this.#environment;
    const session = new Session({ control: connection, hello, greeting, version }, options, {
      ...hooks,
      up: (risen) => {
        this.#told.clear();
        hooks.up(risen);
      },
      down: (ended, reason, wasUp) => {
        if (this.#session === ended) this.#session = undefined;
        const livedMs = options.clock.now() - ended.openedMs;
        this.#failures = livedMs > STABLE_MS ? 0 : this.#failures + 1;
        hooks.down(ended, reason, wasUp);
        this.#schedule(this.#backoffMs());
      },
    });
    hello.onRefused = (reason, detail) => {
      hooks.refused(refusalFrom({ reason, detail }));
      session.close(`refused by the peer: ${reason}`);
    };
    this.#session = session;
    return session;
  }

  async #identify(connection: Connection, session: Session): Promise<void> {
    try {
      await this.#environment.node.services.identify.identify(connection);
    } catch (error) {
      session.close(`identify failed: ${describeError(error)}`);
    }
  }

  #schedule(delayMs: number): void {
    if (!this.#dials || this.#stopped || this.#blocked || this.#addresses.length === 0) return;
    this.#redial?.cancel();
    this.#redial = this.#environment.session.clock.after(delayMs, () => {
      if (this.#session !== undefined || this.#dialling || this.#stopped || this.#blocked) return;
      this.#dialling = true;
      this.#dial()
        .catch((error: unknown) => {
          this.#failures += 1;
          this.#tell(describeDialFailure(error, this.#addresses));
          return false;
        })
        .then((adopted) => {
          this.#dialling = false;
          if (!adopted || this.#session === undefined) this.#schedule(this.#backoffMs());
        })
        .catch(() => undefined);
    });
  }

  #tell(reason: string): void {
    if (this.#stopped || this.#blocked || this.#told.has(reason) || this.#told.size >= REASONS_MAX) return;
    this.#told.add(reason);
    this.#environment.unreachable(reason);
  }

  #backoffMs(): number {
    const { backoffMsMin, backoffMsMax } = this.#environment.session.timing;
    const ceilingMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(this.#failures, 16));
    return ceilingMs * (0.5 + 0.5 * this.#random.uniform());
  }

  /** One attempt; true when a session was adopted (it may still end before it is up). */
  async #dial(): Promise<boolean> {
    const { node, session: options } = this.#environment;
    const signal = AbortSignal.timeout(options.timing.handshakeMsMax);
    const control = await node.dial([...this.#addresses], { force: true, signal });
    try {
      const hello = new HelloChannel(await control.newStream(HELLO_PROTOCOL, { signal }), options.clock);
      signal.addEventListener('abort', () =>
        this.owns(control) ? undefined : control.abort(new Error('timed out')),
      );
      hello.send(this.#environment.ourGreeting());
      const verdict = this.#judge(await hello.answer());
      if (!verdict.ok) return this.#onHelloFailed(verdict, hello, control);
      const session = this.#adopt(control, hello, verdict.greeting, verdict.version);
      await this.#identify(control, session);
      await this.#dialData(session, signal);
      return true;
    } catch (error) {
      if (!this.owns(control)) control.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  async #dialData(session: Session, signal: AbortSignal): Promise<void> {
    try {
      const data = await this.#environment.node.dial([...this.#addresses], { force: true, signal });
      if (session.claimData(data)) await session.openData();
      else data.abort(new Error('the session ended meanwhile'));
    } catch (error) {
      this.#tell(describeDialFailure(error, this.#addresses));
      session.close(`no data connection: ${describeError(error)}`);
    }
  }

  #onHelloFailed(
    verdict: { refusal: Refusal | undefined; told?: Refusal },
    hello: HelloChannel,
    control: Connection,
  ): boolean {
    const silent = verdict.refusal === undefined && verdict.told === undefined;
    this.#failures += silent ? 1 : REFUSED_WEIGHT;
    if (silent)
      this.#tell(`${describeAddresses(this.#addresses)}: it closed the connection without a greeting`);
    if (verdict.refusal !== undefined) this.#turnAway(hello, control, verdict.refusal);
    else control.abort(new Error('refused'));
    if (verdict.told !== undefined) this.#environment.hooks.refused(verdict.told);
    return false;
  }
}
