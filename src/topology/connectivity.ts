/** Connectivity and distances of an overlay: components by reachability, shortest directed distances by search. */
import { InputError } from '../base/errors.ts';
import { inNeighbours, type Overlay, outNeighbours } from './overlay.ts';

/** Strongly connected components (for undirected overlays: connected ones), each ascending, ordered by first node. */
export function components(overlay: Overlay): number[][] {
  const out = outNeighbours(overlay);
  const into = inNeighbours(overlay);
  const assigned = new Array<boolean>(overlay.nodes.length).fill(false);
  const found: number[][] = [];
  for (let node = 0; node < overlay.nodes.length; node++) {
    if (assigned[node]) continue;
    const ahead = distancesFrom(out, node);
    const behind = distancesFrom(into, node);
    const members = overlay.nodes.flatMap((_, other) =>
      Number.isFinite(ahead[other]) && Number.isFinite(behind[other]) ? [other] : [],
    );
    for (const member of members) assigned[member] = true;
    found.push(members);
  }
  return found;
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

/** distances[i][j]: arcs on a shortest directed path from i to j; Infinity where there is none. */
export function distances(overlay: Overlay): number[][] {
  const out = outNeighbours(overlay);
  return overlay.nodes.map((_, node) => distancesFrom(out, node));
}

/** The largest shortest distance; Infinity where the overlay is not (strongly) connected. */
export function diameter(overlay: Overlay): number {
  const out = outNeighbours(overlay);
  return overlay.nodes.reduce((most, _, node) => Math.max(most, ...distancesFrom(out, node)), 0);
}

function distancesFrom(neighbours: readonly (readonly number[])[], start: number): number[] {
  const distance = new Array<number>(neighbours.length).fill(Number.POSITIVE_INFINITY);
  distance[start] = 0;
  const queue = [start];
  for (const node of queue) {
    for (const next of neighbours[node]!) {
      if (Number.isFinite(distance[next])) continue;
      distance[next] = distance[node]! + 1;
      queue.push(next);
    }
  }
  return distance;
}

function listed(names: readonly string[]): string {
  return names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')}, … ${names.length} in all`;
}
