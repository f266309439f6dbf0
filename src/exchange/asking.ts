/**
 * Asking again: a neighbour whose message of this round is later than usual may have sent it in vain, and is asked for it (`again`)
 * before it is left out, so that a lost message costs a part of a deadline and not a neighbour.
 *
 * Times: from + share · (until − from) for the shares ASK_SHARES; from: when the message is usually here (start of the round + the
 * neighbour's median lag), or, if that is later, when this peer began to wait; until: the neighbour's deadline. A later message of
 * a neighbour that is here says that this one was lost: it is asked at once. Who is busy training has nothing to send again, and a
 * question costs a few bytes: asking too early does no harm. ASK_SHARES.length questions a round at most.
 */
import { type AwaitedNeighbour, newestOf } from './barrier-state.ts';

const ASK_SHARES = [1 / 8, 1 / 4, 1 / 2, 3 / 4];

export interface AskWindow {
  readonly round: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Whether to ask now, and when to look again for that; what is asked counts as asked. */
export function askAgain(
  neighbour: AwaitedNeighbour,
  { round, fromMs, untilMs }: AskWindow,
  nowMs: number,
): { readonly isDue: boolean; readonly againMs: number } {
  // Nothing reaches it, and nothing of it this peer, until the link is back; then both send again what they sent.
  if (neighbour.downSinceMs !== undefined) return { isDue: false, againMs: Number.POSITIVE_INFINITY };
  const dueMs = () => {
    const share = ASK_SHARES[neighbour.asks];
    return share === undefined ? Number.POSITIVE_INFINITY : fromMs + share * Math.max(0, untilMs - fromMs);
  };
  const before = neighbour.asks;
  if (before === 0 && newestOf(neighbour, round + neighbour.aheadMax) > round) neighbour.asks = 1;
  // Times that have passed meanwhile are one question.
  while (dueMs() <= nowMs) neighbour.asks += 1;
  return { isDue: neighbour.asks > before, againMs: dueMs() };
}
