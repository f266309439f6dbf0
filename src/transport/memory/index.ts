/**
 * The Transport in one process: `memoryNetwork(options)` hands out transports that reach each other through one first-in,
 * first-out queue. Frames pass through the real framing, so that tests can cut links and inject hostile bytes.
 */
import { assert, present } from '../../base/assert.ts';
import { FrameReader, InboundBudget } from '../frame-reader.ts';
import { oneAtATime, type SerialHandlers } from '../handler-queue.ts';
import { OutgoingFrame } from '../outgoing-frame.ts';
import {
  type Frame,
  type FrameLimits,
  type Greeting,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type TransportHandlers,
  type TransportRefusal,
  zeroCounters,
} from '../transport.ts';

export interface MemoryNetworkOptions {
  readonly limits: FrameLimits;
  /** Frames waiting for one neighbour. */
  readonly queueFramesMax?: number;
}

export interface MemoryNetwork {
  /** The transport of peer `self`, whose links go to `neighbours`. */
  transport(self: number, neighbours: readonly number[]): Transport;
  /** Breaks the link between two peers, in both directions, until healed. */
  cut(a: number, b: number): void;
  heal(a: number, b: number): void;
  /** Puts bytes on the data stream from one peer to another, as a hostile peer would. */
  inject(from: number, to: number, bytes: Uint8Array): void;
}

export function memoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const hub = new Hub(options);
  return {
    transport: (self, neighbours) => new MemoryTransport(hub, self, neighbours),
    cut: (a, b) => hub.setCut(a, b, true),
    heal: (a, b) => hub.setCut(a, b, false),
    inject: (from, to, bytes) => hub.enqueue(() => hub.member(to)?.takeBytes(from, [bytes])),
  };
}

/** Who is there, which pairs are cut, and the one queue of everything under way. */
class Hub {
  readonly options: MemoryNetworkOptions;
  readonly #members = new Map<number, MemoryTransport>();
  readonly #cut = new Set<string>();
  readonly #queue: (() => void)[] = [];
  #scheduled = false;

  constructor(options: MemoryNetworkOptions) {
    this.options = options;
  }

  join(peer: number, transport: MemoryTransport): void {
    this.#members.set(peer, transport);
  }

  leave(peer: number, transport: MemoryTransport): void {
    if (this.#members.get(peer) === transport) this.#members.delete(peer);
  }

  member(peer: number): MemoryTransport | undefined {
    return this.#members.get(peer);
  }

  isCut(a: number, b: number): boolean {
    return this.#cut.has(pairName(a, b));
  }

  setCut(a: number, b: number, cut: boolean): void {
    if (cut) this.#cut.add(pairName(a, b));
    else this.#cut.delete(pairName(a, b));
    this.enqueue(() => {
      this.#members.get(a)?.reconsider(b, 'cut');
      this.#members.get(b)?.reconsider(a, 'cut');
    });
  }

  enqueue(delivery: () => void): void {
    this.#queue.push(delivery);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    for (const delivery of this.#queue.splice(0)) delivery();
  }
}

function pairName(a: number, b: number): string {
  return `${Math.min(a, b)}-${Math.max(a, b)}`;
}

interface MemoryLink {
  up: boolean;
  known: boolean;
  refused: boolean;
  waiting: number;
  reader: FrameReader;
}

class MemoryTransport implements Transport {
  readonly #hub: Hub;
  readonly #self: number;
  readonly #links: ReadonlyMap<number, MemoryLink>;
  readonly #budget: InboundBudget;
  readonly #counters = zeroCounters();
  #greeting: Greeting | undefined;
  #handlers: SerialHandlers | undefined;

  constructor(hub: Hub, self: number, neighbours: readonly number[]) {
    this.#hub = hub;
    this.#self = self;
    const { headBytesMax, bodyBytesMax } = hub.options.limits;
    this.#budget = new InboundBudget((headBytesMax + bodyBytesMax) * Math.max(1, neighbours.length));
    this.#links = new Map(
      neighbours.map((peer) => [
        peer,
        { up: false, known: false, refused: false, waiting: 0, reader: this.#makeReader(peer) },
      ]),
    );
  }

  async start(greeting: Greeting, handlers: TransportHandlers): Promise<readonly string[]> {
    assert(this.#handlers === undefined, 'a transport starts once');
    this.#greeting = greeting;
    this.#handlers = oneAtATime(handlers);
    this.#hub.join(this.#self, this);
    return [`/memory/${this.#self}`];
  }

  connect(addresses: ReadonlyMap<number, readonly string[]>): void {
    for (const peer of addresses.keys()) {
      const link = this.#links.get(peer);
      if (link === undefined) continue;
      link.known = true;
      this.#hub.enqueue(() => this.reconsider(peer, 'unreachable'));
    }
  }

  setRound(round: number): void {
    this.#greeting = { ...present(this.#greeting, 'the greeting'), round };
  }

  send(to: readonly number[], frame: Frame, settled: (peer: number, outcome: SendOutcome) => void): void {
    const outgoing = new OutgoingFrame(frame);
    for (const peer of to) {
      const refusal = this.#cannotSend(peer, outgoing);
      if (refusal === undefined) this.#queueFrame(peer, outgoing, settled);
      else this.#hub.enqueue(() => settled(peer, { ok: false, reason: refusal }));
    }
  }

  publish(message: Uint8Array): void {
    this.#counters.controlMessagesSent += 1;
    const copy = message.slice();
    this.#hub.enqueue(() => {
      for (const peer of this.#reachable()) this.#hub.member(peer)?.takeControl(this.#self, copy);
    });
  }

  counters(): TransportCounters {
    return { ...this.#counters, socketBytesSent: this.#counters.dataBytesSent };
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#hub.enqueue(resolve));
    this.#handlers?.silence();
    this.#hub.leave(this.#self, this);
    for (const [peer, link] of this.#links) {
      link.up = false;
      this.#hub.member(peer)?.reconsider(this.#self, 'the other side stopped');
    }
  }

  /** Brings the link to where it should be now: up when both ends want it, down otherwise. */
  reconsider(peer: number, reason: string): void {
    const link = this.#links.get(peer);
    const other = this.#hub.member(peer);
    if (link === undefined || this.#handlers === undefined) return;
    const reachable = other !== undefined && !this.#hub.isCut(this.#self, peer);
    if (!reachable) return this.#takeDown(peer, link, reason);
    const theirs = other.#links.get(this.#self);
    if (link.up || theirs === undefined || !(link.known || theirs.known)) return;
    if (other.#handlers !== undefined) this.#shakeHands(peer, link, other, theirs);
  }

  takeBytes(from: number, pieces: readonly Uint8Array[]): boolean {
    const link = this.#links.get(from);
    if (link === undefined || !link.up) return false;
    for (const piece of pieces) {
      const refusal = link.reader.push(piece);
      if (refusal === undefined) continue;
      link.reader = this.#makeReader(from);
      this.#handlers?.refused(from, refusal.reason, refusal.detail);
      return false;
    }
    return true;
  }

  takeControl(from: number, message: Uint8Array): void {
    this.#counters.controlMessagesReceived += 1;
    this.#handlers?.control(from, message);
  }

  #makeReader(peer: number): FrameReader {
    return new FrameReader(this.#hub.options.limits, this.#budget, (frame, wireBytes) => {
      this.#counters.framesReceived += 1;
      this.#counters.dataBytesReceived += wireBytes;
      this.#handlers?.frame(peer, frame);
    });
  }

  #takeDown(peer: number, link: MemoryLink, reason: string): void {
    if (link.up) this.#handlers?.linkDown(peer, reason);
    link.up = false;
    link.refused = false;
    link.reader.end();
  }

  #shakeHands(peer: number, link: MemoryLink, other: MemoryTransport, theirs: MemoryLink): void {
    const ours = present(this.#greeting, 'the greeting');
    const greeting = present(other.#greeting, 'the greeting');
    const refusal = mismatch(ours, greeting);
    if (refusal === undefined) {
      link.up = true;
      theirs.up = true;
      this.#handlers?.linkUp(peer, greeting);
      other.#handlers?.linkUp(this.#self, ours);
    } else if (!link.refused) {
      link.refused = true;
      theirs.refused = true;
      this.#handlers?.refused(peer, refusal, 'the digests differ');
      other.#handlers?.refused(this.#self, refusal, 'the digests differ');
    }
  }

  #cannotSend(peer: number, { headBytes, bodyBytes }: OutgoingFrame): string | undefined {
    const { limits, queueFramesMax } = this.#hub.options;
    const link = this.#links.get(peer);
    if (headBytes > limits.headBytesMax || bodyBytes > limits.bodyBytesMax) return 'frame-too-large';
    if (link === undefined) return 'not-a-neighbour';
    if (!link.up) return 'link-down';
    return link.waiting >= (queueFramesMax ?? 64) ? 'queue-full' : undefined;
  }

  #queueFrame(
    peer: number,
    frame: OutgoingFrame,
    settled: (peer: number, outcome: SendOutcome) => void,
  ): void {
    const link = present(this.#links.get(peer), `the link to ${peer}`);
    link.waiting += 1;
    this.#hub.enqueue(() => {
      link.waiting -= 1;
      const arrived =
        link.up &&
        this.#hub.member(peer)?.takeBytes(this.#self, [...frame.segments, frame.trailer()]) === true;
      if (!arrived) return settled(peer, { ok: false, reason: 'link-down' });
      this.#counters.framesSent += 1;
      this.#counters.dataBytesSent += frame.wireBytes;
      settled(peer, { ok: true });
    });
  }

  /** Everybody that links which are up lead to. */
  #reachable(): Set<number> {
    const found = new Set([this.#self]);
    for (const peer of found) {
      const member = this.#hub.member(peer);
      if (member === undefined) continue;
      for (const [next, { up }] of member.#links) if (up) found.add(next);
    }
    found.delete(this.#self);
    return found;
  }
}

function mismatch(ours: Greeting, theirs: Greeting): TransportRefusal | undefined {
  if (ours.experimentDigest !== theirs.experimentDigest) return 'experiment-mismatch';
  return ours.layoutDigest === theirs.layoutDigest ? undefined : 'layout-mismatch';
}
