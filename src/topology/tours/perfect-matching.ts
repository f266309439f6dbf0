/**
 * Minimum-weight perfect matching of a complete graph with an even number of nodes: the primal–dual blossom algorithm
 * (Edmonds 1965) with a slack for every top blossom, O(n³) time on dense arrays (Galil 1986). Internally a maximum-weight
 * matching of (heaviest − weight + 1), on whole numbers so that "tight" is exact: weights are rounded to 2⁻³⁰ of the
 * heaviest. Node 0 means "none": nodes are 1 to n, blossoms n + 1 and above.
 */
import { assert } from '../../base/assert.ts';
import { type Expired, neverExpired, requireTime } from '../deadline.ts';
import type { Edge, PairCost } from '../trees.ts';

const steps = 2 ** 30;

/**
 * Edges over node positions 0 to n − 1. `weight` is symmetric, finite and ≥ 0. OperatingError `time-limit` where `expired`
 * says so before all are matched; each pair takes O(n²).
 */
export function minimumPerfectMatching(
  nodeCount: number,
  weight: PairCost,
  expired: Expired = neverExpired,
): Edge[] {
  assert(nodeCount % 2 === 0, `a perfect matching of ${nodeCount} nodes`);
  if (nodeCount === 0) return [];
  const mates = new BlossomMatching(nodeCount, weight).solve(expired);
  return Array.from({ length: nodeCount }, (_, node): Edge => [node, mates[node + 1]! - 1]).filter(
    ([node, mate]) => node < mate,
  );
}

const free = -1;
const even = 0;
const odd = 1;

class BlossomMatching {
  readonly #nodeCount: number;
  /** Row length of the edge tables: nodes and blossoms, and the 0 for none. */
  readonly #width: number;
  /** The original edge that stands for a pair of tops: its ends, its doubled weight (0: none). */
  readonly #tail: Int32Array;
  readonly #head: Int32Array;
  readonly #weight: Float64Array;
  readonly #dual: Float64Array;
  readonly #mate: Int32Array;
  readonly #slackFrom: Int32Array;
  readonly #top: Int32Array;
  readonly #parent: Int32Array;
  readonly #side: Int8Array;
  readonly #visited: Int32Array;
  /** Children of a blossom, around its odd cycle, base first. */
  readonly #cycle: number[][];
  /** [blossom, node], the child of the blossom that holds the node. */
  readonly #childWith: Int32Array;
  #last: number;
  #stamp = 0;
  #queue: number[] = [];

  constructor(nodeCount: number, weight: PairCost) {
    const width = Math.floor(nodeCount * 1.5) + 2;
    this.#nodeCount = nodeCount;
    this.#width = width;
    this.#last = nodeCount;
    this.#tail = new Int32Array(width * width);
    this.#head = new Int32Array(width * width);
    this.#weight = new Float64Array(width * width);
    this.#dual = new Float64Array(width);
    this.#mate = new Int32Array(width);
    this.#slackFrom = new Int32Array(width);
    this.#top = new Int32Array(width);
    this.#parent = new Int32Array(width);
    this.#side = new Int8Array(width);
    this.#visited = new Int32Array(width);
    this.#cycle = Array.from({ length: width }, () => []);
    this.#childWith = new Int32Array(width * width);
    this.#fill(weight);
  }

  /** mates[node], nodes from 1. */
  solve(expired: Expired): Int32Array {
    while (this.#grow()) requireTime(expired, 'matching nodes in pairs');
    return this.#mate;
  }

  #fill(weight: PairCost): void {
    const count = this.#nodeCount;
    let heaviest = 0;
    for (let one = 0; one < count; one++) {
      for (let other = 0; other < one; other++) heaviest = Math.max(heaviest, weight(one, other));
    }
    const scale = heaviest === 0 ? 0 : steps / heaviest;
    let most = 0;
    for (let one = 1; one <= count; one++) {
      this.#top[one] = one;
      this.#childWith[one * this.#width + one] = one;
      for (let other = 1; other <= count; other++) {
        const pair = one * this.#width + other;
        this.#tail[pair] = one;
        this.#head[pair] = other;
        if (one === other) continue;
        // Larger than what any matching can save, so that leaving a node alone never pays.
        this.#weight[pair] = 2 * (steps * 2 - Math.round(weight(one - 1, other - 1) * scale));
        most = Math.max(most, this.#weight[pair]!);
      }
    }
    this.#dual.fill(most / 2, 1, count + 1);
  }

  /** Slack of the original edge behind a pair of tops; even numbers only. */
  #slack(one: number, other: number): number {
    const pair = one * this.#width + other;
    const tail = this.#tail[pair]!;
    const head = this.#head[pair]!;
    return this.#dual[tail]! + this.#dual[head]! - this.#weight[tail * this.#width + head]!;
  }

  #offer(from: number, top: number): void {
    const held = this.#slackFrom[top]!;
    if (held === 0 || this.#slack(from, top) < this.#slack(held, top)) this.#slackFrom[top] = from;
  }

  #findSlack(top: number): void {
    this.#slackFrom[top] = 0;
    for (let node = 1; node <= this.#nodeCount; node++) {
      const outer = this.#top[node]!;
      const hasEdge = this.#weight[node * this.#width + top]! > 0;
      if (hasEdge && outer !== top && this.#side[outer] === even) this.#offer(node, top);
    }
  }

  #enqueue(part: number): void {
    if (part <= this.#nodeCount) this.#queue.push(part);
    else for (const child of this.#cycle[part]!) this.#enqueue(child);
  }

  #setTop(part: number, top: number): void {
    this.#top[part] = top;
    if (part > this.#nodeCount) for (const child of this.#cycle[part]!) this.#setTop(child, top);
  }

  /** Steps from the base to a child along the even way around; the cycle is turned so that they count forwards. */
  #evenPlace(blossom: number, child: number): number {
    const cycle = this.#cycle[blossom]!;
    const place = cycle.indexOf(child);
    if (place % 2 === 0) return place;
    this.#cycle[blossom] = [cycle[0]!, ...cycle.slice(1).reverse()];
    return cycle.length - place;
  }

  #match(part: number, other: number): void {
    const pair = part * this.#width + other;
    this.#mate[part] = this.#head[pair]!;
    if (part <= this.#nodeCount) return;
    const child = this.#childWith[part * this.#width + this.#tail[pair]!]!;
    const place = this.#evenPlace(part, child);
    const cycle = this.#cycle[part]!;
    for (let step = 0; step < place; step++) this.#match(cycle[step]!, cycle[step ^ 1]!);
    this.#match(child, other);
    this.#cycle[part] = [...cycle.slice(place), ...cycle.slice(0, place)];
  }

  #augment(start: number, end: number): void {
    let [one, other] = [start, end];
    for (;;) {
      const before = this.#top[this.#mate[one]!]!;
      this.#match(one, other);
      if (before === 0) return;
      const above = this.#top[this.#parent[before]!]!;
      this.#match(before, above);
      [one, other] = [above, before];
    }
  }

  /** The nearest common ancestor of two even tops; 0 where they are in different trees. */
  #meeting(start: number, end: number): number {
    this.#stamp++;
    let [one, other] = [start, end];
    while (one !== 0 || other !== 0) {
      if (one !== 0) {
        if (this.#visited[one] === this.#stamp) return one;
        this.#visited[one] = this.#stamp;
        const mate = this.#top[this.#mate[one]!]!;
        one = mate === 0 ? 0 : this.#top[this.#parent[mate]!]!;
      }
      [one, other] = [other, one];
    }
    return 0;
  }

  #shrink(one: number, base: number, other: number): void {
    let blossom = this.#nodeCount + 1;
    while (blossom <= this.#last && this.#top[blossom] !== 0) blossom++;
    this.#last = Math.max(this.#last, blossom);
    this.#dual[blossom] = 0;
    this.#side[blossom] = even;
    this.#mate[blossom] = this.#mate[base]!;
    const arm = (start: number): number[] => {
      const parts: number[] = [];
      for (let part = start; part !== base; ) {
        const mate = this.#top[this.#mate[part]!]!;
        parts.push(part, mate);
        this.#enqueue(mate);
        part = this.#top[this.#parent[mate]!]!;
      }
      return parts;
    };
    this.#cycle[blossom] = [base, ...arm(one).reverse(), ...arm(other)];
    this.#setTop(blossom, blossom);
    this.#joinEdges(blossom);
    this.#findSlack(blossom);
  }

  /** The tightest edge of any child becomes the blossom's. */
  #joinEdges(blossom: number): void {
    const width = this.#width;
    for (let part = 1; part <= this.#last; part++) {
      this.#weight[blossom * width + part] = 0;
      this.#weight[part * width + blossom] = 0;
    }
    this.#childWith.fill(0, blossom * width, blossom * width + this.#nodeCount + 1);
    for (const child of this.#cycle[blossom]!) {
      for (let part = 1; part <= this.#last; part++) {
        const empty = this.#weight[blossom * width + part] === 0;
        if (!empty && this.#slack(child, part) >= this.#slack(blossom, part)) continue;
        this.#copyEdge(child * width + part, blossom * width + part);
        this.#copyEdge(part * width + child, part * width + blossom);
      }
      for (let node = 1; node <= this.#nodeCount; node++) {
        if (this.#childWith[child * width + node] !== 0) this.#childWith[blossom * width + node] = child;
      }
    }
  }

  #copyEdge(from: number, to: number): void {
    this.#tail[to] = this.#tail[from]!;
    this.#head[to] = this.#head[from]!;
    this.#weight[to] = this.#weight[from]!;
  }

  #expand(blossom: number): void {
    for (const child of this.#cycle[blossom]!) this.#setTop(child, child);
    const entry = blossom * this.#width + this.#parent[blossom]!;
    const reached = this.#childWith[blossom * this.#width + this.#tail[entry]!]!;
    const place = this.#evenPlace(blossom, reached);
    const cycle = this.#cycle[blossom]!;
    for (let step = 0; step < place; step += 2) {
      const child = cycle[step]!;
      const next = cycle[step + 1]!;
      this.#parent[child] = this.#tail[next * this.#width + child]!;
      this.#side[child] = odd;
      this.#side[next] = even;
      this.#slackFrom[child] = 0;
      this.#findSlack(next);
      this.#enqueue(next);
    }
    this.#side[reached] = odd;
    this.#parent[reached] = this.#parent[blossom]!;
    for (const child of cycle.slice(place + 1)) {
      this.#side[child] = free;
      this.#findSlack(child);
    }
    this.#top[blossom] = 0;
  }

  /** An edge became tight: grow a tree, shrink a blossom, or (true) augment. */
  #useEdge(pair: number): boolean {
    const tail = this.#tail[pair]!;
    const one = this.#top[tail]!;
    const other = this.#top[this.#head[pair]!]!;
    if (this.#side[other] === free) {
      const next = this.#top[this.#mate[other]!]!;
      this.#parent[other] = tail;
      this.#side[other] = odd;
      this.#slackFrom[other] = 0;
      this.#slackFrom[next] = 0;
      this.#side[next] = even;
      this.#enqueue(next);
    } else if (this.#side[other] === even) {
      const base = this.#meeting(one, other);
      if (base === 0) {
        this.#augment(one, other);
        this.#augment(other, one);
        return true;
      }
      this.#shrink(one, base, other);
    }
    return false;
  }

  /** One phase: true after an augmentation, false where everybody is matched. */
  #grow(): boolean {
    this.#side.fill(free);
    this.#slackFrom.fill(0);
    this.#queue = [];
    for (let part = 1; part <= this.#last; part++) {
      if (this.#top[part] !== part || this.#mate[part] !== 0) continue;
      this.#parent[part] = 0;
      this.#side[part] = even;
      this.#enqueue(part);
    }
    if (this.#queue.length === 0) return false;
    for (;;) {
      if (this.#scan()) return true;
      this.#adjustDuals();
      if (this.#useTightEdges()) return true;
      for (let blossom = this.#nodeCount + 1; blossom <= this.#last; blossom++) {
        const spent = this.#side[blossom] === odd && this.#dual[blossom] === 0;
        if (this.#top[blossom] === blossom && spent) this.#expand(blossom);
      }
    }
  }

  #scan(): boolean {
    const width = this.#width;
    for (let place = 0; place < this.#queue.length; place++) {
      const node = this.#queue[place]!;
      if (this.#side[this.#top[node]!] === odd) continue;
      for (let other = 1; other <= this.#nodeCount; other++) {
        const outer = this.#top[other]!;
        if (this.#top[node] === outer) continue;
        if (this.#slack(node, other) > 0) this.#offer(node, outer);
        else if (this.#useEdge(node * width + other)) return true;
      }
    }
    this.#queue = [];
    return false;
  }

  #adjustDuals(): void {
    let step = Number.POSITIVE_INFINITY;
    for (let part = 1; part <= this.#last; part++) {
      if (this.#top[part] !== part) continue;
      const side = this.#side[part];
      if (part > this.#nodeCount && side === odd) step = Math.min(step, this.#dual[part]! / 2);
      const from = this.#slackFrom[part]!;
      if (from === 0 || side === odd) continue;
      const slack = this.#slack(from, part);
      step = Math.min(step, side === free ? slack : slack / 2);
    }
    assert(Number.isFinite(step), 'a complete graph of even size has a perfect matching');
    for (let node = 1; node <= this.#nodeCount; node++) {
      const side = this.#side[this.#top[node]!];
      if (side === even) this.#dual[node] = this.#dual[node]! - step;
      else if (side === odd) this.#dual[node] = this.#dual[node]! + step;
    }
    for (let blossom = this.#nodeCount + 1; blossom <= this.#last; blossom++) {
      if (this.#top[blossom] !== blossom) continue;
      if (this.#side[blossom] === even) this.#dual[blossom] = this.#dual[blossom]! + 2 * step;
      else if (this.#side[blossom] === odd) this.#dual[blossom] = this.#dual[blossom]! - 2 * step;
    }
  }

  #useTightEdges(): boolean {
    for (let part = 1; part <= this.#last; part++) {
      const from = this.#slackFrom[part]!;
      if (this.#top[part] !== part || from === 0 || this.#top[from] === part) continue;
      if (this.#slack(from, part) === 0 && this.#useEdge(from * this.#width + part)) return true;
    }
    return false;
  }
}
