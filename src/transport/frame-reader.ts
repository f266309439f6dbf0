/**
 * Turns the bytes of one inbound stream into frames: reads the announced sizes, checks them, takes memory once, copies in,
 * digests as bytes arrive and compares the trailer. Never asks the stream to pause. After a refusal it takes no more.
 */
import {
  decodePreamble,
  PREAMBLE_BYTES_MAX,
  type PreambleResult,
  TRAILER_BYTES,
  trailerOf,
} from '../wire/framing.ts';
import { FrameDigest } from './frame-digest.ts';
import type { Frame, FrameLimits, TransportRefusal } from './transport.ts';

export interface Refusal {
  readonly reason: TransportRefusal;
  readonly detail: string;
}

/** Inbound memory shared by all readers of a peer, in bytes. */
export class InboundBudget {
  readonly #bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytesTaken(): number {
    return this.#taken;
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#bytesMax) return false;
    this.#taken += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}

interface Incoming {
  readonly preambleBytes: number;
  readonly digest: FrameDigest;
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #budget: InboundBudget;
  readonly #deliver: (frame: Frame, wireBytes: number) => void;
  readonly #preamble = new Uint8Array(PREAMBLE_BYTES_MAX);
  readonly #trailer = new Uint8Array(TRAILER_BYTES);
  #incoming: Incoming | undefined;
  /** Bytes of the current frame already read, preamble and trailer included. */
  #position = 0;
  #refused: Refusal | undefined;

  constructor(
    limits: FrameLimits,
    budget: InboundBudget,
    deliver: (frame: Frame, wireBytes: number) => void,
  ) {
    this.#limits = limits;
    this.#budget = budget;
    this.#deliver = deliver;
  }

  /** Whether a frame has begun and not ended. */
  get midFrame(): boolean {
    return this.#position > 0;
  }

  /** Takes the next bytes of the stream; a refusal is final. */
  push(bytes: Uint8Array): Refusal | undefined {
    let rest = bytes;
    while (rest.byteLength > 0 && this.#refused === undefined) rest = this.#consume(rest);
    return this.#refused;
  }

  /** The stream is over: gives the memory back; says whether a frame was cut off. */
  end(): Refusal | undefined {
    const cutOff = this.midFrame && this.#refused === undefined;
    const detail = `the stream ended after ${this.#position} bytes of a frame`;
    this.#drop();
    return cutOff ? { reason: 'frame-truncated', detail } : undefined;
  }

  #consume(bytes: Uint8Array): Uint8Array {
    const incoming = this.#incoming;
    if (incoming === undefined) return this.#begin(bytes);
    const { preambleBytes } = incoming;
    const bodyStart = preambleBytes + incoming.head.byteLength;
    const trailerStart = bodyStart + incoming.body.byteLength;
    if (this.#position < bodyStart) return this.#fill(incoming.head, preambleBytes, bytes, incoming.digest);
    if (this.#position < trailerStart) return this.#fill(incoming.body, bodyStart, bytes, incoming.digest);
    const rest = this.#fill(this.#trailer, trailerStart, bytes);
    if (this.#position === trailerStart + TRAILER_BYTES) this.#complete(incoming);
    return rest;
  }

  /** Copies into `target`, which begins at `start` of the frame; returns what is left over. */
  #fill(target: Uint8Array, start: number, bytes: Uint8Array, digest?: FrameDigest): Uint8Array {
    const offset = this.#position - start;
    const taken = bytes.subarray(0, target.byteLength - offset);
    target.set(taken, offset);
    digest?.update(taken);
    this.#position += taken.byteLength;
    return bytes.subarray(taken.byteLength);
  }

  /** Reads the preamble byte by byte, as only its bytes tell where it ends; returns what is left over. */
  #begin(bytes: Uint8Array): Uint8Array {
    for (let at = 0; at < bytes.byteLength; at++) {
      this.#preamble[this.#position++] = bytes[at]!;
      const preamble = this.#preamble.subarray(0, this.#position);
      const sizes = decodePreamble(preamble, this.#limits);
      if (sizes === undefined) continue;
      this.#admit(preamble, sizes);
      return bytes.subarray(at + 1);
    }
    return bytes.subarray(bytes.byteLength);
  }

  #admit(preamble: Uint8Array, sizes: PreambleResult): void {
    if (!sizes.ok) return this.#refuse(sizes);
    const total = sizes.headBytes + sizes.bodyBytes;
    if (!this.#budget.take(total)) {
      return this.#refuse({ reason: 'inbound-budget', detail: `no room for another ${total} bytes` });
    }
    this.#incoming = {
      preambleBytes: preamble.byteLength,
      digest: new FrameDigest().update(preamble),
      head: new Uint8Array(sizes.headBytes),
      body: new Uint8Array(sizes.bodyBytes),
    };
  }

  #complete({ digest, head, body }: Incoming): void {
    const wireBytes = this.#position;
    this.#drop();
    if (trailerOf(digest).some((byte, index) => byte !== this.#trailer[index])) {
      return this.#refuse({
        reason: 'frame-digest',
        detail: `the digest of ${wireBytes} bytes does not match`,
      });
    }
    this.#deliver({ head, body: [body] }, wireBytes);
  }

  #refuse(refusal: Refusal): void {
    this.#drop();
    this.#refused = { reason: refusal.reason, detail: refusal.detail };
  }

  #drop(): void {
    const { head, body } = this.#incoming ?? { head: undefined, body: undefined };
    if (head !== undefined) this.#budget.release(head.byteLength + body.byteLength);
    this.#incoming = undefined;
    this.#position = 0;
  }
}
