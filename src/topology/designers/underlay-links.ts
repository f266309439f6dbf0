/** The links of the underlay as overlay: every silo exchanges with the silos next to it. */
import { z } from 'zod';
import { InputError } from '../../base/errors.ts';
import { overlayOf } from '../overlay.ts';
import type { Designer } from './designer.ts';

export const underlayLinks: Designer<Record<string, never>> = {
  name: 'underlay',
  summary: 'the links of the underlay themselves',
  options: z.strictObject({}),
  silosMax: 10_000,
  design({ graph }) {
    if (graph.linkedArcs.length === 0 && graph.siloCount > 1) {
      throw new InputError(
        'design-wants-links',
        'overlay underlay wants an underlay with links between silos, and this one has none',
      );
    }
    const { names: nodes, linkedArcs: arcs } = graph;
    const isDirected =
      new Set(arcs.map(String)).size !==
      new Set(arcs.flatMap(([one, other]) => [`${one},${other}`, `${other},${one}`])).size;
    return {
      overlay: overlayOf({
        name: 'underlay',
        source: 'links of the underlay',
        directed: isDirected,
        nodes,
        arcs,
      }),
      timing: { kind: 'gossip' },
      notes: [],
    };
  },
};
