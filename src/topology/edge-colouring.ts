/**
 * Proper edge colourings, so that each colour is a matching: Misra, Gries 1992, at most Δ + 1 colours (Vizing's bound),
 * O(edges · nodes). For each new edge u – v: a fan of u's neighbours whose edges can be shifted, a path of two colours
 * that is inverted, and a shift that frees a colour for the edge.
 */
import { type Expired, neverExpired, requireTime, seldom } from './deadline.ts';
import type { Edge } from './trees.ts';

const edgesPerQuestion = 64;

/** Matchings that partition the edges of a simple graph. OperatingError `time-limit` where `expired` says so first. */
export function matchingsOf(
  nodeCount: number,
  edges: readonly Edge[],
  expired: Expired = neverExpired,
): Edge[][] {
  const colouring = new Colouring(nodeCount, edges);
  const isUp = seldom(expired, edgesPerQuestion);
  for (const [one, other] of edges) {
    requireTime(isUp, 'colouring edges');
    colouring.add(one, other);
  }
  return colouring.classes(edges);
}

class Colouring {
  readonly #colourCount: number;
  /** [node · colourCount + colour], the neighbour along that colour; −1 where the colour is free. */
  readonly #along: Int32Array;
  /** Colour by edge; the key is low · nodeCount + high. */
  readonly #colourOf = new Map<number, number>();
  readonly #nodeCount: number;
  readonly #coloured: number[][];

  constructor(nodeCount: number, edges: readonly Edge[]) {
    const degree = new Int32Array(nodeCount);
    for (const node of edges.flat()) degree[node] = degree[node]! + 1;
    this.#nodeCount = nodeCount;
    this.#colourCount = degree.reduce((most, value) => Math.max(most, value), 0) + 1;
    this.#along = new Int32Array(nodeCount * this.#colourCount).fill(-1);
    this.#coloured = Array.from({ length: nodeCount }, () => []);
  }

  add(centre: number, start: number): void {
    const fan = this.#fan(centre, start);
    const freeCentre = this.#freeColour(centre);
    const freeLast = this.#freeColour(fan.at(-1)!);
    if (freeCentre !== freeLast) this.#invertPath(centre, freeLast, freeCentre);
    const end = fan.findIndex(
      (node, place) => this.#isFree(node, freeLast) && this.#isFan(centre, fan, place),
    );
    this.#shift(centre, fan, end);
    this.#paint(centre, fan[end]!, freeLast);
    this.#coloured[centre]!.push(start);
    this.#coloured[start]!.push(centre);
  }

  classes(edges: readonly Edge[]): Edge[][] {
    const classes: Edge[][] = Array.from({ length: this.#colourCount }, () => []);
    for (const [one, other] of edges) classes[this.#colourOf.get(this.#key(one, other))!]!.push([one, other]);
    return classes.filter((list) => list.length > 0);
  }

  /** A maximal fan: each next neighbour's edge has a colour that is free at the one before. */
  #fan(centre: number, start: number): number[] {
    const fan = [start];
    const left = new Set(this.#coloured[centre]!);
    for (let last = start; ; ) {
      const next = [...left].find((node) => this.#isFree(last, this.#colourOf.get(this.#key(centre, node))!));
      if (next === undefined) return fan;
      left.delete(next);
      fan.push(next);
      last = next;
    }
  }

  /** Whether fan[0..end] is still a fan, now that a path was inverted. */
  #isFan(centre: number, fan: readonly number[], end: number): boolean {
    for (let place = 1; place <= end; place++) {
      const colour = this.#colourOf.get(this.#key(centre, fan[place]!))!;
      if (!this.#isFree(fan[place - 1]!, colour)) return false;
    }
    return true;
  }

  /** From the centre, along `first`, then `second`, in turn: the two change places. */
  #invertPath(centre: number, first: number, second: number): void {
    const path: [one: number, other: number, colour: number][] = [];
    let node = centre;
    let colour = first;
    for (let next = this.#next(node, colour); next >= 0; next = this.#next(node, colour)) {
      path.push([node, next, colour]);
      node = next;
      colour = colour === first ? second : first;
    }
    for (const [one, other, held] of path) this.#erase(one, other, held);
    for (const [one, other, held] of path) this.#paint(one, other, held === first ? second : first);
  }

  /** Each fan edge takes the colour of the next; the last one is left without. */
  #shift(centre: number, fan: readonly number[], end: number): void {
    for (let place = 0; place < end; place++) {
      const colour = this.#colourOf.get(this.#key(centre, fan[place + 1]!))!;
      this.#erase(centre, fan[place + 1]!, colour);
      this.#paint(centre, fan[place]!, colour);
    }
  }

  #paint(one: number, other: number, colour: number): void {
    this.#along[one * this.#colourCount + colour] = other;
    this.#along[other * this.#colourCount + colour] = one;
    this.#colourOf.set(this.#key(one, other), colour);
  }

  #erase(one: number, other: number, colour: number): void {
    this.#along[one * this.#colourCount + colour] = -1;
    this.#along[other * this.#colourCount + colour] = -1;
    this.#colourOf.delete(this.#key(one, other));
  }

  #next(node: number, colour: number): number {
    return this.#along[node * this.#colourCount + colour]!;
  }

  #isFree(node: number, colour: number): boolean {
    return this.#next(node, colour) < 0;
  }

  #freeColour(node: number): number {
    let colour = 0;
    while (!this.#isFree(node, colour)) colour++;
    return colour;
  }

  #key(one: number, other: number): number {
    return Math.min(one, other) * this.#nodeCount + Math.max(one, other);
  }
}
