/**
 * A peer's own clock under clock faults: c(t) = t + Σ offset of those in force + Σ (rate − 1) · time spent in each so far, made to never
 * go back: what is shown is the maximum of c up to t.
 */
import type { ClockFault, FaultSchedule } from './fault.ts';
import { byPeer } from './selection.ts';

/** From `fromMs` on the shown time is `shownMs + rate · (t − fromMs)`; rate 0 where the clock stands. */
interface Piece {
  readonly fromMs: number;
  readonly shownMs: number;
  readonly rate: number;
}

export class ClockSkew {
  readonly #pieces: readonly Piece[];

  constructor(faults: readonly ClockFault[]) {
    this.#pieces = piecesOf(faults);
  }

  /** What the clock shows at true time `nowMs`. */
  shownMs(nowMs: number): number {
    const piece = this.#pieces.findLast(({ fromMs }) => fromMs <= nowMs);
    return piece === undefined ? nowMs : valueAt(piece, nowMs);
  }

  /** True milliseconds from `nowMs` until the clock shows `delayMs` more; infinite where it never will. */
  trueDelayMs(nowMs: number, delayMs: number): number {
    const wanted = this.shownMs(nowMs) + delayMs;
    for (const [index, piece] of this.#pieces.entries()) {
      const endMs = this.#pieces[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      if (endMs <= nowMs) continue;
      const fromMs = Math.max(nowMs, piece.fromMs);
      const missing = wanted - valueAt(piece, fromMs);
      if (missing <= 0) return fromMs - nowMs;
      const atMs = fromMs + missing / piece.rate;
      if (atMs < endMs) return atMs - nowMs;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** The skewed clocks of a schedule, by peer. */
export function clockSkews({ faults }: FaultSchedule): ReadonlyMap<number, ClockSkew> {
  const skewed = byPeer(faults.filter((fault) => fault.kind === 'clock'));
  return new Map([...skewed].map(([peer, own]) => [peer, new ClockSkew(own)]));
}

function valueAt({ fromMs, shownMs, rate }: Piece, nowMs: number): number {
  return shownMs + rate * (nowMs - fromMs);
}

function piecesOf(faults: readonly ClockFault[]): Piece[] {
  const edges = new Set([
    0,
    ...faults.flatMap(({ fromMs, toMs }) => (toMs === undefined ? [fromMs] : [fromMs, toMs])),
  ]);
  const instants = [...edges].sort((a, b) => a - b);
  const pieces: Piece[] = [];
  let shownMs = 0;
  for (const [index, fromMs] of instants.entries()) {
    const before = pieces.at(-1);
    if (before !== undefined) shownMs = valueAt(before, fromMs);
    const raw = rawMs(faults, fromMs);
    const rate = rateAt(faults, fromMs);
    const endMs = instants[index + 1] ?? Number.POSITIVE_INFINITY;
    const standsUntilMs = fromMs + (shownMs - raw) / rate;
    if (standsUntilMs > fromMs) pieces.push({ fromMs, shownMs, rate: 0 });
    if (standsUntilMs <= fromMs) pieces.push({ fromMs, shownMs: raw, rate });
    else if (standsUntilMs < endMs) pieces.push({ fromMs: standsUntilMs, shownMs, rate });
  }
  return pieces;
}

function rawMs(faults: readonly ClockFault[], nowMs: number): number {
  return faults.reduce((shown, { fromMs, toMs = Number.POSITIVE_INFINITY, offsetMs, rate = 1 }) => {
    const spentMs = Math.max(0, Math.min(nowMs, toMs) - fromMs);
    const offset = nowMs >= fromMs && nowMs < toMs ? offsetMs : 0;
    return shown + offset + (rate - 1) * spentMs;
  }, nowMs);
}

/** Of faults that do not overlap, as the checks demand. */
function rateAt(faults: readonly ClockFault[], nowMs: number): number {
  const inForce = faults.find(
    ({ fromMs, toMs = Number.POSITIVE_INFINITY }) => nowMs >= fromMs && nowMs < toMs,
  );
  return inForce?.rate ?? 1;
}
