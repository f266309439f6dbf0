/** Every pair of silos: the fastest mixing a round, and the slowest rounds where access links bind. */
import { z } from 'zod';
import { buildOverlay } from '../builders.ts';
import type { Designer } from './designer.ts';

export const complete: Designer<Record<string, never>> = {
  name: 'complete',
  summary: 'every pair of silos',
  options: z.strictObject({}),
  silosMax: 1_000,
  design: ({ graph }) => ({
    overlay: { ...buildOverlay({ kind: 'complete' }, graph.siloCount), nodes: graph.names },
    timing: { kind: 'gossip' },
    notes: [],
  }),
};
