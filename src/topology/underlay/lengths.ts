/** Link lengths of one kind, with what replaces those that a file does not give. */
import { InputError } from '../../base/errors.ts';
import { greatCircleKm, unitVectors } from './geodesy.ts';
import type { LengthKind, Underlay, UnderlayNode } from './underlay.ts';

export interface LinkLengths {
  /** [link], km; NaN where only a latency is known. */
  readonly km: Float64Array;
  /** Links whose length of the kind asked for was not in the file. */
  readonly filledCount: number;
}

/**
 * `true`: as given, else the great circle. `published`: as given, else the true one, else the great circle. Throws
 * InputError `lengths-unknown` where there is none of these and no latency either.
 */
export function linkLengths({ nodes, links }: Underlay, kind: LengthKind): LinkLengths {
  const vectors = unitVectors(
    nodes.map(({ latitude }) => latitude ?? Number.NaN),
    nodes.map(({ longitude }) => longitude ?? Number.NaN),
  );
  let filledCount = 0;
  const km = Float64Array.from(links, ({ from, to, lengthKm, latencyMs }) => {
    const given = lengthKm?.[kind];
    if (given !== undefined) return given;
    const straightKm = greatCircleKm(vectors, from, to);
    const straight = Number.isNaN(straightKm) ? undefined : straightKm;
    const replaced = kind === 'true' ? straight : (lengthKm?.true ?? straight);
    if (latencyMs === undefined && replaced === undefined)
      throw unknownLength(nodes[from]!, nodes[to]!, kind);
    if (latencyMs === undefined) filledCount++;
    return replaced ?? Number.NaN;
  });
  return { km, filledCount };
}

function unknownLength(
  from: UnderlayNode,
  to: UnderlayNode,
  kind: LengthKind,
): InputError<'lengths-unknown'> {
  return new InputError(
    'lengths-unknown',
    `the ${kind} length from ${from.name} to ${to.name} is not known; give it or the coordinates of both, or use --lengths published`,
  );
}
