/**
 * A peer's own public model x̂ and how it tells others of it: each round a change is announced, and becomes part of x̂ when the round is
 * mixed. Changes are remembered for a while, for neighbours that missed some.
 */
import { present } from '../base/assert.ts';
import type { Chance, Codec } from '../compress/index.ts';
import { precisionOf, type Vector, zeros } from '../params/layout.ts';
import {
  addTo,
  type Change,
  createReplica,
  type Replica,
  sameVersion,
  type Version,
  ZERO,
} from './replica.ts';
import type { RuleMessage } from './rule.ts';

/** Changes remembered at most; and never more bytes than half a vector. */
const HISTORY_MAX = 16;

export interface PublicModel {
  readonly codec: Codec;
  /** Of this life. */
  readonly incarnation: number;
  /** x̂ as of the end of the last round, with its version. */
  readonly own: Replica;
  /** Changes announced in this life. */
  announcements: number;
  /** This round's, not yet part of x̂. */
  announced: Change | undefined;
  /** The last ones that were not whole vectors, oldest first. */
  history: Change[];
}

export function createPublicModel(codec: Codec, self: number, incarnation: number): PublicModel {
  const own = createReplica(self, 1);
  return { codec, incarnation, own, announcements: 0, announced: undefined, history: [] };
}

/** x̂ is to become x, exactly. */
export function announceWhole(model: PublicModel, x: Vector, round: number): Change {
  const to = { incarnation: model.incarnation, count: ++model.announcements };
  model.history = [];
  model.announced = { from: undefined, to, round, content: x };
  return model.announced;
}

/** x̂ is to come nearer to x by Q(x − x̂). */
export function announce(model: PublicModel, x: Vector, round: number, chance: Chance): Change {
  const { own, codec, incarnation, history } = model;
  const base = present(own.vector, 'own x̂');
  const difference = zeros(precisionOf(x), x.length);
  for (let index = 0; index < difference.length; index++) difference[index] = x[index]! - base[index]!;
  const to = { incarnation, count: ++model.announcements };
  const change: Change = { from: own.version, to, round, content: codec.encode(difference, chance) };
  model.announced = change;
  history.push(change);
  const bytes = () => history.reduce((sum, { content }) => sum + content.byteLength, 0);
  while (history.length > 1 && (history.length > HISTORY_MAX || 2 * bytes() > x.byteLength)) history.shift();
  return change;
}

/** x̂ becomes what was announced; returns the scratch to use from now on. A change that overflows is left out: nobody takes it. */
export function commit(model: PublicModel, scratch: Vector): Vector {
  const { own, codec, announced } = model;
  const { to, round, content } = present(announced, 'announced change');
  if (content instanceof Uint8Array) {
    if (addTo(own.vector, content, codec, scratch) !== undefined) return scratch;
  } else scratch.set(content);
  const free = present(own.vector, 'own x̂');
  own.vector = scratch;
  own.version = to;
  own.round = round;
  model.announced = undefined;
  return free;
}

/** What brings somebody who holds `held` into step: the changes since, or x̂ itself as last announced; none before the first in this life. */
export function changesSince(model: PublicModel, held: Version): readonly Change[] {
  const { own, history, announced, codec, incarnation } = model;
  const since = history.findIndex((change) => sameVersion(change.from ?? ZERO, held));
  if (since >= 0) return history.slice(since);
  const base = own.vector;
  if (base === undefined) return [];
  if (announced === undefined) {
    // What an earlier life announced may have gone on differently.
    if (own.version.incarnation !== incarnation) return [];
    return [{ from: undefined, to: own.version, round: own.round, content: base.slice() }];
  }
  if (!(announced.content instanceof Uint8Array)) return [announced];
  const content = zeros(precisionOf(base), base.length);
  const problem = addTo(base, announced.content, codec, content);
  return problem === undefined ? [{ ...announced, from: undefined, content }] : [];
}

/** numbers: delta [incarnation and count it starts from, count it leads to]; replica [count]; the sender's incarnation goes without saying. */
export function messageOf({ from, to, round, content }: Change): RuleMessage {
  if (!(content instanceof Uint8Array))
    return { kind: 'replica', round, vectors: [content], numbers: [to.count] };
  const { incarnation, count } = from ?? ZERO;
  return { kind: 'delta', round, vectors: [], numbers: [incarnation, count, to.count], payload: content };
}
