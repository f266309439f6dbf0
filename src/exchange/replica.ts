/**
 * What this peer holds of a neighbour's public model x̂, identical at both ends to the bit. Every state of x̂ has a version, (incarnation
 * of its owner, changes so far in it), and every change says which version it takes to which: a change that does not start from what is here
 * is kept apart until what lies between has come, and is never applied to anything else. Version (0, 0) is the zero vector, which all know.
 */
import { type Codec, OVERFLOW } from '../compress/index.ts';
import { precisionOf, type Vector, zeros } from '../params/layout.ts';

export interface Version {
  readonly incarnation: number;
  readonly count: number;
}

export const ZERO: Version = { incarnation: 0, count: 0 };

export interface Change {
  /** Undefined where `content` is the whole vector. */
  readonly from: Version | undefined;
  readonly to: Version;
  /** The owner's round. */
  readonly round: number;
  /** Encoded difference, or the whole vector: somebody else's memory, never changed. */
  readonly content: Uint8Array | Vector;
}

export interface Replica {
  readonly peer: number;
  /** Changes kept at most, in step and not. */
  readonly changesMax: number;
  /** Undefined: zero, of a length that is not known yet. */
  vector: Vector | undefined;
  version: Version;
  /** The owner's round that `version` belongs to; −1 before the first. */
  round: number;
  /** Not applied yet, each from where the one before it leads. */
  chain: Change[];
  /** Out of step: what they start from is not here. */
  loose: Change[];
  /** The owner's round in which a repair was last asked for. */
  askedRound: number;
}

export function createReplica(peer: number, aheadMax: number): Replica {
  const changesMax = aheadMax + 4;
  return {
    peer,
    changesMax,
    vector: undefined,
    version: ZERO,
    round: -1,
    chain: [],
    loose: [],
    askedRound: -1,
  };
}

/** The version that the chain leads to. */
export function tipOf({ chain, version }: Replica): Version {
  return chain.at(-1)?.to ?? version;
}

export function sameVersion(one: Version, other: Version): boolean {
  return one.incarnation === other.incarnation && one.count === other.count;
}

/** Keeps a change; `gap`: it starts from something that is not here. Returns the changes that are in step now, oldest first. */
export function take(replica: Replica, change: Change): readonly Change[] | 'duplicate' | 'gap' {
  if (!isNewer(change.to, tipOf(replica))) return 'duplicate';
  if (!follows(change, replica)) {
    if (!replica.loose.some(({ to }) => sameVersion(to, change.to))) replica.loose.push(change);
    if (replica.loose.length > replica.changesMax) replica.loose.shift();
    return 'gap';
  }
  const joined: Change[] = [];
  for (let next: Change | undefined = change; next !== undefined; ) {
    if (next.from === undefined || sameVersion(next.from, ZERO)) replica.chain = [];
    if (replica.chain.length >= replica.changesMax) break;
    replica.chain.push(next);
    joined.push(next);
    replica.loose = replica.loose.filter(({ to }) => isNewer(to, tipOf(replica)));
    next = replica.loose.find((one) => follows(one, replica));
  }
  return joined;
}

/**
 * Applies what is in step and belongs to `round` or earlier; a whole vector that skips rounds counts at once. `scratch` is as long as the
 * params. Returns the scratch to use from now on, and what is wrong with a change: that one and all after it are gone then.
 */
export function catchUp(
  replica: Replica,
  round: number,
  codec: Codec,
  scratch: Vector,
): { readonly scratch: Vector; readonly problem?: string } {
  let free = scratch;
  for (let next = replica.chain[0]; next !== undefined; next = replica.chain[0]) {
    const skips = !(next.content instanceof Uint8Array) && replica.round < round;
    if (next.round > round && !skips) break;
    replica.chain.shift();
    const base = next.from !== undefined && sameVersion(next.from, ZERO) ? undefined : replica.vector;
    const problem =
      next.content instanceof Uint8Array ? addTo(base, next.content, codec, free) : copy(next.content, free);
    if (problem !== undefined) {
      replica.chain = [];
      return { scratch: free, problem };
    }
    [replica.vector, free] = [free, replica.vector ?? zeros(precisionOf(free), free.length)];
    replica.version = next.to;
    replica.round = next.round;
  }
  return { scratch: free };
}

/** into ← base + decoded change; absent base: zero. Both ends do exactly this. */
export function addTo(
  base: Vector | undefined,
  change: Uint8Array,
  codec: Codec,
  into: Vector,
): string | undefined {
  if (base !== undefined && codec.addTo !== undefined) return codec.addTo(change, base, into);
  const problem = codec.decode(change, into);
  if (problem !== undefined || base === undefined) return problem;
  return addFinite(base, into) ? undefined : OVERFLOW;
}

/** into ← base + into; whether all sums are finite: v·0 is 0 where v is. */
function addFinite(base: Vector, into: Vector): boolean {
  let check = 0;
  for (let index = 0; index < into.length; index++) {
    into[index] = base[index]! + into[index]!;
    check += into[index]! * 0;
  }
  return check === 0;
}

function copy(from: Vector, into: Vector): undefined {
  into.set(from);
}

function follows({ from }: Change, replica: Replica): boolean {
  return from === undefined || sameVersion(from, ZERO) || sameVersion(from, tipOf(replica));
}

function isNewer(one: Version, other: Version): boolean {
  if (one.incarnation !== other.incarnation) return one.incarnation > other.incarnation;
  return one.count > other.count;
}
