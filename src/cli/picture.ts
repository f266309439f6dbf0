/** `--picture`: an overlay and its critical cycle on the network that it is for, as a map. */
import { present } from '../base/assert.ts';
import type { MapNode, Pair } from '../report/map.ts';
import type { Judgement, Overlay, Underlay } from '../topology/index.ts';
import { writeTextFile } from './files.ts';
import { type Network, networkLine } from './network-options.ts';

export interface Pictured {
  readonly overlay: Overlay;
  readonly judgement: Judgement;
  /** `, at least 116.46 ms for any overlay (gap 0.00 %)`, or nothing. */
  readonly bound: string;
}

/** Nothing is designed for a picture that cannot be drawn. InputError `places-missing`. */
export async function requirePlaces({ underlay }: Network): Promise<void> {
  const { coordinatesOf } = await import('../report/map.ts');
  coordinatesOf(partsOf(underlay).nodes);
}

/** Errors as requirePlaces, and OperatingError `write-failed`. */
export async function writePicture(
  path: string,
  network: Network,
  { overlay, judgement, bound }: Pictured,
): Promise<void> {
  const { drawOverlayMap } = await import('../report/map.ts');
  const { landOf } = await import('../report/coastlines.ts');
  const { placement, schedule } = overlay;
  const site = (node: number) => placement?.[node] ?? node;
  const map = {
    ...partsOf(network.underlay),
    title: `${overlay.name} on ${network.underlay.name}: cycle time ${judgement.cycleTimeMs.toFixed(2)} ms${bound}`,
    subtitles: [
      networkLine(network),
      ...(schedule === undefined ? [] : [`drawn together: the ${schedule.length} rounds of its schedule`]),
    ],
    arcs: overlay.arcs.map(([from, to]): Pair => [site(from), site(to)]),
    directed: overlay.directed,
    ...criticalOf(judgement, network),
  };
  await writeTextFile(path, drawOverlayMap(map, landOf));
}

/** Silos in their order, then the places that have none; a link ends at the first silo of its place. */
function partsOf({ nodes, links, silos }: Underlay): { nodes: MapNode[]; links: Pair[] } {
  const drawn: MapNode[] = silos.map(({ name, node }) => ({
    ...present(nodes[node], 'a node'),
    name,
    isSilo: true,
  }));
  const firstAt = new Map<number, number>();
  silos.forEach(({ node }, silo) => {
    if (!firstAt.has(node)) firstAt.set(node, silo);
  });
  nodes.forEach((node, index) => {
    if (firstAt.has(index)) return;
    firstAt.set(index, drawn.length);
    drawn.push({ ...node, isSilo: false });
  });
  const at = (node: number) => present(firstAt.get(node), 'a place');
  return { nodes: drawn, links: links.map(({ from, to }) => [at(from), at(to)]) };
}

function criticalOf({ criticalCycle, timing }: Judgement, { graph }: Network) {
  const silos = criticalCycle?.silos ?? [];
  const closed = timing === 'star' ? silos : [...silos, ...silos.slice(0, 1)];
  const critical = closed
    .slice(1)
    .map((silo, step): Pair => [present(closed[step], 'a silo'), silo])
    .filter(([from, to]) => from !== to);
  const [only] = silos;
  if (critical.length === 0 && only !== undefined) {
    const criticalText = `what takes longest: the steps of ${graph.names[only]}`;
    return { critical: [[only, only] as const], criticalText };
  }
  const count = new Set(silos).size;
  const criticalText = `critical ${timing === 'star' ? 'way' : 'cycle'} over ${count} silos: its mean is the cycle time`;
  return { critical, criticalText };
}
