/** A priority queue ordered by (time, peer, sequence): virtual time never depends on the order in which promises complete. */

export interface QueuedEvent<Payload> {
  readonly atMs: number;
  readonly peer: number;
  /** Order of scheduling. */
  readonly sequence: number;
  readonly payload: Payload;
}

/** A binary min-heap. */
export class EventQueue<Payload> {
  readonly #heap: QueuedEvent<Payload>[] = [];
  #scheduled = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(atMs: number, peer: number, payload: Payload): void {
    const heap = this.#heap;
    const added = { atMs, peer, sequence: this.#scheduled++, payload };
    let index = heap.length;
    heap.push(added);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(added, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = added;
  }

  pop(): QueuedEvent<Payload> | undefined {
    const heap = this.#heap;
    const least = heap[0];
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) sink(heap, last);
    return least;
  }
}

function sink<Payload>(heap: QueuedEvent<Payload>[], moved: QueuedEvent<Payload>): void {
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
    if (!before(heap[child]!, moved)) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = moved;
}

function before<Payload>(a: QueuedEvent<Payload>, b: QueuedEvent<Payload>): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.peer !== b.peer) return a.peer < b.peer;
  return a.sequence < b.sequence;
}
