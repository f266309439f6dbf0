/** Each silo's nearest others: from places by a k-d tree (kdbush, geokdbush), else by comparing all costs. */
import { around } from 'geokdbush';
import KDBush from 'kdbush';
import type { PairCost } from '../trees.ts';

/** [node · count + rank] by great circle, nearest first. Degrees. */
export function nearestPlaces(
  { latitude, longitude }: { readonly latitude: Float64Array; readonly longitude: Float64Array },
  count: number,
): Int32Array {
  const index = new KDBush(latitude.length);
  latitude.forEach((degrees, node) => {
    index.add(longitude[node]!, degrees);
  });
  index.finish();
  const nearest = new Int32Array(latitude.length * count);
  latitude.forEach((degrees, node) => {
    const found = around(index, longitude[node]!, degrees, count + 1).filter((other) => other !== node);
    nearest.set(found.slice(0, count), node * count);
  });
  return nearest;
}

/** The same by cost: O(n²) evaluations. */
export function nearestByCost(nodeCount: number, cost: PairCost, count: number): Int32Array {
  const nearest = new Int32Array(nodeCount * count);
  const held = new Float64Array(count);
  const ids = new Int32Array(count);
  for (let node = 0; node < nodeCount; node++) {
    held.fill(Number.POSITIVE_INFINITY);
    for (let other = 0; other < nodeCount; other++) {
      if (other === node) continue;
      const value = cost(node, other);
      if (value >= held[count - 1]!) continue;
      let rank = count - 1;
      for (; rank > 0 && held[rank - 1]! > value; rank--) {
        held[rank] = held[rank - 1]!;
        ids[rank] = ids[rank - 1]!;
      }
      held[rank] = value;
      ids[rank] = other;
    }
    nearest.set(ids, node * count);
  }
  return nearest;
}
