/**
 * Underlays in our own format, YAML or JSON:
 *
 *   name, source?, notes?, directed? (false)
 *   nodes: [{name, latitude?, longitude?}]                                     degrees
 *   links: [{from, to, publishedKm?, trueKm?, capacityBps?, latencyMs?}]       from, to: node name or index from 0
 *   silos: [{name, node, upBps?, downBps?, computeMs?}]                        missing: one at every node
 */
import { z } from 'zod';
import { checkAgainst } from '../../base/document.ts';
import { ProblemsError } from '../../base/errors.ts';
import { checkedUnderlay, type UnderlayParts } from './checked.ts';
import type { Underlay } from './underlay.ts';

const nodeName = z.string().min(1).max(200);
const end = z.union([z.int().min(0), nodeName]);

const schema = z.strictObject({
  name: nodeName,
  source: z.string().optional(),
  notes: z.array(z.string()).optional(),
  directed: z.boolean().optional(),
  nodes: z.array(
    z.strictObject({ name: nodeName, latitude: z.number().optional(), longitude: z.number().optional() }),
  ),
  links: z
    .array(
      z.strictObject({
        from: end,
        to: end,
        publishedKm: z.number().optional(),
        trueKm: z.number().optional(),
        capacityBps: z.number().optional(),
        latencyMs: z.number().optional(),
      }),
    )
    .default([]),
  silos: z
    .array(
      z.strictObject({
        name: nodeName,
        node: end,
        upBps: z.number().optional(),
        downBps: z.number().optional(),
        computeMs: z.number().optional(),
      }),
    )
    .optional(),
});

/** Throws ProblemsError with every problem of the file. */
export function underlayOfYaml(data: unknown, file: string): Underlay {
  const checked = checkAgainst(schema, data);
  if (!checked.ok) throw new ProblemsError(file, checked.problems);
  const { nodes, links, silos, name, source, notes, directed } = checked.value;
  const named = (node: number | string) =>
    typeof node === 'number' ? (nodes[node]?.name ?? `number ${node}`) : node;
  const parts = defined({
    name,
    source,
    notes,
    directed,
    nodes: nodes.map((node, index) => ({ ...node, at: `nodes.${index}` })),
    links: links.map(({ from, to, publishedKm, trueKm, ...link }, index) => ({
      ...link,
      from: named(from),
      to: named(to),
      lengthKm: defined({ published: publishedKm, true: trueKm }),
      at: `links.${index}`,
    })),
    silos: silos?.map((silo, index) => ({ ...silo, node: named(silo.node), at: `silos.${index}` })),
  });
  return checkedUnderlay(parts as UnderlayParts, file);
}

/** Without the keys that have no value. */
function defined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Partial<Value>;
}
