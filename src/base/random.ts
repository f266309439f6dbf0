/**
 * Chance is an argument: a seeded, splittable source. `Random.of(seed, ...path)` names a stream by what it is for
 * (`Random.of(seed, 'batch', peer, epoch)`), so that no stream depends on how much another one was used.
 *
 * Generator: xoroshiro128+ (Blackman, Vigna 2018) from pure-rand, its state filled by SplitMix64-style mixing of
 * the seed and the path. Normal: Box–Muller. Gamma: Marsaglia, Tsang 2000. Only IEEE-754 operations and V8's own
 * fdlibm port are used, so that a seed gives the same numbers on every machine.
 */
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { assert } from './assert.ts';

type Generator = ReturnType<typeof xoroshiro128plusFromState>;

export type RandomPath = readonly (string | number)[];

export class Random {
  readonly #generator: Generator;

  private constructor(generator: Generator) {
    this.#generator = generator;
  }

  /** The stream named by `path` under `seed`. Equal names give equal streams. */
  static of(seed: number, ...path: RandomPath): Random {
    assert(Number.isSafeInteger(seed), `seed ${seed} is not a safe integer`);
    return new Random(xoroshiro128plusFromState(hashToState(nameOf(seed, path))));
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform integer in [0, count), without bias. */
  integer(count: number): number {
    assert(
      Number.isInteger(count) && count > 0 && count <= 2 ** 32,
      () => `integer(${count}) wants 1 to 2^32`,
    );
    if (count === 2 ** 32) return this.uint32();
    // Both sides said to have 32 bits, the remainder is one instruction instead of a division of doubles: three times as fast.
    const divisor = count >>> 0;
    for (;;) {
      const draw = this.uint32();
      // Refused are draws from the last multiple of count on, which is above 2^32 − count: most need no division to find it.
      if (draw <= 2 ** 32 - divisor || draw < 2 ** 32 - (2 ** 32 % divisor)) return (draw % divisor) >>> 0;
    }
  }

  /** Standard normal. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.uniform());
  }

  /** Gamma with the given shape (> 0) and scale 1. */
  gamma(shape: number): number {
    assert(shape > 0, `gamma(${shape}) wants a positive shape`);
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** A point of the simplex, symmetric Dirichlet with concentration `alpha`; `count` shares that sum to 1. */
  dirichlet(alpha: number, count: number): number[] {
    const draws = Array.from({ length: count }, () => this.gamma(alpha));
    const sum = draws.reduce((total, draw) => total + draw, 0);
    if (sum > 0) return draws.map((draw) => draw / sum);
    // With a tiny alpha every draw may underflow: the limit of the distribution is one random corner.
    const corner = this.integer(count);
    return draws.map((_, index) => (index === corner ? 1 : 0));
  }

  /** Fisher–Yates, in place; returns its argument. */
  shuffle<Item, Items extends { [index: number]: Item; length: number }>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const kept = items[last] as Item;
      items[last] = items[other] as Item;
      items[other] = kept;
    }
    return items;
  }
}

/**
 * Uniform draws in [0, 1), 32 bits, each named by five integers rather than by its place in a stream: where there are millions of
 * names, a stream for each would cost too much. Equal seeds, paths and names give equal draws.
 */
export type NamedDraws = (a: number, b: number, c: number, d: number, e: number) => number;

export function namedDraws(seed: number, ...path: RandomPath): NamedDraws {
  assert(Number.isSafeInteger(seed), `seed ${seed} is not a safe integer`);
  const [w, x, y, z] = hashToState(nameOf(seed, path)) as [number, number, number, number];
  return (a, b, c, d, e) => {
    let left = finalise(w ^ Math.imul(a, 0x9e3779b1));
    let right = finalise(x + Math.imul(b, 0x85ebca77) + left);
    left = finalise(left ^ Math.imul(c, 0xc2b2ae3d) ^ right);
    right = finalise(right + Math.imul(d, 0x27d4eb2f) + y);
    left = finalise(left + Math.imul(e, 0x165667b1) + z);
    return (finalise(left ^ right) >>> 0) / 4294967296;
  };
}

function nameOf(seed: number, path: RandomPath): string {
  let name = `${seed}`;
  for (const part of path) name += `\u0000${typeof part}:${part}`;
  return path.length === 0 ? `${name}\u0000` : name;
}

/** Four 32-bit words from a name: FNV-1a into a MurmurHash3-style finaliser; never all zero. */
function hashToState(name: string): number[] {
  let hash = 0x811c9dc5;
  let other = 0x9747b28c;
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    hash = Math.imul(hash ^ unit, 0x01000193);
    other = Math.imul(other ^ unit, 0x85ebca6b) + index;
    other = (other << 13) | (other >>> 19);
  }
  const state: number[] = [];
  for (let word = 0; word < 4; word++) {
    hash = (hash + 0x9e3779b9) | 0;
    other = (other ^ Math.imul(hash, 0xc2b2ae35)) | 0;
    state.push(finalise(hash ^ finalise(other + word)) | 0);
  }
  return state.every((word) => word === 0) ? [1, 0, 0, 0] : state;
}

function finalise(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
