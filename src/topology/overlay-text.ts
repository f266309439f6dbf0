/** An overlay as the text of an overlay file: YAML that overlay-file.ts reads back to the same overlay. */
import type { Arc, Overlay, WeightEntry } from './overlay.ts';

/** `comment`: lines for the head of the file, without `#`. Arcs of undirected overlays are written once. */
export function overlayText(overlay: Overlay, comment: readonly string[] = []): string {
  const { name, source, directed, nodes, arcs, weights, schedule, scheduleWeights, placement } = overlay;
  const once = (list: readonly Arc[]) => (directed ? list : list.filter(([from, to]) => from < to));
  const lines = [
    ...comment.map((line) => `# ${line.replaceAll('\n', ' ')}`),
    `name: ${JSON.stringify(name)}`,
    ...(source === undefined ? [] : [`source: ${JSON.stringify(source)}`]),
    `directed: ${directed}`,
    'nodes:',
    ...nodes.map((node) => `  - ${JSON.stringify(node)}`),
    // With a schedule the arcs are the union of its phases.
    ...(schedule === undefined ? listed('arcs', once(arcs)) : []),
    ...(weights === undefined ? [] : listed('weights', weights)),
    ...(schedule === undefined ? [] : phases('schedule', schedule.map(once))),
    ...(scheduleWeights === undefined ? [] : phases('scheduleWeights', scheduleWeights)),
    ...(placement === undefined ? [] : [`placement: [${placement.join(', ')}]`]),
  ];
  return `${lines.join('\n')}\n`;
}

function listed(key: string, entries: readonly (Arc | WeightEntry)[]): string[] {
  if (entries.length === 0) return [`${key}: []`];
  return [`${key}:`, ...entries.map((entry) => `  - [${entry.join(', ')}]`)];
}

function phases(key: string, lists: readonly (readonly (Arc | WeightEntry)[])[]): string[] {
  return [
    `${key}:`,
    ...lists.map((list) => `  - [${list.map((entry) => `[${entry.join(', ')}]`).join(', ')}]`),
  ];
}
