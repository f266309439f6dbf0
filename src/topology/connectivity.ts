/**
 * Connectivity and distances of an overlay: strong components (Kosaraju: Sharir 1981), shortest directed distances by breadth-first
 * search. All but `distances` and `diameter` cost time and memory in proportion to nodes and arcs.
 */
import { InputError } from '../base/errors.ts';
import type { Overlay } from './overlay.ts';

/** Up to so many nodes the diameter is found by a search from every one of them. */
const exactDiameterNodesMax = 2_000;
/** Searches for a bound on larger ones. */
const boundSearches = 8;

/** Who each node leads to, as slices of one list: those of node i are at starts[i] to starts[i + 1]. */
interface Adjacency {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Strongly connected components (for undirected overlays: connected ones), each ascending, ordered by first node. */
export function components(overlay: Overlay): number[][] {
  const part = strongParts(overlay);
  const found: number[][] = [];
  const places = new Map<number, number[]>();
  for (let node = 0; node < part.length; node++) {
    let members = places.get(part[node]!);
    if (members === undefined) {
      members = [];
      places.set(part[node]!, members);
      found.push(members);
    }
    members.push(node);
  }
  return found;
}

/** For each node a name of its strong component: backward reach, in the reverse order in which a forward search leaves the nodes. */
function strongParts(overlay: Overlay): Int32Array {
  const order = leavingOrder(adjacency(overlay, 'out'));
  const { starts, ends } = adjacency(overlay, 'in');
  const part = new Int32Array(order.length).fill(-1);
  const stack: number[] = [];
  for (let index = order.length - 1; index >= 0; index--) {
    const root = order[index]!;
    if (part[root] !== -1) continue;
    part[root] = root;
    stack.push(root);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (let place = starts[node]!; place < starts[node + 1]!; place++) {
        const other = ends[place]!;
        if (part[other] !== -1) continue;
        part[other] = root;
        stack.push(other);
      }
    }
  }
  return part;
}

/** Nodes in the order in which a depth-first search is done with them. */
function leavingOrder({ starts, ends }: Adjacency): Int32Array {
  const count = starts.length - 1;
  const next = starts.slice(0, count);
  const entered = new Uint8Array(count);
  const order = new Int32Array(count);
  let left = 0;
  const stack: number[] = [];
  for (let root = 0; root < count; root++) {
    if (entered[root] === 1) continue;
    entered[root] = 1;
    stack.push(root);
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      const place = next[node]!;
      if (place === starts[node + 1]) {
        order[left++] = node;
        stack.pop();
        continue;
      }
      next[node] = place + 1;
      const other = ends[place]!;
      if (entered[other] === 1) continue;
      entered[other] = 1;
      stack.push(other);
    }
  }
  return order;
}

export function isConnected(overlay: Overlay): boolean {
  return components(overlay).length <= 1;
}

/** Throws InputError `overlay-disconnected`, which names the components, unless every node reaches every other. */
export function requireConnected(overlay: Overlay): void {
  const parts = components(overlay);
  if (parts.length <= 1) return;
  const shown = parts
    .slice(0, 6)
    .map((members) => `{${listed(members.map((node) => overlay.nodes[node]!))}}`);
  const more = parts.length > shown.length ? ` and ${parts.length - shown.length} more` : '';
  const word = overlay.directed ? 'strongly connected' : 'connected';
  throw new InputError(
    'overlay-disconnected',
    `overlay ${overlay.name} is not ${word}: it has ${parts.length} components ${shown.join(', ')}${more}; ` +
      `add ${overlay.directed ? 'arcs' : 'edges'} so that every silo reaches every other`,
    { overlay: overlay.name, components: parts },
  );
}

/** distances[i][j]: arcs on a shortest directed path from i to j; Infinity where there is none. [nodeCount, nodeCount]. */
export function distances(overlay: Overlay): number[][] {
  const search = distanceSearch(overlay);
  return overlay.nodes.map((_, node) => Array.from(search(node)));
}

/** The largest shortest distance; Infinity where the overlay is not (strongly) connected. A search from every node. */
export function diameter(overlay: Overlay): number {
  const search = distanceSearch(overlay);
  return overlay.nodes.reduce((most, _, node) => Math.max(most, farthest(search(node))), 0);
}

/**
 * At least the diameter, and cheap: exact up to 2,000 nodes; above, the least over some nodes v of
 * (longest distance to v) + (longest distance from v), at most twice the diameter.
 */
export function diameterBound(overlay: Overlay): { readonly hops: number; readonly exact: boolean } {
  const count = overlay.nodes.length;
  if (count <= exactDiameterNodesMax) return { hops: diameter(overlay), exact: true };
  const ahead = distanceSearch(overlay);
  const behind = distanceSearch(overlay, 'in');
  let hops = Number.POSITIVE_INFINITY;
  for (let index = 0; index < boundSearches; index++) {
    const node = Math.floor((index * count) / boundSearches);
    hops = Math.min(hops, farthest(ahead(node)) + farthest(behind(node)));
  }
  return { hops, exact: false };
}

/**
 * Shortest distances from a node to all others (`in`: from all others to it), or until those to `targets` are known; Infinity for
 * what was not reached. The result is overwritten by the next search.
 */
export function distanceSearch(
  overlay: Overlay,
  direction: 'out' | 'in' = 'out',
): (start: number, targets?: readonly number[]) => Float64Array {
  const { starts, ends } = adjacency(overlay, direction);
  const distance = new Float64Array(starts.length - 1).fill(Number.POSITIVE_INFINITY);
  const queue = new Int32Array(starts.length - 1);
  let reached = 0;
  return (start, targets) => {
    for (let index = 0; index < reached; index++) distance[queue[index]!] = Number.POSITIVE_INFINITY;
    distance[start] = 0;
    queue[0] = start;
    reached = 1;
    let wanted = 0;
    for (let head = 0; head < reached; head++) {
      if (targets !== undefined) {
        while (wanted < targets.length && distance[targets[wanted]!] !== Number.POSITIVE_INFINITY) wanted++;
        if (wanted === targets.length) break;
      }
      const node = queue[head]!;
      for (let place = starts[node]!; place < starts[node + 1]!; place++) {
        const next = ends[place]!;
        if (distance[next] !== Number.POSITIVE_INFINITY) continue;
        distance[next] = distance[node]! + 1;
        queue[reached++] = next;
      }
    }
    return distance;
  };
}

function farthest(distance: Float64Array): number {
  return distance.reduce((most, hops) => Math.max(most, hops), 0);
}

/** `in`: who leads to each node. */
function adjacency({ nodes, arcs }: Overlay, direction: 'out' | 'in'): Adjacency {
  const [near, far] = direction === 'out' ? ([0, 1] as const) : ([1, 0] as const);
  const starts = new Int32Array(nodes.length + 1);
  for (const arc of arcs) starts[arc[near] + 1]! += 1;
  for (let node = 0; node < nodes.length; node++) starts[node + 1]! += starts[node]!;
  const next = starts.slice();
  const ends = new Int32Array(arcs.length);
  for (const arc of arcs) ends[next[arc[near]]!++] = arc[far];
  return { starts, ends };
}

function listed(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')}, … ${names.length} in all`;
}
