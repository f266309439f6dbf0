/**
 * Node potentials that a cycle calls for, to begin a search with: along the cycle every arc is as slow as its mean λ,
 * u(j) = u(i) + d(i, j) − λ; another silo is in the middle between the least that an arc into it asks for, and the most
 * that an arc out of it allows.
 */

/** [n]. `delayMs`: [n × n], row = sender. */
export function cyclePotentials(
  count: number,
  delayMs: Float64Array,
  cycle: readonly number[],
  meanMs: number,
): Float64Array {
  const potentials = new Float64Array(count);
  let potential = 0;
  cycle.forEach((node, place) => {
    potentials[node] = potential;
    potential += delayMs[node * count + cycle[(place + 1) % cycle.length]!]! - meanMs;
  });
  const isOn = new Set(cycle);
  for (let other = 0; other < count; other++) {
    if (isOn.has(other)) continue;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (const node of cycle) {
      least = Math.min(least, potentials[node]! + delayMs[node * count + other]! - meanMs);
      most = Math.max(most, potentials[node]! - delayMs[other * count + node]! + meanMs);
    }
    potentials[other] = (least + most) / 2;
  }
  return potentials;
}
