/**
 * How old a model can be. An age (gossip-learning.ts) grows by one with every round that somebody trains, so that none is above the sum of
 * all silos' rounds. A run that ends by time has no number of rounds; then, as in any run, time bounds them: a peer that began its round
 * r at t₀, with age a, where it knew the others to be, believes at t
 *   age ≤ max(a, n·r) + n·(2 + SPEED_MAX·(t − t₀)/c),  never above n·rounds     n silos; c: the shortest of its own cycles since t₀ (t − t₀ in the first)
 * SPEED_MAX is how many times as fast as this peer any other may be: loose, so that no honest one is refused. It also heals by itself: what
 * the others did while this peer stood still is believed after a thousandth of that time, and at once where it takes their state.
 */

/** No silo is so many times as fast as another. */
const SPEED_MAX = 1000;
/** Virtual time may stand still in a cycle. */
const CYCLE_MS_MIN = 1e-3;
/** Rounds that the others may be ahead of the one this peer knows them to be in: one under way, one not heard of. */
const ROUNDS_AHEAD = 2;

export interface AgeBound {
  readonly peerCount: number;
  /** Of the run. */
  readonly rounds: number;
  sinceMs: number;
  /** What was possible then. */
  ageThen: number;
  /** The shortest since then; undefined before the first has ended. */
  cycleMs: number | undefined;
}

export function createAgeBound(peerCount: number, rounds: number): AgeBound {
  return { peerCount, rounds, sinceMs: 0, ageThen: 0, cycleMs: undefined };
}

/** This peer begins `round` with a model of this age, its own or one that it has taken from others. */
export function setAgeBound(bound: AgeBound, age: number, round: number, nowMs: number): void {
  bound.sinceMs = nowMs;
  bound.ageThen = Math.max(age, bound.peerCount * round);
  bound.cycleMs = undefined;
}

export function noteCycle(bound: AgeBound, cycleMs: number): void {
  bound.cycleMs = Math.max(CYCLE_MS_MIN, Math.min(bound.cycleMs ?? cycleMs, cycleMs));
}

/** The greatest age that any model can have now. */
export function ageMax(bound: AgeBound, nowMs: number): number {
  const { peerCount, rounds, sinceMs, ageThen, cycleMs } = bound;
  const cycles = cycleMs === undefined ? 1 : (nowMs - sinceMs) / cycleMs;
  const roundsSince = ROUNDS_AHEAD + SPEED_MAX * cycles;
  return Math.min(peerCount * rounds, Math.floor(ageThen + peerCount * roundsSince));
}
