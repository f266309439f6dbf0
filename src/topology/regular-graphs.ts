/** The deterministic graphs: each from a node count (and options) to edges, given once, or arcs. */
import { InputError } from '../base/errors.ts';
import type { Arc } from './overlay.ts';

/** 0 – 1 – … – (n−1) – 0. */
export function ring(nodeCount: number): Arc[] {
  return nodeCount < 3 ? path(nodeCount) : [...path(nodeCount), [nodeCount - 1, 0]];
}

/** 0 – 1 – … – (n−1). */
export function path(nodeCount: number): Arc[] {
  return range(nodeCount - 1).map((node) => [node, node + 1]);
}

/** Every node joined to the hub. */
export function star(nodeCount: number, hub: number): Arc[] {
  if (hub >= nodeCount) {
    throw new InputError(
      'topology-invalid',
      `star with hub ${hub} over ${nodeCount} silos; the hub is 0 to ${nodeCount - 1}`,
    );
  }
  return range(nodeCount).flatMap((node) => (node === hub ? [] : [[hub, node] as const]));
}

/** Every pair. */
export function complete(nodeCount: number): Arc[] {
  return range(nodeCount).flatMap((low) =>
    range(nodeCount - low - 1).map((step) => [low, low + 1 + step] as const),
  );
}

/** rows × columns, node = row · columns + column, joined to the right and downwards. */
export function grid(nodeCount: number, rows?: number, columns?: number): Arc[] {
  return lattice('grid', nodeCount, false, rows, columns);
}

/** A grid whose rows and columns are closed to rings. */
export function torus(nodeCount: number, rows?: number, columns?: number): Arc[] {
  return lattice('torus', nodeCount, true, rows, columns);
}

/** Nodes whose numbers differ in one bit; wants a power of two. */
export function hypercube(nodeCount: number): Arc[] {
  const dimension = Math.round(Math.log2(nodeCount));
  if (2 ** dimension !== nodeCount) {
    const below = 2 ** Math.floor(Math.log2(nodeCount));
    throw new InputError(
      'topology-invalid',
      `hypercube over ${nodeCount} silos; it wants a power of two: ${below} or ${below * 2}`,
    );
  }
  return range(nodeCount).flatMap((node) =>
    range(dimension).flatMap((bit) => ((node >> bit) & 1 ? [] : [[node, node | (1 << bit)] as const])),
  );
}

/**
 * Directed, degree ⌈log₂ n⌉: node i receives from i + 1, i + 2, i + 4, … modulo n (Ying et al. 2021,
 * "Exponential graph is provably efficient").
 */
export function exponential(nodeCount: number): Arc[] {
  return exponentialOffsets(nodeCount).flatMap((offset) =>
    range(nodeCount).map((node) => [(node + offset) % nodeCount, node] as const),
  );
}

/** 1, 2, 4, … below n. */
export function exponentialOffsets(nodeCount: number): number[] {
  return range(Math.ceil(Math.log2(nodeCount))).map((power) => 2 ** power);
}

/** Node i joined to its children 2i + 1 and 2i + 2. */
export function binaryTree(nodeCount: number): Arc[] {
  return range(nodeCount - 1).map((index) => [index >> 1, index + 1]);
}

function lattice(
  kind: string,
  nodeCount: number,
  closed: boolean,
  rowCount?: number,
  columnCount?: number,
): Arc[] {
  const rows = rowCount ?? nodeCount / (columnCount ?? nodeCount / squarestRows(nodeCount));
  const columns = columnCount ?? nodeCount / rows;
  if (!Number.isInteger(rows) || !Number.isInteger(columns) || rows * columns !== nodeCount) {
    const asked = `${rowCount ?? '?'} × ${columnCount ?? '?'}`;
    const possible = range(nodeCount).flatMap((index) => (nodeCount % (index + 1) === 0 ? [index + 1] : []));
    throw new InputError(
      'topology-invalid',
      `${kind} of ${asked} over ${nodeCount} silos; rows × columns must be ${nodeCount}: rows one of ${possible.join(', ')}`,
    );
  }
  return range(nodeCount).flatMap((node) => {
    const row = Math.floor(node / columns);
    const column = node % columns;
    const right =
      column + 1 < columns || closed ? [[node, row * columns + ((column + 1) % columns)] as const] : [];
    const down = row + 1 < rows || closed ? [[node, ((row + 1) % rows) * columns + column] as const] : [];
    return [...right, ...down];
  });
}

/** The largest divisor not above the square root. */
function squarestRows(nodeCount: number): number {
  for (let rows = Math.floor(Math.sqrt(nodeCount)); rows > 1; rows--) if (nodeCount % rows === 0) return rows;
  return 1;
}

function range(count: number): number[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => index);
}
