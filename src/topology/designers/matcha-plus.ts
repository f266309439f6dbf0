/**
 * MATCHA⁺ (Marfoq et al. 2020): MATCHA on the links of the underlay instead of all pairs (their code prints the two names
 * the wrong way round): see random-matchings.ts.
 */
import type { z } from 'zod';
import { InputError } from '../../base/errors.ts';
import { matchaOptions, randomMatchings } from '../random-matchings.ts';
import type { Edge } from '../trees.ts';
import type { Designer } from './designer.ts';

export const matchaPlus: Designer<z.infer<typeof matchaOptions>> = {
  name: 'matcha-plus',
  summary: 'random matchings of the links of the underlay; {budget: 0.5, rounds: 16}',
  options: matchaOptions,
  silosMax: 400,
  design({ graph }, options, run) {
    const { linkedArcs, siloCount } = graph;
    if (linkedArcs.length === 0) {
      throw new InputError(
        'design-wants-links',
        'overlay matcha-plus wants an underlay with links between silos, and this one has none; use matcha',
      );
    }
    const keys = linkedArcs.map(([one, other]) => Math.min(one, other) * siloCount + Math.max(one, other));
    const edges = [...new Set(keys)].map((key): Edge => [Math.floor(key / siloCount), key % siloCount]);
    return randomMatchings('matcha-plus', edges, graph, options, run);
  },
};
