/**
 * The blocks that make the world of a simulation: `links` (what messages meet between silos) and `simulate` (how long training takes,
 * and how it is computed). Formulas: src/simulate/network.ts and compute-times.ts. A swarm's links and times are those of its machine.
 */
import { z } from 'zod';
import type { Problem } from '../base/errors.ts';
import { time } from '../faults/durations.ts';
import type { Overlay } from '../topology/overlay.ts';

const positive = z.number().gt(0);
/** One number for all silos, or one per silo. */
const perSilo = z.union([positive, z.array(positive).min(1)]);
const index = z.int().min(0);

export const linksSchema = z.strictObject({
  /** One way. */
  delay: time().default(1),
  /** Beside it up to this, uniform, drawn per message. */
  jitter: time().default(0),
  /** Capacity of each link and of each silo's access to all its links; no limit where absent. */
  linkMbps: positive.optional(),
  upMbps: perSilo.optional(),
  downMbps: perSilo.optional(),
  /** What may wait in a silo's access and in each link; what does not fit is refused, and the sender told. */
  queueMB: positive.optional(),
  /** Links that differ: [from, to, what], one way each. */
  arcs: z
    .array(
      z.tuple([
        index,
        index,
        z.strictObject({ delay: time().optional(), jitter: time().optional(), mbps: positive.optional() }),
      ]),
    )
    .optional(),
});

/** Whether the time is that of one update or of a round's updates. */
const per = z.enum(['step', 'round']).default('step');

const computeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), time: time().default(1), per }),
  z.strictObject({ kind: z.literal('exponential'), mean: time(), shift: time().default(0), per }),
  z.strictObject({ kind: z.literal('uniform'), from: time().default(0), to: time(), per }),
  z.strictObject({ kind: z.literal('pareto'), least: time(), shape: positive.default(2), per }),
  /** Milliseconds; a line per round, a column per silo: a CSV file, or written out. */
  z.strictObject({ kind: z.literal('trace'), path: z.string().min(1), per }),
  z.strictObject({ kind: z.literal('times'), times: z.array(z.array(z.number().min(0)).min(1)).min(1), per }),
  /** As long as in a run that was recorded, round by round; `from` is its directory. */
  z.strictObject({
    kind: z.literal('run'),
    from: z.string().min(1),
    per: z.literal('round').default('round'),
  }),
]);

export const simulateSchema = z.strictObject({
  /** One silo after another, bit for bit as in a swarm; or silos of one shape together, equal to rounding and many times faster. */
  training: z.enum(['exact', 'batched']).default('exact'),
  compute: computeSchema.prefault({ kind: 'constant' }),
  /** What a silo's times are multiplied by: one number per silo, or drawn as exp(sigma · N(0, 1)). */
  slowness: z
    .union([z.array(positive).min(1), z.strictObject({ sigma: z.number().min(0).max(5) })])
    .optional(),
});

export type LinksBlock = z.output<typeof linksSchema>;
export type SimulateBlock = z.output<typeof simulateSchema>;

/** Links of a silo that advice names. */
const LINKED_MAX = 8;

/** Lists per silo are as long as there are silos, and links are those of the graph, in one of their directions. */
export function checkWorld(
  links: LinksBlock | undefined,
  simulate: SimulateBlock | undefined,
  { nodes, arcs }: Overlay,
  problems: Problem[],
): void {
  const siloCount = nodes.length;
  const lists: readonly (readonly [string, unknown])[] = [
    ['links.upMbps', links?.upMbps],
    ['links.downMbps', links?.downMbps],
    ['simulate.slowness', simulate?.slowness],
    ...(simulate?.compute.kind === 'times'
      ? simulate.compute.times.map((line, row) => [`simulate.compute.times.${row}`, line] as const)
      : []),
  ];
  for (const [path, list] of lists) {
    if (!Array.isArray(list) || list.length === siloCount) continue;
    problems.push({ path, message: `got ${list.length} numbers, wanted one per silo: ${siloCount}` });
  }
  for (const [row, [from, to]] of (links?.arcs ?? []).entries()) {
    if (from >= siloCount || to >= siloCount || from === to) {
      const message = `got a link from ${from} to ${to}, wanted two different silos from 0 to ${siloCount - 1}`;
      problems.push({ path: `links.arcs.${row}`, message });
    } else if (!arcs.some(([a, b]) => (a === from && b === to) || (a === to && b === from))) {
      const linked = arcs.flatMap(([a, b]) => (a === from ? [b] : b === from ? [a] : []));
      const others = [...new Set(linked)].sort((a, b) => a - b).slice(0, LINKED_MAX);
      const message = `the graph has no link between ${from} and ${to}`;
      const suggestion = `silo ${from} is linked to ${others.join(', ')}`;
      problems.push({ path: `links.arcs.${row}`, message, suggestion });
    }
  }
  const { compute } = simulate ?? {};
  if (compute?.kind === 'uniform' && compute.to < compute.from)
    problems.push({
      path: 'simulate.compute.to',
      message: `got ${compute.to}, wanted at least from: ${compute.from}`,
    });
}
