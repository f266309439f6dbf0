/**
 * D-Cliques (Bellet, Kermarrec, Lavoie 2022): silos form cliques whose label shares together come close to the global
 * ones, by greedy swaps (Alg. 2: a random swap between two random cliques is kept where it lessens the sum of the
 * cliques' L1 distances); cliques are joined by single edges between the silos that have fewest, each clique to the
 * cliques 1, 2, 4, … further along a ring of cliques (their small world), which is every pair for up to four cliques.
 */
import { z } from 'zod';
import type { Random } from '../../base/random.ts';
import { type LabelShares, meanShares, requireLabelShares } from '../label-shares.ts';
import { type Arc, overlayOf } from '../overlay.ts';
import { complete, exponentialOffsets } from '../regular-graphs.ts';
import type { Designer, DesignRun } from './designer.ts';

const options = z.strictObject({ size: z.int().min(2).max(100).default(10) });

const swapsPerSilo = 1_000;

export const dCliques: Designer<z.infer<typeof options>> = {
  name: 'd-cliques',
  summary:
    'cliques whose labels together are like all, joined in a small world; {size: 10}; wants label shares',
  options,
  silosMax: 2_000,
  design({ graph, labelShares }, { size }, run) {
    const shares = requireLabelShares(labelShares, graph.siloCount, 'd-cliques');
    const cliques = balancedCliques(shares, size, run);
    const within = cliques.flatMap((members) =>
      complete(members.length).map(([one, other]): Arc => [members[one]!, members[other]!]),
    );
    const distance = cliques.reduce((sum, members) => sum + skew(members, shares, meanShares(shares)), 0);
    return {
      overlay: overlayOf({
        name: 'd-cliques',
        source: `designed: d-cliques of ${size}`,
        directed: false,
        nodes: graph.names,
        arcs: [...within, ...joins(cliques, graph.siloCount)],
      }),
      timing: { kind: 'gossip' },
      notes: [
        `${cliques.length} cliques of up to ${size}, mean L1 distance to the global shares ${(distance / cliques.length).toFixed(3)}`,
      ],
    };
  },
};

function balancedCliques(shares: LabelShares, size: number, run: DesignRun): number[][] {
  const random = run.random('cliques');
  const silos = random.shuffle(shares.map((_, silo) => silo));
  const count = Math.ceil(silos.length / size);
  const cliques = Array.from({ length: count }, (_, clique) =>
    silos.filter((_, place) => place % count === clique),
  );
  const global = meanShares(shares);
  for (let swap = 0; swap < swapsPerSilo * silos.length && count > 1; swap++) {
    if (swap % 1_000 === 0 && run.expired()) break;
    trySwap(cliques, shares, global, random);
  }
  return cliques;
}

function trySwap(cliques: number[][], shares: LabelShares, global: readonly number[], random: Random): void {
  const first = random.integer(cliques.length);
  const second = (first + 1 + random.integer(cliques.length - 1)) % cliques.length;
  const [one, other] = [cliques[first]!, cliques[second]!];
  const [here, there] = [random.integer(one.length), random.integer(other.length)];
  const before = skew(one, shares, global) + skew(other, shares, global);
  const swapped = [one.with(here, other[there]!), other.with(there, one[here]!)] as const;
  if (skew(swapped[0], shares, global) + skew(swapped[1], shares, global) >= before) return;
  [cliques[first], cliques[second]] = swapped;
}

/** L1 distance of a clique's mean shares from the global ones. */
function skew(members: readonly number[], shares: LabelShares, global: readonly number[]): number {
  return global.reduce((sum, share, label) => {
    const own = members.reduce((total, silo) => total + shares[silo]![label]!, 0) / members.length;
    return sum + Math.abs(own - share);
  }, 0);
}

function joins(cliques: readonly (readonly number[])[], siloCount: number): Arc[] {
  const joined = new Int32Array(siloCount);
  const arcs: Arc[] = [];
  const seen = new Set<string>();
  const least = (members: readonly number[]) =>
    members.reduce((best, silo) => (joined[silo]! < joined[best]! ? silo : best));
  for (const offset of exponentialOffsets(cliques.length)) {
    for (const [place, members] of cliques.entries()) {
      const across = (place + offset) % cliques.length;
      const key = `${Math.min(place, across)},${Math.max(place, across)}`;
      if (across === place || seen.has(key)) continue;
      seen.add(key);
      const arc: Arc = [least(members), least(cliques[across]!)];
      for (const silo of arc) joined[silo] = joined[silo]! + 1;
      arcs.push(arc);
    }
  }
  return arcs;
}
