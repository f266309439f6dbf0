/** The Transport over libp2p: `libp2pTransport(options, dependencies)`. Protocols, limits and order: docs/PROTOCOL.md. */
import '../../base/runtime.ts';
import { randomBytes } from 'node:crypto';
import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { assert, present } from '../../base/assert.ts';
import { ControlRateLimit, DEFAULT_CONTROL_RATE } from '../control-rate.ts';
import { InboundBudget, type Refusal } from '../frame-reader.ts';
import { oneAtATime, type SerialHandlers } from '../handler-queue.ts';
import { OutgoingFrame } from '../outgoing-frame.ts';
import {
  type Frame,
  type Greeting,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type TransportHandlers,
  zeroCounters,
} from '../transport.ts';
import { ControlPlane } from './control-plane.ts';
import { GossipCarrier } from './gossip-carrier.ts';
import { dataProtocol, type GreetingMessage, HELLO_PROTOCOL, PROTOCOL_VERSIONS } from './hello.ts';
import { Link } from './link.ts';
import { createNode, type GrapevineNode, startNode } from './node.ts';
import {
  CONNECTIONS_PER_PEER_MAX,
  DEFAULT_TIMING,
  type Libp2pTransportOptions,
  type LinkTiming,
  QUEUE_FRAMES_MAX,
  type TransportDependencies,
} from './options.ts';
import type { SessionHooks } from './session.ts';

export type { Libp2pTransportOptions, TransportMember } from './options.ts';

/** A Transport whose links can be cut and healed one by one, for tests and fault injection. */
export interface Libp2pTransport extends Transport {
  admit(peer: number, isAdmitted: boolean): void;
  block(peer: number): void;
  unblock(peer: number): void;
}

export function libp2pTransport(
  options: Libp2pTransportOptions,
  dependencies: TransportDependencies,
): Libp2pTransport {
  return new Libp2pTransportImplementation(options, dependencies);
}

interface Running {
  readonly node: GrapevineNode;
  readonly handlers: SerialHandlers;
  readonly control: ControlPlane;
  readonly gossip: GossipCarrier | undefined;
  readonly links: ReadonlyMap<number, Link>;
}

/** Whether gossip from here reaches this neighbour: it is known to subscribe to all it should hear. */
type Knows = (peer: number, peerId: PeerId) => boolean;

class Libp2pTransportImplementation implements Libp2pTransport {
  readonly #options: Libp2pTransportOptions;
  readonly #dependencies: TransportDependencies;
  readonly #timing: LinkTiming;
  readonly #neighbours: readonly number[];
  readonly #memberIndex: ReadonlyMap<string, number>;
  readonly #instance = randomBytes(16).toString('hex');
  readonly #counters = zeroCounters();
  /** Members that are shut out. */
  readonly #revoked = new Set<number>();
  #greeting: Greeting | undefined;
  #running: Running | undefined;

  constructor(options: Libp2pTransportOptions, dependencies: TransportDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#memberIndex = new Map(options.members.map(({ peerId }, index) => [peerId, index]));
    const union = new Set([...options.outNeighbours, ...options.inNeighbours]);
    assert(!union.has(options.self), 'a peer is not its own neighbour');
    this.#neighbours = [...union].sort((a, b) => a - b);
  }

  async start(greeting: Greeting, handlers: TransportHandlers): Promise<readonly string[]> {
    assert(this.#running === undefined, 'a transport starts once');
    this.#greeting = greeting;
    const safe = oneAtATime(handlers);
    const node = await createNode(this.#options, {
      allowed: (peerId) => this.#isAllowed(peerId),
      crowded: (peerId) =>
        (this.#running?.node.getConnections(peerId).length ?? 0) >= CONNECTIONS_PER_PEER_MAX,
      onDenied: (peerId) => this.#onDenied(peerId, safe),
      onSocketBytes: (bytes) => {
        this.#counters.socketBytesSent += bytes;
      },
    });
    const self = this.#options.members[this.#options.self]?.peerId;
    assert(
      self === node.peerId.toString(),
      `the key belongs to ${node.peerId.toString()}, the membership says ${self}`,
    );
    const control = this.#makeControl(node, greeting, safe);
    const gossip = this.#makeGossip(node, greeting, safe);
    const knows = (peer: number, peerId: PeerId): boolean =>
      control.hears(peerId) &&
      (!this.#options.outNeighbours.includes(peer) || (gossip?.hears(peerId) ?? true));
    this.#running = { node, handlers: safe, control, gossip, links: this.#makeLinks(node, safe, knows) };
    await this.#handleProtocols(node);
    await startNode(node, this.#options.listen ?? ['/ip4/127.0.0.1/tcp/0']);
    control.subscribe();
    gossip?.subscribe();
    return node.getMultiaddrs().map((address) => address.toString());
  }

  connect(addresses: ReadonlyMap<number, readonly string[]>): void {
    const { links } = this.#live();
    for (const [peer, listening] of addresses) links.get(peer)?.learn(listening);
  }

  admit(peer: number, isAdmitted: boolean): void {
    if (isAdmitted) this.#revoked.delete(peer);
    else this.#revoked.add(peer);
    this.#running?.links.get(peer)?.setBlocked(!isAdmitted);
  }

  setRound(round: number): void {
    this.#greeting = { ...present(this.#greeting, 'the greeting'), round };
  }

  send(to: readonly number[], frame: Frame, settled: (peer: number, outcome: SendOutcome) => void): void {
    const { links, gossip } = this.#live();
    const outgoing = new OutgoingFrame(frame);
    const { headBytesMax, bodyBytesMax } = this.#options.limits;
    const fits = outgoing.headBytes <= headBytesMax && outgoing.bodyBytes <= bodyBytesMax;
    const { outNeighbours } = this.#options;
    const publishes = gossip !== undefined && fits && outNeighbours.every((peer) => to.includes(peer));
    if (publishes) {
      gossip.send(outgoing, (outcome) => {
        if (outcome.ok) this.#counters.framesSent += outNeighbours.length;
        for (const peer of outNeighbours) settled(peer, outcome);
      });
    }
    for (const peer of to) {
      if (publishes && outNeighbours.includes(peer)) continue;
      const link = links.get(peer);
      if (link !== undefined && fits) link.send(outgoing, (outcome) => settled(peer, outcome));
      else {
        const reason = fits ? 'not-a-neighbour' : 'frame-too-large';
        queueMicrotask(() => settled(peer, { ok: false, reason }));
      }
    }
  }

  publish(message: Uint8Array): void {
    this.#counters.controlMessagesSent += 1;
    this.#live().control.publish(message);
  }

  counters(): TransportCounters {
    return { ...this.#counters };
  }

  block(peer: number): void {
    this.#live().links.get(peer)?.setBlocked(true);
  }

  unblock(peer: number): void {
    this.#live().links.get(peer)?.setBlocked(false);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const flushed = Promise.all([
      running.gossip?.idle(),
      ...[...running.links.values()].map((link) => link.idle()),
    ]);
    await Promise.race([flushed, this.#delay(this.#timing.flushMsMax)]);
    running.handlers.silence();
    for (const link of running.links.values()) link.stop();
    await running.node.stop();
    this.#running = undefined;
  }

  #live(): Running {
    return present(this.#running, 'a started transport');
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#dependencies.clock.after(delayMs, () => resolve()));
  }

  #isAllowed(peerId: PeerId): boolean {
    const index = this.#memberIndex.get(peerId.toString());
    if (index === undefined || !this.#neighbours.includes(index) || this.#revoked.has(index)) return false;
    return this.#running?.links.get(index)?.blocked !== true;
  }

  #onDenied(peerId: PeerId, handlers: TransportHandlers): void {
    const member = this.#memberIndex.get(peerId.toString());
    if (this.#isAllowed(peerId)) {
      const detail = `dialled once more, with ${CONNECTIONS_PER_PEER_MAX} connections open`;
      return handlers.refused(member, 'too-many-connections', detail);
    }
    const why = this.#revoked.has(member ?? -1) ? 'shut out by the membership' : 'not a neighbour here';
    const who = member === undefined ? 'not a member' : `member ${member}, ${why}`;
    handlers.refused(member, 'unknown-peer', `${peerId.toString()} dialled: ${who}`);
  }

  #ourGreeting(): GreetingMessage {
    const { self, members } = this.#options;
    const name = present(members[self], 'this peer in the membership').name;
    const greeting = present(this.#greeting, 'the greeting');
    return {
      type: 'greeting',
      versions: PROTOCOL_VERSIONS,
      index: self,
      name,
      instance: this.#instance,
      ...greeting,
    };
  }

  /** The index of a member that is not shut out. */
  #admitted(peerId: PeerId): number | undefined {
    const index = this.#memberIndex.get(peerId.toString());
    return index === undefined || this.#revoked.has(index) ? undefined : index;
  }

  #makeControl(node: GrapevineNode, greeting: Greeting, handlers: TransportHandlers): ControlPlane {
    const rate = new ControlRateLimit(this.#options.controlRate ?? DEFAULT_CONTROL_RATE);
    return new ControlPlane(node, greeting.experimentDigest, {
      memberOf: (peerId) => this.#admitted(peerId),
      admits: (from) => rate.admits(from, this.#dependencies.clock.now()),
      message: (from, message) => {
        this.#counters.controlMessagesReceived += 1;
        handlers.control(from, message);
      },
      forwarded: (neighbourCount) => {
        this.#counters.controlMessagesForwarded += neighbourCount;
      },
      refused: (member, { reason, detail }) => handlers.refused(member, reason, detail),
    });
  }

  #makeGossip(
    node: GrapevineNode,
    greeting: Greeting,
    handlers: TransportHandlers,
  ): GossipCarrier | undefined {
    const { carrier, inNeighbours, limits, members, queueFramesMax } = this.#options;
    if (carrier !== 'gossip') return undefined;
    const sources = new Map(
      inNeighbours.map((peer) => [peer, present(members[peer], `member ${peer}`).peerId] as const),
    );
    const options = {
      experimentDigest: greeting.experimentDigest,
      sources,
      limits,
      clock: this.#dependencies.clock,
      queueFramesMax: queueFramesMax ?? QUEUE_FRAMES_MAX,
    };
    return new GossipCarrier(node, options, {
      memberOf: (peerId) => this.#admitted(peerId),
      frame: (from, frame) => {
        this.#counters.framesReceived += 1;
        handlers.frame(from, frame);
      },
      received: (bytes) => {
        this.#counters.dataBytesReceived += bytes;
      },
      sent: (bytes) => {
        this.#counters.dataBytesSent += bytes;
      },
      refused: (peer, { reason, detail }) => handlers.refused(peer, reason, detail),
    });
  }

  #makeLinks(node: GrapevineNode, handlers: SerialHandlers, knows: Knows): Map<number, Link> {
    const { limits, queueFramesMax, inboundBytesMax, members } = this.#options;
    const largest = limits.headBytesMax + limits.bodyBytesMax;
    const budget = new InboundBudget(inboundBytesMax ?? largest * Math.max(1, this.#neighbours.length));
    const session = {
      limits,
      budget,
      queueFramesMax: queueFramesMax ?? QUEUE_FRAMES_MAX,
      timing: this.#timing,
      clock: this.#dependencies.clock,
    };
    const links = new Map<number, Link>();
    for (const peer of this.#neighbours) {
      const peerId = peerIdFromString(present(members[peer], `member ${peer}`).peerId);
      const dials = this.#options.dials?.(peer) ?? node.peerId.toString() < peerId.toString();
      const hooks = this.#sessionHooks(peer, handlers, () => knows(peer, peerId));
      links.set(
        peer,
        new Link(peer, peerId, dials, {
          node,
          session,
          hooks,
          ourGreeting: () => this.#ourGreeting(),
          unreachable: (reason) => handlers.unreachable(peer, reason),
        }),
      );
      if (this.#revoked.has(peer)) links.get(peer)?.setBlocked(true);
    }
    node.services.pubsub.addEventListener('subscription-change', ({ detail }) => {
      links.get(this.#memberIndex.get(detail.peerId.toString()) ?? -1)?.checkUp();
    });
    return links;
  }

  #sessionHooks(peer: number, handlers: TransportHandlers, gossipReady: () => boolean): SessionHooks {
    return {
      up: ({ greeting }) => {
        const { experimentDigest, layoutDigest, incarnation, round } = greeting;
        handlers.linkUp(peer, { experimentDigest, layoutDigest, incarnation, round });
      },
      down: (_session, reason, wasUp) => {
        if (wasUp) handlers.linkDown(peer, reason);
      },
      frame: (frame, wireBytes) => {
        this.#counters.framesReceived += 1;
        this.#counters.dataBytesReceived += wireBytes;
        handlers.frame(peer, frame);
      },
      refused: ({ reason, detail }: Refusal) => handlers.refused(peer, reason, detail),
      sent: (wireBytes) => {
        this.#counters.framesSent += 1;
        this.#counters.dataBytesSent += wireBytes;
      },
      gossipReady,
    };
  }

  async #handleProtocols(node: GrapevineNode): Promise<void> {
    const bounded = { maxInboundStreams: 4, maxOutboundStreams: 4 };
    await node.handle(
      HELLO_PROTOCOL,
      (stream, connection) => this.#withLink(connection, (link) => link.answerHello(stream, connection)),
      bounded,
    );
    for (const version of PROTOCOL_VERSIONS) {
      await node.handle(
        dataProtocol(version),
        (stream, connection) => this.#withLink(connection, (link) => link.acceptData(stream, connection)),
        bounded,
      );
    }
    node.addEventListener('connection:open', ({ detail }) => this.#expectClaim(detail));
  }

  #withLink(connection: Connection, act: (link: Link) => void | Promise<void>): void | Promise<void> {
    const index = this.#memberIndex.get(connection.remotePeer.toString());
    const link = index === undefined ? undefined : this.#running?.links.get(index);
    if (link === undefined) return connection.abort(new Error('not a neighbour'));
    return act(link);
  }

  /** A connection that neither greets nor carries data within the handshake time is closed. */
  #expectClaim(connection: Connection): void {
    this.#dependencies.clock.after(this.#timing.handshakeMsMax, () => {
      const index = this.#memberIndex.get(connection.remotePeer.toString());
      const owned = index !== undefined && this.#running?.links.get(index)?.owns(connection) === true;
      if (!owned && connection.status === 'open') connection.abort(new Error('unused'));
    });
  }
}
