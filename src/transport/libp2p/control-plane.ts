/**
 * The control plane: one gossipsub topic for all, small messages, strictly signed by their originator, validated before they are
 * forwarded, and no more of them than each originator's rate allows.
 */
import { type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import type { PeerId } from '@libp2p/interface';
import { assert } from '../../base/assert.ts';
import type { Refusal } from '../frame-reader.ts';
import type { GrapevineNode } from './node.ts';
import { CONTROL_BYTES_MAX } from './options.ts';

export interface ControlHooks {
  readonly memberOf: (peerId: PeerId) => number | undefined;
  /** Whether this originator may send one more now. */
  readonly admits: (from: number) => boolean;
  readonly message: (from: number, message: Uint8Array) => void;
  /** A valid message goes on to so many mesh neighbours. */
  readonly forwarded: (neighbourCount: number) => void;
  /** `member`: who forwarded what no member signed or is too large, who signed what is one too many. */
  readonly refused: (member: number | undefined, refusal: Refusal) => void;
}

/** A public method of the implementation that its interface leaves out. */
interface MeshView {
  getMeshPeers(topic: string): string[];
}

function controlTopic(experimentDigest: string): string {
  return `/grapevine/${experimentDigest}/control`;
}

export class ControlPlane {
  readonly topic: string;
  readonly #node: GrapevineNode;
  readonly #hooks: ControlHooks;

  constructor(node: GrapevineNode, experimentDigest: string, hooks: ControlHooks) {
    this.#node = node;
    this.#hooks = hooks;
    this.topic = controlTopic(experimentDigest);
    const { pubsub } = node.services;
    pubsub.topicValidators.set(this.topic, (forwarder, message) => this.#validate(forwarder, message));
    pubsub.addEventListener('message', ({ detail }) => {
      const from = detail.type === 'signed' ? hooks.memberOf(detail.from) : undefined;
      if (detail.topic === this.topic && from !== undefined) hooks.message(from, detail.data);
    });
  }

  subscribe(): void {
    this.#node.services.pubsub.subscribe(this.topic);
  }

  /** Whether this neighbour is known to subscribe. */
  hears(peerId: PeerId): boolean {
    return this.#node.services.pubsub
      .getSubscribers(this.topic)
      .some((subscriber) => subscriber.equals(peerId));
  }

  publish(message: Uint8Array): void {
    assert(message.byteLength <= CONTROL_BYTES_MAX, `a control message of ${message.byteLength} bytes`);
    // Gossip is best effort: a message that finds no one is one that no one was there to hear.
    this.#node.services.pubsub.publish(this.topic, message).catch(() => undefined);
  }

  /** gossipsub passes a message on to its mesh, but not to whom it came from nor to its originator. */
  #neighboursBeyond(forwarder: PeerId, message: Message): number {
    const origin = message.type === 'signed' ? message.from.toString() : '';
    const mesh = (this.#node.services.pubsub as unknown as MeshView).getMeshPeers(this.topic);
    return mesh.filter((peer) => peer !== forwarder.toString() && peer !== origin).length;
  }

  #validate(forwarder: PeerId, message: Message): TopicValidatorResult {
    const origin = message.type === 'signed' ? this.#hooks.memberOf(message.from) : undefined;
    if (origin !== undefined && message.data.byteLength <= CONTROL_BYTES_MAX) {
      if (!this.#hooks.admits(origin)) {
        this.#hooks.refused(origin, { reason: 'control-rate', detail: 'more messages than its rate allows' });
        // Whoever passes it on did no wrong.
        return TopicValidatorResult.Ignore;
      }
      this.#hooks.forwarded(this.#neighboursBeyond(forwarder, message));
      return TopicValidatorResult.Accept;
    }
    this.#hooks.refused(
      this.#hooks.memberOf(forwarder),
      origin !== undefined
        ? { reason: 'control-too-large', detail: `${message.data.byteLength} bytes` }
        : { reason: 'control-invalid', detail: 'not signed by a member' },
    );
    return TopicValidatorResult.Reject;
  }
}
