/**
 * What relaxed walks remember (ng-routes; Baldacci, Mingozzi, Roberti 2011): each silo has a short list of silos, itself
 * first, and a walk that stands at it remembers those of its list that it has visited, unless it has forgotten them on the way.
 * Lists begin with the nearest silos and grow by those that walks came back to too soon (Roberti, Mingozzi 2014).
 */

/** How long lists are at first. */
export const memorySizeMin = 4;
const lowBits = 6;

export class WalkMemory {
  readonly count: number;
  /** How many masks a silo has: 2^size. */
  readonly masks: number;
  /** [node · n + other] → bit of `other` at `node`, −1 where it is not remembered. */
  readonly bit: Int8Array;
  /** Bits of a mask below this one are looked up in the first part of a row of `carried`. */
  readonly lowMasks: number;
  readonly lowBits = lowBits;
  /** [(from · n + to) · stride + …]: the mask at `to` for the low, then for the high bits of one at `from`. */
  readonly carried: Int32Array;
  readonly stride: number;
  /** [node] → the nodes it remembers, itself first; bit k of a mask at `node` is lists[node][k]. */
  readonly #lists: readonly Int32Array[];

  private constructor(lists: readonly Int32Array[]) {
    const count = lists.length;
    this.count = count;
    this.#lists = lists;
    this.masks = 2 ** lists[0]!.length;
    this.bit = new Int8Array(count * count).fill(-1);
    lists.forEach((list, node) => {
      list.forEach((other, bit) => {
        this.bit[node * count + other] = bit;
      });
    });
    this.lowMasks = Math.min(this.masks, 2 ** lowBits);
    this.stride = this.lowMasks + this.masks / this.lowMasks;
    this.carried = this.#carriedMasks();
  }

  /** The nearest silos of each, both ways counted. `delayMs`: [n × n], row = sender. */
  static ofNearest(count: number, delayMs: Float64Array): WalkMemory {
    const both = (one: number, other: number) =>
      delayMs[one * count + other]! + delayMs[other * count + one]!;
    const nodes = Array.from({ length: count }, (_, node) => node);
    return new WalkMemory(
      nodes.map((node) => {
        const others = nodes.filter((other) => other !== node);
        others.sort((a, b) => both(node, a) - both(node, b) || a - b);
        return Int32Array.from([node, ...others.slice(0, memorySizeMin - 1)]);
      }),
    );
  }

  get size(): number {
    return this.#lists[0]!.length;
  }

  /** Each list longer by the node that scores highest there. `scores`: [n × n], row = who is to remember. */
  grown(scores: Float64Array): WalkMemory {
    const { count } = this;
    return new WalkMemory(
      this.#lists.map((list, node) => {
        let best = -1;
        for (let other = 0; other < count; other++) {
          if (this.bit[node * count + other]! >= 0) continue;
          if (best < 0 || scores[node * count + other]! > scores[node * count + best]!) best = other;
        }
        return Int32Array.from([...list, best]);
      }),
    );
  }

  /** The same with lists cut short: what it allows is allowed less by this memory. */
  shortened(size: number): WalkMemory {
    return new WalkMemory(this.#lists.map((list) => list.slice(0, size)));
  }

  /**
   * For a closed walk, adds to `scores` who would have had to remember whom for each return: those between two visits
   * that have the visited one not in their list. Short detours count more.
   */
  scoreReturns(walk: readonly number[], scores: Float64Array): void {
    const { count, bit } = this;
    const at = (place: number) => walk[place % walk.length]!;
    for (let start = 0; start < walk.length; start++) {
      let steps = 1;
      while (at(start + steps) !== at(start)) steps++;
      for (let between = 1; between < steps; between++) {
        const key = at(start + between) * count + at(start);
        if (bit[key]! < 0) scores[key] = scores[key]! + 1 / steps;
      }
    }
  }

  #carriedMasks(): Int32Array {
    const { count, stride, lowMasks } = this;
    const tables = new Int32Array(count * count * stride);
    for (let pair = 0; pair < count * count; pair++) {
      const to = pair % count;
      const list = this.#lists[Math.floor(pair / count)]!;
      const row = pair * stride;
      for (let mask = 1; mask < lowMasks; mask++) {
        const bit = 31 - Math.clz32(mask);
        tables[row + mask] = tables[row + mask - (1 << bit)]! | this.#carriedBit(list, bit, to);
      }
      for (let mask = 1; mask < stride - lowMasks; mask++) {
        const bit = 31 - Math.clz32(mask);
        const rest = tables[row + lowMasks + mask - (1 << bit)]!;
        tables[row + lowMasks + mask] = rest | this.#carriedBit(list, bit + lowBits, to);
      }
      // Whoever is reached remembers itself.
      for (let mask = 0; mask < lowMasks; mask++) tables[row + mask] = tables[row + mask]! | 1;
    }
    return tables;
  }

  #carriedBit(list: Int32Array, place: number, to: number): number {
    const bit = this.bit[to * this.count + list[place]!]!;
    return bit < 0 ? 0 : 1 << bit;
  }
}
