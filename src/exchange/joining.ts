/**
 * Backup workers: how a peer whose local updates took longer than the others waited gets back in step.
 *
 * Chen et al. 2016 (Algorithm 4: wait for the first n − b gradients) drop a late gradient, and its worker takes the current params. Here every
 * peer has params of its own and data that nobody else has, so late work is not dropped: a peer that is through with its updates of
 * round r, when round f ≥ r is already over, leaves rounds r to f − 1 out and ends round f as one that has not trained in it,
 *   z = Σⱼ Wᵢⱼ xⱼ,   xⱼ: j's message for round f, or the newest where j has passed f,   xᵢ: this peer's params before the updates,
 * the weight of those not there given to self. Its late updates d = train(xᵢ) − xᵢ are its contribution to round f + 1, at once: it sends
 * z + d (as asynchronous SGD applies a gradient of older params; Lian et al. 2018, Algorithm 1) and waits there like everybody.
 *
 * Round f is over when more than n − b of its n neighbours have reached or passed it (each of these hears the others, and so needs
 * nobody else), or, where those that are gone use up the backups, when all that are awaited have passed it. A single neighbour that lies
 * about its round moves nobody where two are needed, and nobody by more than JOIN_ROUNDS_MAX.
 */
import type { Vector } from '../params/layout.ts';
import { type Exclusion, openRound, type Wait } from './barrier.ts';
import { type Barrier, inThisRound, JOIN_ROUNDS_MAX, mayJoin, newestOf, usable } from './barrier-state.ts';

/** What a peer has joined a round with. */
export type Joined = Pick<Wait, 'arrived' | 'excluded'>;

/** The last round that is over without this peer, its own or a later one below `roundsMax`; undefined where its own is not. */
export function roundOver(barrier: Barrier, roundsMax: number): number | undefined {
  if (!mayJoin(barrier)) return undefined;
  const { round, slack, neighbours } = barrier;
  const furthest = Math.min(round + JOIN_ROUNDS_MAX, roundsMax - 1);
  const all = [...neighbours.values()];
  const reached = all.map((one) => newestOf(one, furthest)).sort((a, b) => b - a);
  const byMost = reached[all.length - slack.backups] ?? -1;
  const awaited = all.filter(({ awaitedFrom }) => awaitedFrom !== undefined);
  const byAll = awaited.length === 0 ? -1 : Math.min(...awaited.map((one) => newestOf(one, furthest))) - 1;
  const over = Math.max(byMost, byAll);
  return over >= round ? over : undefined;
}

/** Goes on in `round`, which is over: with whom, and who is left out of it. */
export function joinRound(barrier: Barrier, round: number, nowMs: number): Joined {
  openRound(barrier, round, nowMs);
  const arrived: { peer: number; vector: Vector }[] = [];
  const excluded: Exclusion[] = [];
  for (const neighbour of inThisRound(barrier)) {
    const { peer, awaitedFrom, absence } = neighbour;
    const vector = usable(barrier, neighbour);
    if (vector !== undefined) arrived.push({ peer, vector });
    else if (awaitedFrom === undefined) excluded.push({ peer, reason: absence });
    else excluded.push({ peer, reason: awaitedFrom > round ? 'ahead' : 'late' });
  }
  return { arrived, excluded };
}
