/**
 * EquiTopo (Song, Li, Jin, Shi, Yan, Yin, Yuan, NeurIPS 2022): with A^(u) = (n − 1)/n · shift by u + I/n,
 *
 * - equi-static: W = mean of A^(u) over M shifts u drawn from 1 … n − 1 (D-EquiStatic); `undirected`: (W + Wᵀ)/2;
 * - equi-dynamic: each round one of the shifts, W = (1 − η) I + η A^(u) (OD-EquiDyn). Theirs are drawn anew for ever; ours are
 *   drawn once for `phases` rounds, which then repeat, so that every silo can know the schedule from the file.
 *
 * Their consensus rate does not depend on n. Silos stand in their order: shifts know nothing of distances.
 */

import { z } from 'zod';
import { InputError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { overlayOf, type WeightEntry } from '../overlay.ts';
import { arcsOfPhase } from './base-k.ts';
import type { Design, Designer } from './designer.ts';

const degree = z.int().min(1).max(1_000).optional();
const staticOptions = z.strictObject({
  /** M; by default ⌈log₂ n⌉. */
  degree,
  undirected: z.boolean().default(false),
});
const dynamicOptions = z.strictObject({
  degree,
  phases: z.int().min(1).max(1_000).default(32),
  /** η */
  share: z.number().gt(0).max(1).default(0.5),
});

export const equiStatic: Designer<z.infer<typeof staticOptions>> = {
  name: 'equi-static',
  summary: 'EquiTopo: ⌈log₂ n⌉ random shifts at once, rate independent of n; {degree, undirected}',
  options: staticOptions,
  silosMax: 3_000,
  design({ graph }, { degree: asked, undirected }, run): Design {
    const { siloCount } = graph;
    const shifts = drawnShifts(siloCount, asked, run.random('equi-static'));
    const weights = summed(
      shifts.flatMap((shift) => [
        ...shiftEntries(siloCount, shift, 1 / shifts.length),
        ...(undirected ? turned(shiftEntries(siloCount, shift, 1 / shifts.length)) : []),
      ]),
      siloCount,
      undirected ? 0.5 : 1,
    );
    return {
      overlay: overlayOf({
        name: 'equi-static',
        source: `designed: equi-static, shifts ${shifts.join(', ')}`,
        directed: !undirected,
        nodes: graph.names,
        arcs: arcsOfPhase(weights),
        weights,
      }),
      timing: { kind: 'gossip' },
      notes: [`${undirected ? 'U' : 'D'}-EquiStatic, shifts ${shifts.join(', ')}`],
    };
  },
};

export const equiDynamic: Designer<z.infer<typeof dynamicOptions>> = {
  name: 'equi-dynamic',
  summary: 'EquiTopo, one peer a round: a random shift each; {degree, phases, share}',
  options: dynamicOptions,
  silosMax: 3_000,
  design({ graph }, { degree: asked, phases, share }, run): Design {
    const { siloCount } = graph;
    const random = run.random('equi-dynamic');
    const shifts = drawnShifts(siloCount, asked, random);
    const played = Array.from({ length: phases }, () => shifts[random.integer(shifts.length)]!);
    const scheduleWeights = played.map((shift) => {
      const mixed = shiftEntries(siloCount, shift, share);
      const kept = Array.from({ length: siloCount }, (_, node): WeightEntry => [node, node, 1 - share]);
      return summed([...mixed, ...kept], siloCount, 1);
    });
    return {
      overlay: overlayOf({
        name: 'equi-dynamic',
        source: `designed: equi-dynamic, ${phases} phases of shifts ${shifts.join(', ')}`,
        directed: true,
        nodes: graph.names,
        arcs: [],
        schedule: scheduleWeights.map(arcsOfPhase),
        scheduleWeights,
      }),
      timing: { kind: 'gossip' },
      notes: [`OD-EquiDyn, η = ${share}, ${phases} rounds drawn once, then repeated`],
    };
  },
};

/** M different shifts from 1 … n − 1, ascending; as many as there are where fewer. */
function drawnShifts(siloCount: number, asked: number | undefined, random: Random): number[] {
  if (siloCount < 2) throw new InputError('design-too-small', 'EquiTopo shifts silos; wanted at least 2');
  const all = random.shuffle(Array.from({ length: siloCount - 1 }, (_, index) => index + 1));
  const wanted = asked ?? Math.max(1, Math.ceil(Math.log2(siloCount)));
  return all.slice(0, wanted).sort((a, b) => a - b);
}

/** factor · A^(shift): node i receives from i − shift. */
function shiftEntries(siloCount: number, shift: number, factor: number): WeightEntry[] {
  return Array.from({ length: siloCount }, (_, node): WeightEntry[] => [
    [node, (node - shift + siloCount) % siloCount, (factor * (siloCount - 1)) / siloCount],
    [node, node, factor / siloCount],
  ]).flat();
}

function turned(entries: readonly WeightEntry[]): WeightEntry[] {
  return entries.map(([receiver, sender, weight]) => [sender, receiver, weight]);
}

/** Entries of the same place added up and scaled. */
function summed(entries: readonly WeightEntry[], siloCount: number, factor: number): WeightEntry[] {
  const total = new Map<number, number>();
  for (const [receiver, sender, weight] of entries) {
    const key = receiver * siloCount + sender;
    total.set(key, (total.get(key) ?? 0) + weight * factor);
  }
  return [...total]
    .sort(([a], [b]) => a - b)
    .map(([key, weight]) => [Math.floor(key / siloCount), key % siloCount, weight] as const);
}
