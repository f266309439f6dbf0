/** A random connected graph in which every silo has as many neighbours: mixes well, knows nothing of the network. */
import { z } from 'zod';
import { buildOverlay } from '../builders.ts';
import type { Designer } from './designer.ts';

const options = z.strictObject({ degree: z.int().min(1).max(100).optional() });

/** Where nobody chose a degree and the network is small, the largest that fits. */
const usualDegree = 4;

export const randomRegular: Designer<z.infer<typeof options>> = {
  name: 'random-regular',
  summary: 'every silo has `degree` random neighbours; {degree: 4}',
  options,
  silosMax: 10_000,
  design({ graph }, { degree }, run) {
    const { siloCount } = graph;
    const chosen = degree ?? Math.min(usualDegree, siloCount - 1);
    const seed = run.random('graph').uint32();
    const overlay = buildOverlay({ kind: 'random-regular', degree: Math.max(1, chosen) }, siloCount, seed);
    return { overlay: { ...overlay, nodes: graph.names }, timing: { kind: 'gossip' }, notes: [] };
  },
};
