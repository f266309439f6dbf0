/** base-k: the Base-(k+1) graph of Takezawa et al. 2023 over the silos in their order: exact averaging in one period. */
import { z } from 'zod';
import { baseGraph } from '../base-graph.ts';
import { type Arc, type Overlay, overlayOf, type WeightEntry } from '../overlay.ts';
import type { Design, Designer } from './designer.ts';

const options = z.strictObject({
  /** k: the largest degree. */
  degree: z.int().min(1).max(100).default(1),
});

export const baseK: Designer<z.infer<typeof options>> = {
  name: 'base-k',
  summary: 'Base-(k+1) graph: exact average after each period (Takezawa et al. 2023); {degree: k}',
  options,
  silosMax: 10_000,
  design({ graph }, { degree }): Design {
    const phases = baseGraph(graph.siloCount, degree);
    return {
      overlay: scheduleOverlay(`base-${degree + 1}`, graph.names, phases),
      timing: { kind: 'gossip' },
      notes: [`Base-${degree + 1}, silos in their order, ${phases.length} rounds to the exact average`],
    };
  },
};

/** The arcs that a phase's weights need. */
export function arcsOfPhase(phase: readonly WeightEntry[]): Arc[] {
  return phase.flatMap(([receiver, sender]): Arc[] => (receiver === sender ? [] : [[sender, receiver]]));
}

/** An overlay that plays phases of weights in turn. */
export function scheduleOverlay(
  name: string,
  nodes: readonly string[],
  phases: readonly (readonly WeightEntry[])[],
): Overlay {
  return overlayOf({
    name,
    source: `designed: ${name}, ${phases.length} phases`,
    directed: false,
    nodes,
    arcs: [],
    schedule: phases.map(arcsOfPhase),
    scheduleWeights: phases,
  });
}
