/** One offset of the exponential graph a round, in turn (Ying et al. 2021): exact after log₂ n rounds for powers of two. */
import { z } from 'zod';
import { onePeerExponential as schedule } from '../schedule.ts';
import type { Designer } from './designer.ts';

export const onePeerExponential: Designer<Record<string, never>> = {
  name: 'one-peer-exponential',
  summary: 'the exponential graph, one of its offsets a round in turn (Ying et al. 2021)',
  options: z.strictObject({}),
  silosMax: 10_000,
  design: ({ graph }) => ({
    overlay: { ...schedule(graph.siloCount), nodes: graph.names },
    timing: { kind: 'gossip' },
    notes: [],
  }),
};
