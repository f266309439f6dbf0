import type { MixingMatrix } from '../../src/topology/index.ts';

/** W written out: [nodeCount, nodeCount]. */
export function dense(matrix: MixingMatrix): Float64Array[] {
  return matrix.map((row) => Float64Array.from(matrix, (_, sender) => row.get(sender) ?? 0));
}
