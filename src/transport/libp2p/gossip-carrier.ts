/**
 * Models by gossip: each sender has a topic, to which its out-neighbours subscribe; a frame goes out as signed chunks and
 * reaches subscribers around a broken link through one another. The origin is the signer, whoever forwarded it.
 */
import { randomBytes } from 'node:crypto';
import { type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { CHUNK_BYTES, CHUNK_HEADER_BYTES, chunksOf, Reassembler } from '../chunks.ts';
import type { Refusal } from '../frame-reader.ts';
import type { OutgoingFrame } from '../outgoing-frame.ts';
import type { Frame, FrameLimits, SendOutcome } from '../transport.ts';
import type { GrapevineNode } from './node.ts';

export interface GossipCarrierOptions {
  readonly experimentDigest: string;
  /** Peer ids of the in-neighbours, by index. */
  readonly sources: ReadonlyMap<number, string>;
  readonly limits: FrameLimits;
  readonly clock: Clock;
  readonly queueFramesMax: number;
}

export interface GossipCarrierHooks {
  readonly memberOf: (peerId: PeerId) => number | undefined;
  readonly frame: (from: number, frame: Frame) => void;
  readonly received: (bytes: number) => void;
  readonly sent: (bytes: number) => void;
  readonly refused: (peer: number | undefined, refusal: Refusal) => void;
}

function modelTopic(experimentDigest: string, peerId: string): string {
  return `/grapevine/${experimentDigest}/model/${peerId}`;
}

export class GossipCarrier {
  readonly #node: GrapevineNode;
  readonly #options: GossipCarrierOptions;
  readonly #hooks: GossipCarrierHooks;
  readonly #topic: string;
  readonly #sources = new Map<string, { peer: number; reassembler: Reassembler }>();
  #nextFrameId = randomBytes(8).readBigUInt64LE() >> 1n;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(node: GrapevineNode, options: GossipCarrierOptions, hooks: GossipCarrierHooks) {
    this.#node = node;
    this.#options = options;
    this.#hooks = hooks;
    this.#topic = modelTopic(options.experimentDigest, node.peerId.toString());
    const { pubsub } = node.services;
    for (const [peer, peerId] of options.sources) {
      const topic = modelTopic(options.experimentDigest, peerId);
      this.#sources.set(topic, { peer, reassembler: new Reassembler(options.limits) });
      pubsub.topicValidators.set(topic, (forwarder, message) => this.#validate(peerId, forwarder, message));
    }
    pubsub.addEventListener('message', ({ detail }) => this.#take(detail));
  }

  subscribe(): void {
    for (const topic of this.#sources.keys()) this.#node.services.pubsub.subscribe(topic);
  }

  /** Whether this neighbour is known to subscribe to our models. */
  hears(peerId: PeerId): boolean {
    return this.#node.services.pubsub
      .getSubscribers(this.#topic)
      .some((subscriber) => subscriber.equals(peerId));
  }

  /** Publishes a frame after those before it; `settle` is called exactly once, later. */
  send(frame: OutgoingFrame, settle: (outcome: SendOutcome) => void): void {
    if (this.#waiting >= this.#options.queueFramesMax) {
      return queueMicrotask(() => settle({ ok: false, reason: 'queue-full' }));
    }
    this.#waiting += 1;
    this.#tail = this.#tail.then(async () => {
      const outcome = await this.#publish(frame);
      this.#waiting -= 1;
      settle(outcome);
    });
  }

  async idle(): Promise<void> {
    await this.#tail;
  }

  async #publish(frame: OutgoingFrame): Promise<SendOutcome> {
    this.#nextFrameId += 1n;
    try {
      for (const chunk of chunksOf(frame, this.#nextFrameId)) {
        const { recipients } = await this.#node.services.pubsub.publish(this.#topic, chunk);
        if (recipients.length === 0) return { ok: false, reason: 'no-recipients' };
        this.#hooks.sent(chunk.byteLength * recipients.length);
      }
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: describeError(error) };
    }
  }

  #validate(origin: string, forwarder: PeerId, message: Message): TopicValidatorResult {
    const fromOrigin = message.type === 'signed' && message.from.toString() === origin;
    if (fromOrigin && message.data.byteLength <= CHUNK_HEADER_BYTES + CHUNK_BYTES)
      return TopicValidatorResult.Accept;
    const detail = fromOrigin ? `${message.data.byteLength} bytes` : 'not signed by the owner of the topic';
    this.#hooks.refused(this.#hooks.memberOf(forwarder), { reason: 'chunk-invalid', detail });
    return TopicValidatorResult.Reject;
  }

  #take(message: Message): void {
    const source = this.#sources.get(message.topic);
    if (source === undefined) return;
    this.#hooks.received(message.data.byteLength);
    const { frame, refusal } = source.reassembler.push(message.data, this.#options.clock.now());
    if (refusal !== undefined) this.#hooks.refused(source.peer, refusal);
    if (frame !== undefined) this.#hooks.frame(source.peer, frame);
  }
}
