/** When a fault is in force, and for whom. */
import type { ArcSelection, Span } from './fault.ts';

export function isIn({ fromMs, toMs }: Span, nowMs: number): boolean {
  return nowMs >= fromMs && (toMs === undefined || nowMs < toMs);
}

/** Asks whether an index is among the listed ones; all are where there is no list. */
export function among(peers: readonly number[] | undefined): (peer: number) => boolean {
  if (peers === undefined) return () => true;
  const listed = new Set(peers);
  return (peer) => listed.has(peer);
}

export interface ArcTest {
  from(peer: number): boolean;
  to(peer: number): boolean;
}

export function arcTest({ from, to }: ArcSelection): ArcTest {
  return { from: among(from), to: among(to) };
}

export function byPeer<Planned extends { readonly peer: number }>(
  faults: readonly Planned[],
): ReadonlyMap<number, readonly Planned[]> {
  const found = new Map<number, Planned[]>();
  for (const fault of faults) {
    const own = found.get(fault.peer);
    if (own === undefined) found.set(fault.peer, [fault]);
    else own.push(fault);
  }
  return found;
}
