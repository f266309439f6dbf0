/**
 * The multigraph ring (Do et al., ICCV 2023), counted honestly. There, an arc much slower than the fastest gets
 * n = min(t, round(d / d_min)) parallel edges and is waited for every n-th round only; the published figures count the
 * rounds between as free. What a pipeline can really keep up is one round per Σ d / Σ n along the ring: a model on an
 * arc with n edges arrives n rounds late, so the silo mixes params n − 1 rounds older than in a plain ring.
 */
import { z } from 'zod';
import { arcDelaysMs } from '../delays.ts';
import type { StaleArc } from '../overlay.ts';
import type { Designer } from './designer.ts';
import { ring } from './ring.ts';

const options = z.strictObject({ edgesMax: z.int().min(1).max(20).default(3) });

export const multigraphRing: Designer<z.infer<typeof options>> = {
  name: 'multigraph-ring',
  summary: 'the ring with stale models on slow arcs, at its true pipelined rate; {edgesMax: 3}',
  options,
  silosMax: ring.silosMax,
  design(problem, { edgesMax }, run) {
    const { overlay, notes } = ring.design(problem, {}, run);
    const delays = arcDelaysMs(problem.graph, overlay.arcs);
    const least = delays.reduce((fastest, delayMs) => Math.min(fastest, delayMs), Number.POSITIVE_INFINITY);
    const staleness = overlay.arcs.map(([from, to], arc): StaleArc => {
      const rounds = Math.round(delays[arc]! / least);
      return [from, to, Math.max(1, Math.min(edgesMax, rounds))];
    });
    const oldest = staleness.reduce((most, [, , rounds]) => Math.max(most, rounds), 1);
    const source = `designed: multigraph-ring, at most ${edgesMax} edges`;
    return {
      overlay: { ...overlay, name: 'multigraph-ring', source },
      timing: { kind: 'pipelined', staleness },
      notes: [
        ...notes,
        `models up to ${oldest} rounds old count as delivered then; mixing of models of several ages is not judged`,
      ],
    };
  },
};
