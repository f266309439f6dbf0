/**
 * best-free-arcs and ring-free-arcs: an overlay of small cycle time, with every arc added that does not raise it
 * (optimise/free-arcs.ts), and with mixing weights that reach consensus soon on them (fastest-mixing.ts). The arcs that
 * the weights do without are left out again.
 */
import { z } from 'zod';
import { maximumCycleMean } from '../cycle-time/howard.ts';
import { type ConnectivityGraph, delayDigraph } from '../delays.ts';
import { fastestMixing } from '../fastest-mixing.ts';
import { withFreeArcs } from '../optimise/free-arcs.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { shortRing } from '../tours/ring-tour.ts';
import { bestArcs, bestOptions } from './best.ts';
import type { Design, Designer, DesignRun } from './designer.ts';
import { tourArcs } from './ring.ts';

/** Weights are optimised on dense matrices. */
const silosMax = 400;

const bestFreeOptions = bestOptions.extend({
  /** Steps of the weights for each horizon; by default 5,000 / n, 40 to 150: a step costs n³. */
  mixingSteps: z.int().min(0).max(100_000).optional(),
});

export const bestFreeArcs: Designer<z.infer<typeof bestFreeOptions>> = {
  name: 'best-free-arcs',
  summary:
    'best, with all arcs that cost nothing and fast mixing weights on them; {runs, steps, boundSteps, mixingSteps}',
  options: bestFreeOptions,
  silosMax,
  design({ graph }, options, run): Design {
    const { arcs, how, prove } = bestArcs(graph, options, run);
    const design = withFreeArcsMixed(graph, 'best-free-arcs', arcs, how, options.mixingSteps, run);
    const bound = prove();
    return bound === undefined ? design : { ...design, lowerBoundMs: bound.lowerBoundMs };
  },
};

const ringFreeOptions = bestFreeOptions.pick({ mixingSteps: true });

export const ringFreeArcs: Designer<z.infer<typeof ringFreeOptions>> = {
  name: 'ring-free-arcs',
  summary: 'a short ring, with all arcs that cost nothing and fast mixing weights on them; {mixingSteps}',
  options: ringFreeOptions,
  silosMax,
  design({ graph }, { mixingSteps }, run): Design {
    const tour = shortRing(graph, { random: run.random('ring'), expired: run.expired });
    return withFreeArcsMixed(graph, 'ring-free-arcs', tourArcs(tour), 'a short ring', mixingSteps, run);
  },
};

function withFreeArcsMixed(
  graph: ConnectivityGraph,
  name: string,
  base: readonly Arc[],
  how: string,
  mixingSteps: number | undefined,
  run: DesignRun,
): Design {
  const stepsMax = mixingSteps ?? Math.max(40, Math.min(150, Math.round(5_000 / graph.siloCount)));
  const cycleTimeMs = maximumCycleMean(delayDigraph(graph, base))!.mean;
  const all = withFreeArcs(graph, base, cycleTimeMs, run);
  const weights = fastestMixing(graph.siloCount, all, { stepsMax, expired: run.expired });
  const arcs = weights.flatMap(([receiver, sender]): Arc[] =>
    receiver === sender ? [] : [[sender, receiver]],
  );
  return {
    overlay: overlayOf({
      name,
      source: `designed: ${name} (${how}; ${base.length} arcs)`,
      directed: true,
      nodes: graph.names,
      arcs,
      weights,
    }),
    timing: { kind: 'gossip' },
    notes: [`${how}; ${all.length - base.length} of ${all.length} arcs are free, ${arcs.length} are used`],
  };
}
