/** Every pair of silos: the fastest mixing a round, and the slowest rounds where access links bind. */
import { z } from 'zod';
import { buildOverlay } from '../builders.ts';
import { type Designer, outOfTime } from './designer.ts';

export const complete: Designer<Record<string, never>> = {
  name: 'complete',
  summary: 'every pair of silos',
  options: z.strictObject({}),
  silosMax: 1_000,
  design({ graph }, _options, run) {
    if (run.expired()) throw outOfTime('complete');
    return {
      overlay: { ...buildOverlay({ kind: 'complete' }, graph.siloCount), nodes: graph.names },
      timing: { kind: 'gossip' },
      notes: [],
    };
  },
};
