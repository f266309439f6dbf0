/**
 * What the mean of a simple cycle that leaves a set S of silos cannot fall below, by prices: π on silos, μ ≥ 0 on visits,
 * ω ≥ 0 on cuts (W, v) with v ∈ W and W apart from S. Let
 *
 *   c(i, j) = d(i, j) + π(i) − π(j) + μ(j) + Σ ω · ([j = v] − [i ∉ W, j ∈ W]) − σ · [i ∈ S, j ∉ S],   σ ≥ Σ μ.
 *
 * Along a simple cycle that leaves S the π cancel, no visit is paid twice, W is entered where v is visited, and S is left:
 * Σ c ≤ Σ d, so its mean is at least min c, whatever the prices are.
 */

/** What reaches `node` has entered `inside`. */
export interface VisitCut {
  /** W: 1 for its silos. [n] */
  readonly inside: Uint8Array;
  /** v. */
  readonly node: number;
}

export interface CrossingPrices {
  /** π, ms. [n] */
  readonly silos: Float64Array;
  /** μ, ms; what is negative counts as 0. [n] */
  readonly visits: Float64Array;
  /** σ, ms; raised to what it must be. */
  readonly crossing: number;
  /** ω, ms; what is negative counts as 0. */
  readonly cuts: readonly { readonly cut: VisitCut; readonly price: number }[];
}

/** c, ms: [n × n], row = sender; its diagonal means nothing. `inside`: S, as 1. [n] */
export function reducedDelays(
  count: number,
  delayMs: Float64Array,
  inside: Uint8Array,
  { silos, visits, crossing, cuts }: CrossingPrices,
): Float64Array {
  const paid = visits.map((price) => Math.max(0, price));
  const crossingMs = Math.max(
    crossing,
    paid.reduce((total, price) => total + price, 0),
  );
  const reduced = delayMs.slice();
  for (let from = 0, pair = 0; from < count; from++) {
    for (let to = 0; to < count; to++, pair++) {
      const back = inside[from] === 1 && inside[to] === 0 ? crossingMs : 0;
      reduced[pair] = reduced[pair]! + silos[from]! - silos[to]! + paid[to]! - back;
    }
  }
  for (const { cut, price } of cuts) {
    if (price > 0) addCut(count, cut, price, reduced);
  }
  return reduced;
}

/** [j = v] − [i ∉ W, j ∈ W]. */
export function cutCoefficient({ inside, node }: VisitCut, from: number, to: number): number {
  return Number(to === node) - Number(inside[to] === 1 && inside[from] === 0);
}

function addCut(count: number, cut: VisitCut, price: number, reduced: Float64Array): void {
  for (let to = 0; to < count; to++) {
    if (cut.inside[to] === 0) continue;
    for (let from = 0; from < count; from++) {
      const pair = from * count + to;
      reduced[pair] = reduced[pair]! + price * cutCoefficient(cut, from, to);
    }
  }
}

/** min c. */
export function leastOffDiagonal(count: number, matrix: Float64Array): number {
  return matrix.reduce(
    (least, value, pair) => (pair % (count + 1) === 0 ? least : Math.min(least, value)),
    Number.POSITIVE_INFINITY,
  );
}
