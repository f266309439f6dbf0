/** A set of the peers of a run, one bit each: what peers tell each other of who has done what. */

export class PeerSet {
  readonly peerCount: number;
  /** Bit k of byte b stands for peer 8b + k; bits past the last peer are 0. */
  readonly bytes: Uint8Array;
  #size = 0;

  constructor(peerCount: number, bytes = new Uint8Array(Math.ceil(peerCount / 8))) {
    this.peerCount = peerCount;
    this.bytes = bytes;
    for (let peer = 0; peer < peerCount; peer++) if (this.has(peer)) this.#size += 1;
  }

  get size(): number {
    return this.#size;
  }

  has(peer: number): boolean {
    return (((this.bytes[peer >> 3] ?? 0) >> (peer & 7)) & 1) === 1;
  }

  /** Whether it was not there before. */
  add(peer: number): boolean {
    if (this.has(peer)) return false;
    this.bytes[peer >> 3]! |= 1 << (peer & 7);
    this.#size += 1;
    return true;
  }

  delete(peer: number): void {
    if (!this.has(peer)) return;
    this.bytes[peer >> 3]! &= ~(1 << (peer & 7));
    this.#size -= 1;
  }

  /** Adds all of the other set's; whether one of them was not there before. */
  addAll(other: PeerSet): boolean {
    let grew = false;
    for (const peer of other) grew = this.add(peer) || grew;
    return grew;
  }

  isSuperset(other: PeerSet): boolean {
    return this.bytes.every((byte, at) => ((other.bytes[at] ?? 0) & ~byte) === 0);
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let peer = 0; peer < this.peerCount; peer++) if (this.has(peer)) yield peer;
  }

  copy(): PeerSet {
    return new PeerSet(this.peerCount, this.bytes.slice());
  }
}
