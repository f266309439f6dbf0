/** An overlay as the text of an overlay file, YAML or, where it is large, JSON: overlay-file.ts reads back the same overlay. */
import { documentBytesMax } from '../base/document.ts';
import type { Arc, Overlay, RoundDraw, StaleArc, Timing, WeightEntry } from './overlay.ts';

/** `comment`: lines for the head of the file, without `#`. Arcs of undirected overlays are written once. */
export function overlayText(overlay: Overlay, comment: readonly string[] = []): string {
  const text = yamlText(overlay, comment);
  if (text.length <= documentBytesMax) return text;
  const head = comment.map((line) => `# ${line.replaceAll('\n', ' ')}\n`).join('');
  const { schedule, arcs: listedArcs, ...rest } = overlay;
  // Arcs both ways are no others.
  const arcs = schedule === undefined ? { arcs: listedArcs } : { schedule };
  return `${head}${JSON.stringify({ ...rest, ...arcs })}\n`;
}

function yamlText(overlay: Overlay, comment: readonly string[]): string {
  const { name, source, directed, nodes, arcs, weights, scheduleWeights, placement, timing } = overlay;
  // One silo has nobody to exchange with in any phase.
  const schedule = overlay.schedule?.length === 0 ? undefined : overlay.schedule;
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
    ...(schedule === undefined || scheduleWeights === undefined
      ? []
      : phases('scheduleWeights', scheduleWeights)),
    ...(placement === undefined ? [] : [`placement: [${placement.join(', ')}]`]),
    ...(timing === undefined ? [] : ['timing:', ...timingLines(timing, once)]),
  ];
  return `${lines.join('\n')}\n`;
}

function timingLines(timing: Timing, once: (list: readonly Arc[]) => readonly Arc[]): string[] {
  const kind = `  kind: ${timing.kind}`;
  switch (timing.kind) {
    case 'gossip':
      return [kind];
    case 'star':
      return [kind, `  hub: ${timing.hub}`];
    case 'pipelined':
      return [kind, `  staleness: ${flow(timing.staleness)}`];
    case 'random':
      return [kind, `  barrier: ${timing.barrier}`, '  draw:', ...drawLines(timing.draw, once)];
  }
}

function drawLines(draw: RoundDraw, once: (list: readonly Arc[]) => readonly Arc[]): string[] {
  const kind = `    kind: ${draw.kind}`;
  switch (draw.kind) {
    case 'circle':
      return [kind, `    fanout: ${draw.fanout}`];
    case 'phases':
      return [kind];
    case 'groups': {
      const groups = draw.groups.map(
        ({ chance, arcs }) => `      - {chance: ${chance}, arcs: ${flow(once(arcs))}}`,
      );
      return groups.length === 0 ? [kind, '    groups: []'] : [kind, '    groups:', ...groups];
    }
  }
}

function listed(key: string, entries: readonly (Arc | WeightEntry)[]): string[] {
  if (entries.length === 0) return [`${key}: []`];
  return [`${key}:`, ...entries.map((entry) => `  - [${entry.join(', ')}]`)];
}

function phases(key: string, lists: readonly (readonly (Arc | WeightEntry)[])[]): string[] {
  return [`${key}:`, ...lists.map((list) => `  - ${flow(list)}`)];
}

function flow(list: readonly (Arc | WeightEntry | StaleArc)[]): string {
  return `[${list.map((entry) => `[${entry.join(', ')}]`).join(', ')}]`;
}
