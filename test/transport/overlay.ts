/** Overlays of tests: edges as pairs, the frame limits all suites use. */
export const LIMITS = { headBytesMax: 4096, bodyBytesMax: 8 * 1024 * 1024 };

export function neighboursOf(peer: number, edges: readonly (readonly [number, number])[]): number[] {
  return edges.flatMap(([a, b]) => (a === peer ? [b] : b === peer ? [a] : [])).sort((a, b) => a - b);
}
