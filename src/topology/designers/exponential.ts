/** The static exponential graph (Ying et al. 2021): ⌈log₂ n⌉ arcs a silo, over the silos in their order. */
import { z } from 'zod';
import { buildOverlay } from '../builders.ts';
import type { Designer } from './designer.ts';

export const exponential: Designer<Record<string, never>> = {
  name: 'exponential',
  summary: 'silo i receives from i + 1, i + 2, i + 4, … (Ying et al. 2021)',
  options: z.strictObject({}),
  silosMax: 10_000,
  design: ({ graph }) => ({
    overlay: { ...buildOverlay({ kind: 'exponential' }, graph.siloCount), nodes: graph.names },
    timing: { kind: 'gossip' },
    notes: [],
  }),
};
