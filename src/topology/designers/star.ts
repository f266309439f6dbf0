/**
 * STAR: one silo is the hub of all, as in server-based federated learning. A round is up and down:
 * λ = max_v (s·Tc(hub)) + … in the published form `Tc + max_v(d(v, hub) − Tc) + max_v(d(hub, v) − Tc)`.
 * The published figures use silo 0 (their centrality rule ties there); `hub: best` tries every silo.
 */
import { z } from 'zod';
import { InputError } from '../../base/errors.ts';
import type { ConnectivityGraph } from '../delays.ts';
import { overlayOf } from '../overlay.ts';
import { star as starEdges } from '../regular-graphs.ts';
import { starCycleTimeMs } from '../star-rule.ts';
import type { Design, Designer, DesignRun } from './designer.ts';

const options = z.strictObject({ hub: z.union([z.int().min(0), z.literal('best')]).default(0) });
type Options = z.infer<typeof options>;

export const star: Designer<Options> = {
  name: 'star',
  summary: 'one silo gathers and sends to all, as a server would; {hub: 0 | best}',
  options,
  silosMax: 10_000,
  design({ graph }, { hub }, run): Design {
    const { chosen, how } =
      hub === 'best' ? bestHub(graph, run) : { chosen: requireHub(graph, hub), how: '' };
    const name = graph.names[chosen]!;
    return {
      overlay: overlayOf({
        name: 'star',
        source: `designed: star, hub ${name}`,
        directed: false,
        nodes: graph.names,
        arcs: starEdges(graph.siloCount, chosen),
      }),
      timing: { kind: 'star', hub: chosen },
      notes: [`hub ${name}${how}`],
    };
  },
};

/** `star` with its best hub: a row of its own in the comparison. */
export const starBestHub: Designer<Record<string, never>> = {
  name: 'star-best-hub',
  summary: 'the star with the least cycle time over all hubs',
  options: z.strictObject({}),
  silosMax: 3_000,
  design: (problem, _options, run) => {
    const design = star.design(problem, { hub: 'best' }, run);
    return { ...design, overlay: { ...design.overlay, name: 'star-best-hub' } };
  },
};

/** Of those tried before the time is up; the first one always. */
function bestHub(graph: ConnectivityGraph, run: DesignRun): { chosen: number; how: string } {
  const { siloCount } = graph;
  let chosen = 0;
  let bestMs = Number.POSITIVE_INFINITY;
  let tried = 0;
  for (let hub = 0; hub < siloCount && !(hub > 0 && run.expired()); hub++, tried++) {
    const cycleTimeMs = starCycleTimeMs(graph, hub);
    if (cycleTimeMs < bestMs) [chosen, bestMs] = [hub, cycleTimeMs];
  }
  return {
    chosen,
    how: tried === siloCount ? ', the best' : `, the best of the first ${tried}: no time for more`,
  };
}

function requireHub(graph: ConnectivityGraph, hub: number): number {
  if (hub < graph.siloCount) return hub;
  throw new InputError(
    'topology-invalid',
    `star with hub ${hub} over ${graph.siloCount} silos; the hub is 0 to ${graph.siloCount - 1}, or best`,
  );
}
