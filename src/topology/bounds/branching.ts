/**
 * Whether any strong overlay of fixed delays d has λ or less, decided for small networks. Such an overlay has potentials
 * u with u(j) − u(i) ≥ c(i, j) = d(i, j) − λ on its arcs; without loss it has every arc for which that holds. The state is
 * a matrix L of proved bounds u(j) − u(i) ≥ L(i, j), closed under addition, and the arcs ruled out:
 *
 * - an arc with c(i, j) + L(j, i) > 0 is out; where the rest is not strong, the state is refuted;
 * - each silo has an arc in from some i, so L(p, v) ≥ min over i of L(p, i) + c(i, v); the same for arcs out;
 * - an arc without which the rest is not strong is in: L(i, j) ≥ c(i, j).
 *
 * Branching: an arc of a silo that has none for sure is in, or out, where u(j) − u(i) ≤ c(i, j).
 */

/** Above, the tree of cases grows beyond any use. */
export const branchingSilosMax = 14;

const statesMax = 60_000;
const roundsMax = 50;

interface State {
  /** L(i, j) at i · n + j. */
  readonly least: Float64Array;
  readonly ruledOut: Uint8Array;
}

/** True: proved that every strong overlay has a cycle mean above λ. False: not proved. `delayMs`: [n × n]. */
export function refutedByBranching(
  count: number,
  delayMs: Float64Array,
  lambdaMs: number,
  { expired }: { expired(): boolean },
): boolean {
  const search = new Branching(count, delayMs, lambdaMs);
  const open: State[] = [search.start()];
  for (let states = 0; open.length > 0; states++) {
    if (states === statesMax || (states % 64 === 0 && expired())) return false;
    const state = open.pop()!;
    if (!search.tighten(state)) continue;
    const arc = search.branchingArc(state);
    if (arc === undefined) return false;
    open.push(...search.branches(state, arc));
  }
  return true;
}

class Branching {
  readonly #count: number;
  readonly #excess: Float64Array;
  readonly #tolerance: number;
  readonly #startMs: number;

  constructor(count: number, delayMs: Float64Array, lambdaMs: number) {
    this.#count = count;
    this.#excess = delayMs.map((delay) => delay - lambdaMs);
    this.#tolerance = 1e-9 * Math.max(lambdaMs, ...delayMs);
    // A simple path has at most n − 1 arcs.
    const offDiagonal = this.#excess.filter((_, key) => key % (count + 1) !== 0);
    this.#startMs = Math.min(0, ...offDiagonal) * (count - 1);
  }

  start(): State {
    const least = new Float64Array(this.#count ** 2).fill(this.#startMs);
    for (let node = 0; node < this.#count; node++) least[node * (this.#count + 1)] = 0;
    return { least, ruledOut: new Uint8Array(this.#count ** 2) };
  }

  /** Draws the conclusions, in place; false: the state is refuted. */
  tighten(state: State): boolean {
    for (let round = 0; round < roundsMax; round++) {
      if (!this.#isStrong(state, -1, -1)) return false;
      const byNode = this.#tightenByNodes(state);
      const byBridges = byNode === 'refuted' ? byNode : this.#tightenByBridges(state);
      if (byNode === 'refuted' || byBridges === 'refuted') return false;
      if (byNode === 'same' && byBridges === 'same') return true;
    }
    return this.#isStrong(state, -1, -1);
  }

  /** An undecided arc into or out of a silo with the fewest choices; undefined where all have their arcs. */
  branchingArc(state: State): readonly [number, number] | undefined {
    const count = this.#count;
    let choices: (readonly [number, number])[] | undefined;
    for (let node = 0; node < 2 * count; node++) {
      const arcs = this.#arcsOf(state, node % count, node >= count);
      if (arcs.some(([from, to]) => this.#isIn(state, from, to))) continue;
      if (choices === undefined || arcs.length < choices.length) choices = arcs;
    }
    choices ??= this.#arcsLeavingReached(state);
    if (choices === undefined) return undefined;
    const room = ([from, to]: readonly [number, number]) =>
      this.#excess[from * count + to]! + state.least[to * count + from]!;
    return choices.reduce((best, arc) => (room(arc) < room(best) ? arc : best));
  }

  /** The two cases; the one with the arc last, to be looked at first. */
  branches({ least, ruledOut }: State, [from, to]: readonly [number, number]): State[] {
    const key = from * this.#count + to;
    const out = { least: least.slice(), ruledOut: ruledOut.slice() };
    out.ruledOut[key] = 1;
    const states: State[] = this.#raise(out, to, from, -this.#excess[key]!) ? [out] : [];
    const taken = { least: least.slice(), ruledOut };
    if (this.#raise(taken, from, to, this.#excess[key]!)) states.push(taken);
    return states;
  }

  #isPossible({ least, ruledOut }: State, from: number, to: number): boolean {
    const key = from * this.#count + to;
    return (
      from !== to &&
      ruledOut[key] === 0 &&
      this.#excess[key]! + least[to * this.#count + from]! <= this.#tolerance
    );
  }

  #isIn({ least }: State, from: number, to: number): boolean {
    const key = from * this.#count + to;
    return this.#excess[key]! <= least[key]! + this.#tolerance;
  }

  #arcsOf(state: State, node: number, outwards: boolean): (readonly [number, number])[] {
    const arcs: (readonly [number, number])[] = [];
    for (let other = 0; other < this.#count; other++) {
      const [from, to] = outwards ? [node, other] : [other, node];
      if (this.#isPossible(state, from, to)) arcs.push([from, to]);
    }
    return arcs;
  }

  /** Where arcs that are in do not reach everything yet: the arcs out of what some silo reaches. */
  #arcsLeavingReached(state: State): (readonly [number, number])[] | undefined {
    const count = this.#count;
    for (let root = 0; root < count; root++) {
      const reached = this.#reached(root, (from, to) => from !== to && this.#isIn(state, from, to));
      const arcs: (readonly [number, number])[] = [];
      for (let from = 0; from < count; from++) {
        for (let to = 0; to < count; to++) {
          if (reached[from] === 1 && reached[to] === 0 && this.#isPossible(state, from, to))
            arcs.push([from, to]);
        }
      }
      if (arcs.length > 0) return arcs;
    }
    return undefined;
  }

  #tightenByNodes(state: State): 'refuted' | 'same' | 'tighter' {
    const count = this.#count;
    let result: 'same' | 'tighter' = 'same';
    for (let node = 0; node < count; node++) {
      const into = this.#arcsOf(state, node, false);
      const outOf = this.#arcsOf(state, node, true);
      for (let other = 0; other < count; other++) {
        if (other === node) continue;
        let up = Number.POSITIVE_INFINITY;
        for (const [from] of into) {
          up = Math.min(up, state.least[other * count + from]! + this.#excess[from * count + node]!);
        }
        let down = Number.POSITIVE_INFINITY;
        for (const [, to] of outOf) {
          down = Math.min(down, state.least[to * count + other]! + this.#excess[node * count + to]!);
        }
        if (up > state.least[other * count + node]! + 100 * this.#tolerance) {
          if (!this.#raise(state, other, node, up)) return 'refuted';
          result = 'tighter';
        }
        if (down > state.least[node * count + other]! + 100 * this.#tolerance) {
          if (!this.#raise(state, node, other, down)) return 'refuted';
          result = 'tighter';
        }
      }
    }
    return result;
  }

  #tightenByBridges(state: State): 'refuted' | 'same' | 'tighter' {
    const count = this.#count;
    let result: 'same' | 'tighter' = 'same';
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        if (!this.#isPossible(state, from, to) || this.#isIn(state, from, to)) continue;
        if (this.#isStrong(state, from, to)) continue;
        if (!this.#raise(state, from, to, this.#excess[from * count + to]!)) return 'refuted';
        result = 'tighter';
      }
    }
    return result;
  }

  /** u(to) − u(from) ≥ value, and what follows by addition; false: a contradiction. */
  #raise({ least }: State, from: number, to: number, value: number): boolean {
    const count = this.#count;
    if (value <= least[from * count + to]!) return true;
    if (value + least[to * count + from]! > this.#tolerance) return false;
    for (let low = 0; low < count; low++) {
      const toHere = least[low * count + from]! + value;
      if (toHere <= least[low * count + to]!) continue;
      for (let high = 0; high < count; high++) {
        const key = low * count + high;
        if (low !== high) least[key] = Math.max(least[key]!, toHere + least[to * count + high]!);
      }
    }
    return true;
  }

  /** Whether the possible arcs, but one where it is given, are strong. */
  #isStrong(state: State, withoutFrom: number, withoutTo: number): boolean {
    const usable = (from: number, to: number) =>
      (from !== withoutFrom || to !== withoutTo) && this.#isPossible(state, from, to);
    const all = (reached: Uint8Array) => reached.every((mark) => mark === 1);
    return all(this.#reached(0, usable)) && all(this.#reached(0, (from, to) => usable(to, from)));
  }

  #reached(root: number, usable: (from: number, to: number) => boolean): Uint8Array {
    const reached = new Uint8Array(this.#count);
    reached[root] = 1;
    const queue = [root];
    for (const from of queue) {
      for (let to = 0; to < this.#count; to++) {
        if (reached[to] === 1 || !usable(from, to)) continue;
        reached[to] = 1;
        queue.push(to);
      }
    }
    return reached;
  }
}
