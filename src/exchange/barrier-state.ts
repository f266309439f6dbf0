/** What a barrier (barrier.ts) keeps of its neighbours and their messages, and which of these may be mixed in its round. */
import type { Vector } from '../params/layout.ts';
import type { DeadlineOptions, ExclusionReason } from './rule.ts';

/** With backups a peer leaves out at most so many rounds by itself; who is further behind fetches state. */
export const JOIN_ROUNDS_MAX = 32;

export interface AwaitedNeighbour {
  readonly peer: number;
  /** Rounds by which it may be ahead. */
  readonly aheadMax: number;
  /** First round whose message is awaited; undefined while the neighbour is left out. */
  awaitedFrom: number | undefined;
  /** Why it is left out. */
  absence: ExclusionReason;
  readonly inbox: Map<number, Vector>;
  readonly lagsMs: number[];
  /** What these lags come to; undefined where one has come since that was last asked for. */
  patience: Patience | undefined;
  /** How often it was asked in this round for what has not come (asking.ts). */
  asks: number;
  /** The deadline counts from here if that is later than the start of the round. */
  graceFromMs: number;
  downSinceMs: number | undefined;
}

export interface Patience {
  /** How late it usually is; 0 where too little is known. */
  readonly usualMs: number;
  /** How long it is waited for. */
  readonly allowanceMs: number;
}

/** How much less than everything of this round is enough to go on; nothing by default. */
export interface Slack {
  /** Rounds by which a message may be too old. */
  readonly staleness: number;
  /** Neighbours that need not be here. */
  readonly backups: number;
}

export interface Barrier {
  /** Who is awaited in the rounds of each phase, ascending; all in-neighbours where the graph does not change. */
  readonly phases: readonly (readonly AwaitedNeighbour[])[];
  readonly options: DeadlineOptions;
  readonly slack: Slack;
  readonly linkLossMeansSilence: boolean;
  /** A round lasts at least so long. */
  readonly periodMs: number;
  readonly neighbours: ReadonlyMap<number, AwaitedNeighbour>;
  round: number;
  /** When this peer first looked who is here in this round; undefined before. */
  waitsFromMs: number | undefined;
  readonly startsMs: Map<number, number>;
  /** The last time that the deadlines of a round started again. */
  restarted: { readonly round: number; readonly atMs: number };
  /** What the last look found, while it still tells what the next one would: undefined once it may not. */
  missing: Missing | undefined;
}

/** Who is not here: how many at least, whose deadline is the first, and when. */
interface Missing {
  count: number;
  readonly firstPeer: number;
  readonly wakeAtMs: number;
}

/** The neighbour's message for this round, or the newest that it has passed it with, or its newest that is not too old. */
export function usable(barrier: Barrier, neighbour: AwaitedNeighbour): Vector | undefined {
  const { round, slack } = barrier;
  const { inbox } = neighbour;
  if (mayJoin(barrier) && !inbox.has(round)) {
    const passed = newestOf(neighbour, round + JOIN_ROUNDS_MAX);
    if (passed > round) return inbox.get(passed);
  }
  const oldest = Math.max(0, round - slack.staleness);
  for (let of = round; of >= oldest; of--) {
    const vector = inbox.get(of);
    if (vector !== undefined) return vector;
  }
  return undefined;
}

/** Whether peers may leave rounds out: with backups, on a graph that does not change from round to round. */
export function mayJoin({ slack, phases }: Barrier): boolean {
  return slack.backups > 0 && phases.length === 1;
}

/** The newest round up to `roundMax` that a message of the neighbour is here for; -1 where there is none. */
export function newestOf({ inbox }: AwaitedNeighbour, roundMax: number): number {
  let newest = -1;
  for (const round of inbox.keys()) if (round > newest && round <= roundMax) newest = round;
  return newest;
}

/** The neighbours that this round's phase hears from. */
export function inThisRound({ phases, round }: Barrier): readonly AwaitedNeighbour[] {
  return phases[round % phases.length] ?? []; // none before the first round
}

/** Forgets the messages of later rounds than this. */
export function dropBeyond(neighbour: AwaitedNeighbour, roundMax: number): void {
  for (const round of neighbour.inbox.keys()) if (round > roundMax) neighbour.inbox.delete(round);
}
