/** How many elements a sparsifier keeps: `share` of them (rounded, one at least) or a `count`. */
import { assert } from '../base/assert.ts';
import { shown } from '../base/schema-problems.ts';
import type { Codec, ParsedCodec } from './codec.ts';

export interface Kept {
  readonly share?: number;
  readonly count?: number;
}

const SHARE_DEFAULT = 0.05;

/** For a vector of `length` elements, of which there are at least `count`. */
export function keptOf({ share, count }: Kept, length: number): number {
  if (count === undefined) return Math.max(1, Math.round((share ?? SHARE_DEFAULT) * length));
  assert(count <= length, () => `${count} of ${length} elements are kept`);
  return count;
}

export function parseKept(
  kind: string,
  options: Readonly<Record<string, unknown>>,
  codecOf: (kept: Kept) => Codec,
): ParsedCodec {
  const { share, count, ...unknown } = options;
  const problems = Object.keys(unknown).map((key) => `unknown option ${key}; ${kind} takes share or count`);
  if (share !== undefined && count !== undefined) problems.push(`${kind} takes share or count, not both`);
  if (share !== undefined && !(typeof share === 'number' && share > 0 && share <= 1))
    problems.push(`share is ${shown(share)}; it must be above 0 and at most 1`);
  if (count !== undefined && !(Number.isSafeInteger(count) && (count as number) >= 1))
    problems.push(`count is ${shown(count)}; it must be a positive integer`);
  if (problems.length > 0) return { ok: false, problems };
  const kept: Kept =
    count === undefined
      ? { share: (share as number | undefined) ?? SHARE_DEFAULT }
      : { count: count as number };
  return { ok: true, spec: { kind, ...kept }, codec: codecOf(kept) };
}
