/**
 * Node-link JSON, as networkx and topohub (Topology Zoo, SNDlib, backbones) write it:
 * `{directed, graph: {name}, nodes: [{id, name, pos: [longitude, latitude]}], edges | links: [{source, target, dist}]}`.
 */
import { z } from 'zod';
import { checkAgainst } from '../../base/document.ts';
import { ProblemsError } from '../../base/errors.ts';
import { linkOf, nodeOf } from './attributes.ts';
import { checkedUnderlay } from './checked.ts';
import type { Underlay } from './underlay.ts';

const id = z.union([z.string(), z.number()]);
const edges = z.array(z.looseObject({ source: id, target: id }));
const schema = z.looseObject({
  directed: z.boolean().default(false),
  graph: z.looseObject({ name: z.string().optional() }).default({}),
  nodes: z.array(z.looseObject({ id })),
  edges: edges.optional(),
  links: edges.optional(),
});

/** True for data in this format: edges with `source`, or none but nodes with an `id`. */
export function isNodeLink(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false;
  const { nodes, edges: listed, links } = data as Record<string, unknown>;
  const sample = [listed, links].flat().find((edge) => typeof edge === 'object' && edge !== null);
  if (sample !== undefined) return 'source' in (sample as object);
  return Array.isArray(nodes) && typeof nodes[0] === 'object' && nodes[0] !== null && 'id' in nodes[0];
}

/** Throws ProblemsError with every problem of the file. */
export function underlayOfNodeLink(data: unknown, file: string): Underlay {
  const checked = checkAgainst(schema, data);
  if (!checked.ok) throw new ProblemsError(file, checked.problems);
  const { directed, graph, nodes, edges: listed, links } = checked.value;
  const key = listed === undefined ? 'links' : 'edges';
  return checkedUnderlay(
    {
      name: graph.name ?? file,
      directed,
      nodes: nodes.map((node, index) => nodeOf(String(node.id), node, `nodes.${index}`)),
      links: (listed ?? links ?? []).map((edge, index) =>
        linkOf(String(edge.source), String(edge.target), edge, `${key}.${index}`),
      ),
    },
    file,
  );
}
