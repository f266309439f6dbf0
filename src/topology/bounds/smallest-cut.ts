/** Smallest cuts between one node and others, by shortest augmenting ways (Edmonds, Karp 1972): for small sparse graphs. */

export interface SmallestCut {
  /** Capacity of what leads into `inside`. */
  readonly capacity: number;
  /** 1: on the other side than the source; the largest such set. [nodes] */
  readonly inside: Uint8Array;
}

const leastResidual = 1e-10;
/** In place of the arc that a node is reached by. */
const unreached = -1;
const isSource = -2;

export class CutGraph {
  readonly #heads: number[] = [];
  readonly #capacities: number[] = [];
  readonly #arcsOf: number[][];
  readonly #arcTo: Int32Array;

  constructor(count: number) {
    this.#arcsOf = Array.from({ length: count }, () => []);
    this.#arcTo = new Int32Array(count);
  }

  /** Arc 2k, and against it arc 2k + 1. */
  add(from: number, to: number, capacity: number): void {
    this.#arcsOf[from]!.push(this.#heads.length);
    this.#heads.push(to);
    this.#capacities.push(capacity);
    this.#arcsOf[to]!.push(this.#heads.length);
    this.#heads.push(from);
    this.#capacities.push(0);
  }

  cut(source: number, sink: number): SmallestCut {
    const left = Float64Array.from(this.#capacities);
    for (let capacity = 0; ; ) {
      if (!this.#reach(source, sink, left)) {
        return { capacity, inside: Uint8Array.from(this.#arcTo, (arc) => (arc === unreached ? 1 : 0)) };
      }
      let amount = Number.POSITIVE_INFINITY;
      for (let node = sink; node !== source; node = this.#tailOf(node)) {
        amount = Math.min(amount, left[this.#arcTo[node]!]!);
      }
      for (let node = sink; node !== source; node = this.#tailOf(node)) {
        const arc = this.#arcTo[node]!;
        left[arc] = left[arc]! - amount;
        left[arc ^ 1] = left[arc ^ 1]! + amount;
      }
      capacity += amount;
    }
  }

  #tailOf(node: number): number {
    return this.#heads[this.#arcTo[node]! ^ 1]!;
  }

  /** Marks how each node is reached; true as soon as the sink is. */
  #reach(source: number, sink: number, left: Float64Array): boolean {
    this.#arcTo.fill(unreached);
    this.#arcTo[source] = isSource;
    const queue = [source];
    for (const node of queue) {
      for (const arc of this.#arcsOf[node]!) {
        const head = this.#heads[arc]!;
        if (left[arc]! <= leastResidual || this.#arcTo[head] !== unreached) continue;
        this.#arcTo[head] = arc;
        if (head === sink) return true;
        queue.push(head);
      }
    }
    return false;
  }
}
