/**
 * best-free-arcs and ring-free-arcs: an overlay of small cycle time, with every arc added that does not raise it
 * (optimise/free-arcs.ts), and with mixing weights that reach consensus soon on them (fastest-mixing.ts). The arcs that
 * the weights do without are left out again.
 */
import { z } from 'zod';
import type { OverlayBound } from '../bounds/overlay-bound.ts';
import { maximumCycleMean } from '../cycle-time/howard.ts';
import { type ConnectivityGraph, delayDigraph } from '../delays.ts';
import { fastestMixing } from '../fastest-mixing.ts';
import { withFreeArcs } from '../optimise/free-arcs.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { type BestArcs, bestArcs, bestOptions } from './best.ts';
import type { Design, Designer, DesignProblem, DesignRun } from './designer.ts';
import { improvedRing, tourArcs } from './ring.ts';

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
  patience: 21,
  design({ graph, designed }, options, run): Design {
    const { arcs, how, prove } = bestSoFar(designed) ?? bestArcs(graph, options, run);
    const design = withFreeArcsMixed(graph, 'best-free-arcs', arcs, how, options.mixingSteps, run);
    const bound = prove();
    return bound === undefined ? design : { ...design, lowerBoundMs: bound.lowerBoundMs };
  },
};

type Start = Pick<BestArcs, 'arcs' | 'how'> & { prove(): Pick<OverlayBound, 'lowerBoundMs'> | undefined };

function bestSoFar(designed: DesignProblem['designed']): Start | undefined {
  const made = designed?.get('best');
  if (made === undefined) return undefined;
  const { overlay, notes, lowerBoundMs } = made;
  const prove = () => (lowerBoundMs === undefined ? undefined : { lowerBoundMs });
  return { arcs: overlay.arcs, how: notes[0] ?? 'best', prove };
}

const ringFreeOptions = bestFreeOptions.pick({ mixingSteps: true });

export const ringFreeArcs: Designer<z.infer<typeof ringFreeOptions>> = {
  name: 'ring-free-arcs',
  summary: 'a short ring, with all arcs that cost nothing and fast mixing weights on them; {mixingSteps}',
  options: ringFreeOptions,
  silosMax,
  patience: 8,
  design({ graph, designed }, { mixingSteps }, run): Design {
    const arcs = designed?.get('ring')?.overlay.arcs ?? tourArcs(improvedRing(graph, run).tour);
    return withFreeArcsMixed(graph, 'ring-free-arcs', arcs, 'a short ring', mixingSteps, run);
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
  const weights = fastestMixing(graph.siloCount, all, { stepsMax, expired: () => run.expired() });
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
