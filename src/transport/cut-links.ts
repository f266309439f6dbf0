/**
 * Links that a fault schedule cuts openly while the real connection goes on: the owner is told that the link is down, and when it
 * has healed both ends shake hands again, by a frame that is no message, before either may use it.
 */
import { assert } from '../base/assert.ts';
import type { Frame } from '../wire/frame.ts';
import type { SerialHandlers } from './handler-queue.ts';
import type { Greeting } from './transport.ts';

/** No message begins with this byte: in CBOR it ends what never began. */
const HANDSHAKE = 0xff;

interface Link {
  /** What the other end said when the real link came up; undefined while it is down. */
  greeting: Greeting | undefined;
  isCut: boolean;
  /** Whether the owner believes it up. */
  isUp: boolean;
  /** A handshake that came while the link was still cut at this end: the other clock is a little ahead. */
  early: Greeting | undefined;
}

export interface CutLinksHooks {
  readonly handlers: SerialHandlers;
  /** Sends a frame past all faults. */
  readonly send: (peer: number, frame: Frame) => void;
  /** What this end says of itself. */
  readonly greeting: () => Greeting;
}

export class CutLinks {
  readonly #links: ReadonlyMap<number, Link>;
  readonly #hooks: CutLinksHooks;

  constructor(neighbours: readonly number[], hooks: CutLinksHooks) {
    this.#links = new Map(
      neighbours.map((peer) => [peer, { greeting: undefined, isCut: false, isUp: false, early: undefined }]),
    );
    this.#hooks = hooks;
  }

  isCut(peer: number): boolean {
    return this.#links.get(peer)?.isCut === true;
  }

  isUp(peer: number): boolean {
    return this.#links.get(peer)?.isUp === true;
  }

  linkUp(peer: number, greeting: Greeting): void {
    const link = this.#at(peer);
    link.greeting = greeting;
    if (!link.isCut) this.#up(peer, link, greeting);
  }

  linkDown(peer: number, reason: string): void {
    const link = this.#at(peer);
    link.greeting = undefined;
    link.early = undefined;
    this.#down(peer, link, reason);
  }

  cut(peer: number): void {
    const link = this.#at(peer);
    link.isCut = true;
    this.#down(peer, link, 'partition');
  }

  heal(peer: number): void {
    const link = this.#at(peer);
    link.isCut = false;
    if (link.greeting === undefined) return;
    this.#hooks.send(peer, handshakeOf(this.#hooks.greeting()));
    if (link.early !== undefined) this.#up(peer, link, link.early);
    link.early = undefined;
  }

  /** Whether the frame is for the owner; a handshake is taken here, and nothing passes a link that is down. */
  passes(peer: number, frame: Frame): boolean {
    const link = this.#at(peer);
    if (frame.head[0] !== HANDSHAKE) return link.isUp;
    const greeting = greetingOf(frame);
    if (greeting === undefined || link.isUp) return false;
    if (link.isCut) link.early = greeting;
    else this.#up(peer, link, greeting);
    return false;
  }

  #up(peer: number, link: Link, greeting: Greeting): void {
    link.isUp = true;
    this.#hooks.handlers.linkUp(peer, greeting);
  }

  #down(peer: number, link: Link, reason: string): void {
    if (!link.isUp) return;
    link.isUp = false;
    this.#hooks.handlers.linkDown(peer, reason);
  }

  #at(peer: number): Link {
    const link = this.#links.get(peer);
    assert(link !== undefined, `${peer} is no neighbour`);
    return link;
  }
}

function handshakeOf(greeting: Greeting): Frame {
  const text = new TextEncoder().encode(JSON.stringify(greeting));
  const head = new Uint8Array(1 + text.length);
  head[0] = HANDSHAKE;
  head.set(text, 1);
  return { head, body: [] };
}

/** Of the digests nothing is believed: the real handshake has compared them. */
function greetingOf({ head }: Frame): Greeting | undefined {
  try {
    const { experimentDigest, layoutDigest, incarnation, round } = JSON.parse(
      new TextDecoder().decode(head.subarray(1)),
    ) as Record<string, unknown>;
    if (typeof experimentDigest !== 'string' || typeof layoutDigest !== 'string') return undefined;
    if (!isCount(incarnation) || !isCount(round)) return undefined;
    return { experimentDigest, layoutDigest, incarnation, round };
  } catch {
    return undefined; // not JSON: no handshake of ours
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
