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
  /** The count of the last version announced in this life. */
  announcedCount: number;
  /** This round's, not yet part of x̂. */
  announced: Change | undefined;
  /** The last ones that were not whole vectors, oldest first. */
  history: Change[];
}

export function createPublicModel(codec: Codec, self: number, incarnation: number): PublicModel {
  const own = createReplica(self, 1);
  return { codec, incarnation, own, announcedCount: 0, announced: undefined, history: [] };
}

/** x̂ is to become x, exactly. */
export function announceWhole(model: PublicModel, x: Vector, round: number): Change {
  const to = nextVersion(model, round);
  model.history = [];
  model.announced = { from: undefined, to, round, content: x };
  return model.announced;
}

/** x̂ is to come nearer to x by Q(x − x̂); `difference` is memory for it. */
export function announce(
  model: PublicModel,
  x: Vector,
  round: number,
  chance: Chance,
  difference: Vector,
): Change {
  const { own, codec, history } = model;
  const base = present(own.vector, 'own x̂');
  for (let index = 0; index < difference.length; index++) difference[index] = x[index]! - base[index]!;
  const to = nextVersion(model, round);
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

/** Greater than all before in this life; as a rule `round` + 1, which goes without saying (messageOf). */
function nextVersion(model: PublicModel, round: number): Version {
  model.announcedCount = Math.max(round + 1, model.announcedCount + 1);
  return { incarnation: model.incarnation, count: model.announcedCount };
}

/**
 * numbers: delta [incarnation and count it starts from, count it leads to], none where these are the sender's life (or no life: version
 * (0, 0)), `round` and `round` + 1; replica [count], none where it is `round` + 1.
 */
export function messageOf({ from = ZERO, to, round, content }: Change): RuleMessage {
  const usual = to.count === round + 1;
  if (!(content instanceof Uint8Array))
    return { kind: 'replica', round, vectors: [content], numbers: usual ? [] : [to.count] };
  const { incarnation, count } = from;
  const follows = count === round && (count === 0 || incarnation === to.incarnation);
  const numbers = usual && follows ? [] : [incarnation, count, to.count];
  return { kind: 'delta', round, vectors: [], numbers, payload: content };
}

/** What messageOf made a message of; undefined where its numbers are not those of a change. `incarnation` is the sender's. */
export function changeOf(
  { kind, round, numbers, vectors, payload }: RuleMessage,
  incarnation: number,
): Change | undefined {
  if (kind === 'delta') {
    if (numbers.length !== 0 && numbers.length !== 3) return undefined;
    const [fromIncarnation = round === 0 ? ZERO.incarnation : incarnation, count = round, to = round + 1] =
      numbers;
    const from = { incarnation: fromIncarnation, count };
    return { from, to: { incarnation, count: to }, round, content: present(payload, 'payload of a delta') };
  }
  if (numbers.length > 1) return undefined;
  const [count = round + 1] = numbers;
  return {
    from: undefined,
    to: { incarnation, count },
    round,
    content: present(vectors[0], 'vector of a replica'),
  };
}
