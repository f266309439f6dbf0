/**
 * A priority queue ordered by (time, peer, sequence): virtual time never depends on the order in which promises complete. A 4-ary
 * min-heap over flat numbers, (time, peer · 2³⁴ + sequence) per entry, so that a comparison reads no object; payloads lie beside it.
 */
import { assert } from '../base/assert.ts';

/** Peers below 2¹⁹ and sequences below 2³⁴ share one exact double. */
const SEQUENCES_MAX = 2 ** 34;
const PEERS_MAX = 2 ** 19;
const ARITY = 4;

export class EventQueue<Payload> {
  /** Pairs (time, key), entry i at 2i. */
  #keys = new Float64Array(2 * 1024);
  /** The place of entry i's payload. */
  #places = new Int32Array(1024);
  readonly #payloads: (Payload | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  #size = 0;
  #scheduled = 0;
  #atMs = 0;
  #peer = 0;

  get size(): number {
    return this.#size;
  }

  /** Time and peer of the entry that was popped last. */
  get atMs(): number {
    return this.#atMs;
  }

  get peer(): number {
    return this.#peer;
  }

  /** Time of the least entry; Infinity where there is none. */
  get nextMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#keys[0]!;
  }

  /** Takes the next place in the order of scheduling, for a later `push`. */
  reserve(): number {
    return this.#scheduled++;
  }

  push(atMs: number, peer: number, payload: Payload, sequence = this.reserve()): void {
    assert(peer < PEERS_MAX && sequence < SEQUENCES_MAX, () => `event ${sequence} of peer ${peer}`);
    if (2 * this.#size === this.#keys.length) this.#grow();
    const place = this.#freePlaces.pop() ?? this.#payloads.length;
    this.#payloads[place] = payload;
    this.#rise(this.#size++, atMs, peer * SEQUENCES_MAX + sequence, place);
  }

  /** The payload of the least entry, whose time and peer can be read then; undefined where there is none. */
  pop(): Payload | undefined {
    if (this.#size === 0) return undefined;
    const place = this.#places[0]!;
    this.#atMs = this.#keys[0]!;
    this.#peer = Math.floor(this.#keys[1]! / SEQUENCES_MAX);
    const payload = this.#payloads[place];
    this.#payloads[place] = undefined;
    this.#freePlaces.push(place);
    this.#size -= 1;
    if (this.#size > 0) this.#sink();
    return payload;
  }

  /** What is still in it, in no order. */
  *left(): Generator<Payload> {
    for (let entry = 0; entry < this.#size; entry++) yield this.#payloads[this.#places[entry]!]!;
  }

  #rise(from: number, atMs: number, key: number, place: number): void {
    const keys = this.#keys;
    const places = this.#places;
    let entry = from;
    while (entry > 0) {
      const parent = ((entry - 1) / ARITY) | 0;
      const parentMs = keys[2 * parent]!;
      if (parentMs < atMs || (parentMs === atMs && keys[2 * parent + 1]! < key)) break;
      keys[2 * entry] = parentMs;
      keys[2 * entry + 1] = keys[2 * parent + 1]!;
      places[entry] = places[parent]!;
      entry = parent;
    }
    keys[2 * entry] = atMs;
    keys[2 * entry + 1] = key;
    places[entry] = place;
  }

  /** Moves the last entry to where the first was, and down to where it belongs. */
  #sink(): void {
    const keys = this.#keys;
    const places = this.#places;
    const size = this.#size;
    const atMs = keys[2 * size]!;
    const key = keys[2 * size + 1]!;
    let entry = 0;
    for (let first = 1; first < size; first = ARITY * entry + 1) {
      let least = first;
      let leastMs = keys[2 * first]!;
      const end = Math.min(first + ARITY, size);
      for (let child = first + 1; child < end; child++) {
        const childMs = keys[2 * child]!;
        if (childMs < leastMs || (childMs === leastMs && keys[2 * child + 1]! < keys[2 * least + 1]!)) {
          least = child;
          leastMs = childMs;
        }
      }
      if (leastMs > atMs || (leastMs === atMs && keys[2 * least + 1]! > key)) break;
      keys[2 * entry] = leastMs;
      keys[2 * entry + 1] = keys[2 * least + 1]!;
      places[entry] = places[least]!;
      entry = least;
    }
    keys[2 * entry] = atMs;
    keys[2 * entry + 1] = key;
    places[entry] = places[size]!;
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
    const places = new Int32Array(2 * this.#places.length);
    places.set(this.#places);
    this.#places = places;
  }
}
