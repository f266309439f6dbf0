/**
 * D-PSGD mixes what it says it mixes: x = Σⱼ Wᵢⱼ xⱼ over exactly the neighbours that it does not record as left out, each with its
 * message of this round (never an older or a later one), the weight of those left out given to self. Recomputed here from what was
 * delivered. Runs that allow staleness are not judged.
 */
import { phaseOf } from '../../exchange/phases.ts';
import type { Vector } from '../../params/layout.ts';
import type { PeerAction, PeerConfig } from '../../peer/machine.ts';
import type { Invariant } from './invariant.ts';

/** Rounds of a neighbour's messages that are remembered beyond the one this peer is in. */
const ROUNDS_KEPT = 64;
const RELATIVE_ERROR_MAX = 1e-5;

interface Watched {
  /** Per neighbour and round, what was delivered: a peer that restarted may have sent a round twice. */
  readonly heard: Map<number, Map<number, Vector[]>>;
  /** The training whose result counts: a peer that adopts a state gives up the one under way. */
  token: number | undefined;
  trained: Vector | undefined;
}

export const dpsgdMixing: Invariant = {
  name: 'dpsgd-mixing',
  summary:
    'params after a round are the mix of this round’s models of exactly those neighbours that were not left out',
  watch({ peers, violate }) {
    if (!peers.every(judged)) return undefined;
    const watched = peers.map((): Watched => ({ heard: new Map(), token: undefined, trained: undefined }));
    return {
      onStep(peer, event, actions, state, nowMs) {
        const one = watched[peer] as Watched;
        const config = peers[peer] as PeerConfig;
        if (event.kind === 'start') one.heard.clear();
        if (event.kind === 'trained' && event.token === one.token) one.trained = event.params;
        if (event.kind === 'received' && event.message.type === 'exchange') {
          const { round, vectors } = event.message.message;
          hear(one, event.name.from, round, vectors[0] as Vector);
        }
        for (const action of actions) {
          if (action.kind === 'train') one.token = action.token;
          if (action.kind !== 'record') continue;
          const problem = judge(config, one, action, state.params);
          if (problem !== undefined) violate(nowMs, peer, `round ${action.note.round}: ${problem}`);
        }
        forgetBefore(one, state.round);
      },
    };
  },
};

function judged({ rule, context: { options } }: PeerConfig): boolean {
  const { staleness = 0, variant } = options as { staleness?: number; variant?: string };
  return rule.name === 'dpsgd' && staleness === 0 && variant === 'adapt-then-mix';
}

function hear(one: Watched, from: number, round: number, vector: Vector): void {
  const rounds = one.heard.get(from) ?? new Map<number, Vector[]>();
  one.heard.set(from, rounds);
  rounds.set(round, [...(rounds.get(round) ?? []), vector]);
}

function forgetBefore(one: Watched, round: number): void {
  for (const rounds of one.heard.values())
    for (const old of rounds.keys()) if (old < round || old > round + ROUNDS_KEPT) rounds.delete(old);
}

/** What is wrong with the round that has just been recorded; `after` are the params it gave. */
function judge(
  { context }: PeerConfig,
  one: Watched,
  { note }: PeerAction & { kind: 'record' },
  after: Vector,
): string | undefined {
  const out = new Set(note.excluded.map(({ peer }) => peer));
  const parts: { weight: number; candidates: readonly Vector[] }[] = [];
  const { inNeighbours, mixingRow } = phaseOf(context, note.round);
  let own = mixingRow.get(context.self) ?? 0;
  for (const neighbour of inNeighbours) {
    const weight = mixingRow.get(neighbour) ?? 0;
    if (out.has(neighbour)) {
      own += weight;
      continue;
    }
    const candidates = one.heard.get(neighbour)?.get(note.round) ?? [];
    if (candidates.length === 0)
      return `neighbour ${neighbour} is neither left out nor was its model of this round delivered`;
    parts.push({ weight, candidates });
  }
  if (one.trained === undefined) return 'it was done without training';
  const mixes = combinations(parts.map(({ candidates }) => candidates)).map((chosen) =>
    mix(
      own,
      one.trained as Vector,
      parts.map(({ weight }, index) => [weight, chosen[index] as Vector]),
    ),
  );
  return mixes.some((expected) => near(expected, after))
    ? undefined
    : 'its params are not the mix of these models';
}

function combinations(lists: readonly (readonly Vector[])[]): Vector[][] {
  return lists.reduce<Vector[][]>(
    (chosen, list) => chosen.flatMap((before) => list.map((next) => [...before, next])),
    [[]],
  );
}

function mix(own: number, trained: Vector, others: readonly (readonly [number, Vector])[]): Float64Array {
  return Float64Array.from(trained, (value, index) =>
    others.reduce((sum, [weight, vector]) => sum + weight * (vector[index] ?? 0), own * value),
  );
}

function near(expected: Float64Array, got: Vector): boolean {
  return expected.every(
    (value, index) =>
      Math.abs(value - (got[index] ?? 0)) <= RELATIVE_ERROR_MAX * Math.max(1, Math.abs(value)),
  );
}
