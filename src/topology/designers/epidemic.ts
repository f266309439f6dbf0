/**
 * Epidemic Learning (De Vos et al. 2023), the variant with a random graph regular on both sides (EL-Oracle): each round
 * every silo sends to `fanout` random others and hears from as many, so that uniform weights are doubly stochastic. Here:
 * a circle of the silos in random order, and `fanout` random distances along it. No barrier. A saved overlay holds
 * `rounds` drawn rounds, repeated.
 */
import { z } from 'zod';
import { InputError } from '../../base/errors.ts';
import { type Arc, overlayOf, type WeightEntry } from '../overlay.ts';
import { circleArcs } from '../round-draws.ts';
import type { Designer } from './designer.ts';

const options = z.strictObject({
  fanout: z.int().min(1).max(100).default(2),
  rounds: z.int().min(1).max(10_000).default(32),
});

export const epidemic: Designer<z.infer<typeof options>> = {
  name: 'epidemic',
  summary:
    'each round every silo sends to `fanout` random others; {fanout: 2, rounds: 32 drawn for the file}',
  options,
  silosMax: 2_000,
  design({ graph }, { fanout, rounds }, run) {
    const { siloCount } = graph;
    if (fanout >= siloCount) {
      throw new InputError(
        'topology-invalid',
        `epidemic with fanout ${fanout} over ${siloCount} silos; wanted a fanout of at most ${siloCount - 1}`,
      );
    }
    const drawn = Array.from({ length: rounds }, (_, round) =>
      circleArcs(siloCount, fanout, run.random('round', round)),
    );
    return {
      overlay: overlayOf({
        name: 'epidemic',
        source: `designed: epidemic, fanout ${fanout}, ${rounds} rounds drawn`,
        directed: true,
        nodes: graph.names,
        arcs: [],
        schedule: drawn,
        scheduleWeights: drawn.map((arcs) => uniformWeights(siloCount, fanout, arcs)),
      }),
      timing: { kind: 'random', barrier: false, draw: { kind: 'circle', fanout } },
      notes: [`fanout ${fanout}; cycle time over fresh draws`],
    };
  },
};

function uniformWeights(siloCount: number, fanout: number, arcs: readonly Arc[]): WeightEntry[] {
  const weight = 1 / (fanout + 1);
  const own = Array.from({ length: siloCount }, (_, silo): WeightEntry => [silo, silo, weight]);
  return [...own, ...arcs.map(([from, to]): WeightEntry => [to, from, weight])];
}
