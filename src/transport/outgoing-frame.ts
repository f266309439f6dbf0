/**
 * A frame on its way out, shared by all links that send it: its segments are cut once and its digest is computed
 * once, as far as the fastest of the links has come.
 */
import { encodePreamble, frameBytes, trailerOf } from '../wire/framing.ts';
import { FrameDigest } from './frame-digest.ts';
import type { Frame } from './transport.ts';

/** One send to a stream: 1 MiB cost the least CPU of 64 KiB to 1 MiB on loopback and holds the event loop for 3 ms. */
const SEGMENT_BYTES = 1024 * 1024;

export class OutgoingFrame {
  /** Preamble and head first, then the body in views of at most SEGMENT_BYTES. */
  readonly segments: readonly Uint8Array[];
  readonly wireBytes: number;
  readonly bodyBytes: number;
  readonly headBytes: number;
  readonly #digest = new FrameDigest();
  #hashed = 0;
  #trailer: Uint8Array | undefined;

  constructor(frame: Frame) {
    this.headBytes = frame.head.byteLength;
    this.bodyBytes = frame.body.reduce((sum, piece) => sum + piece.byteLength, 0);
    this.wireBytes = frameBytes(this.headBytes, this.bodyBytes);
    const preamble = encodePreamble(this.headBytes, this.bodyBytes);
    const opening = new Uint8Array(preamble.byteLength + this.headBytes);
    opening.set(preamble);
    opening.set(frame.head, preamble.byteLength);
    this.segments = [opening, ...frame.body.flatMap(cut)];
  }

  /** Takes the segments up to and including `index` into the digest, unless another link already has. */
  hashThrough(index: number): void {
    while (this.#hashed <= index) this.#digest.update(this.segments[this.#hashed++] as Uint8Array);
  }

  /** The digest of all segments. */
  trailer(): Uint8Array {
    this.hashThrough(this.segments.length - 1);
    this.#trailer ??= trailerOf(this.#digest);
    return this.#trailer;
  }
}

function cut(piece: Uint8Array): Uint8Array[] {
  const segments: Uint8Array[] = [];
  for (let start = 0; start < piece.byteLength; start += SEGMENT_BYTES) {
    segments.push(piece.subarray(start, start + SEGMENT_BYTES));
  }
  return segments;
}
