/**
 * Which of the neighbours' answers to a request for state is believed, and what a peer's params become by it.
 *
 * An answer is confirmed when that of another neighbour is within `reachRounds` of it: two neighbours that take part are no further
 * apart. The answers near the believed one are combined coordinate by coordinate, by their median (of two: their mean), so that one false
 * vector among three moves nothing far. A peer that did rounds of its own while it was cut off brings them in:
 *   x ← (s·x + t·y) / (s + t)
 * s: rounds it has done since it was last in step with those that answered, t: rounds they have done since then, y: the combined
 * answers. One that comes back from a checkpoint has s = 0 and takes y.
 */
import { precisionOf, type Vector, zeros } from '../params/layout.ts';
import type { StateAnswer } from './state.ts';

/** What a peer believes. */
export interface Belief {
  /** Most advanced first. */
  readonly answers: readonly StateAnswer[];
  readonly round: number;
  readonly confirmed: boolean;
}

/** How far an answer from another may be away to confirm it; rounds of peers that keep no common pace say less. */
export type Reach = (round: number) => number;

export interface Standing {
  readonly ownRound: number;
  /** An answer no further ahead than this is news of no weight. */
  readonly slackRounds: number;
  readonly reach: Reach;
}

/** The most advanced answer that is confirmed and worth it, else the most advanced of all; undefined where nobody is ahead. */
export function believe(given: Iterable<StateAnswer>, standing: Standing): Belief | undefined {
  const answers = [...given].sort((a, b) => b.round - a.round || a.peer - b.peer);
  const beliefs = answers
    .filter(({ round }) => round > standing.ownRound)
    .map((top) => beliefIn(top, answers, standing.reach));
  const worth = beliefs.find(
    ({ confirmed, round }) => confirmed && round > standing.ownRound + standing.slackRounds,
  );
  return worth ?? beliefs[0];
}

function beliefIn(top: StateAnswer, answers: readonly StateAnswer[], reach: Reach): Belief {
  const near = answers.filter(
    ({ peer, round }) => peer === top.peer || (round <= top.round && top.round - round <= reach(top.round)),
  );
  return { answers: near, round: top.round, confirmed: near.length > 1 };
}

/** The params of a peer that has done `ownRounds` by itself, while those that answered did `theirRounds`. */
export function joined(
  own: Vector,
  { answers }: Belief,
  { ownRounds, theirRounds }: { readonly ownRounds: number; readonly theirRounds: number },
): Vector {
  const theirs = combined(answers.map(({ params }) => params));
  if (ownRounds <= 0) return theirs;
  const all = ownRounds + theirRounds;
  const out = zeros(precisionOf(own), own.length);
  for (let at = 0; at < out.length; at++)
    out[at] = (ownRounds * (own[at] as number) + theirRounds * (theirs[at] as number)) / all;
  return out;
}

function combined(vectors: readonly Vector[]): Vector {
  const [first] = vectors as [Vector, ...Vector[]];
  if (vectors.length === 1) return first;
  const out = zeros(precisionOf(first), first.length);
  const values = new Float64Array(vectors.length);
  const middle = vectors.length >> 1;
  for (let at = 0; at < out.length; at++) {
    for (let index = 0; index < vectors.length; index++) values[index] = vectors[index]![at] as number;
    values.sort();
    out[at] = vectors.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
  }
  return out;
}
