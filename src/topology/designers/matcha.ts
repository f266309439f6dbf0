/** MATCHA (Wang et al. 2019) on the complete connectivity graph: see random-matchings.ts. */
import type { z } from 'zod';
import { matchaOptions, randomMatchings } from '../random-matchings.ts';
import { complete } from '../regular-graphs.ts';
import type { Designer } from './designer.ts';

export const matcha: Designer<z.infer<typeof matchaOptions>> = {
  name: 'matcha',
  summary: 'random matchings of the complete graph; {budget: 0.5, rounds: 16 drawn for the file}',
  options: matchaOptions,
  silosMax: 200,
  design: ({ graph }, options, run) =>
    randomMatchings('matcha', complete(graph.siloCount), graph, options, run),
};
