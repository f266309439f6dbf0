/**
 * How many control messages each member may send: a token bucket per originator, filled by time and emptied by messages. What comes
 * beyond it is neither heard nor passed on, so that one member's flood ends at its neighbours.
 */
export interface ControlRate {
  /** Tokens a second and originator; one message takes one. */
  readonly perSecond: number;
  /** Tokens a bucket holds: so many messages may come at once. */
  readonly burst: number;
}

/** A status goes out once a second at most; the rest is room for delays that let several arrive together. */
export const DEFAULT_CONTROL_RATE: ControlRate = { perSecond: 5, burst: 20 };

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class ControlRateLimit {
  readonly #rate: ControlRate;
  readonly #buckets = new Map<number, Bucket>();

  constructor(rate: ControlRate) {
    this.#rate = rate;
  }

  /** Takes a token of this member's, if it has one; `nowMs` never goes back. */
  admits(member: number, nowMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(member) ?? { tokens: burst, filledMs: nowMs };
    this.#buckets.set(member, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledMs) / 1000) * perSecond);
    bucket.filledMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
