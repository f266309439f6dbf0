/**
 * Waiting for neighbours in a synchronous rule: who is awaited this round, until when, and who is left out and why.
 *
 * Deadline of neighbour j, counted from the start of this peer's round, or from j's return (a return that comes later than ceilingMs
 * after this peer began to wait counts as of then: who keeps returning and never sends costs two ceilings at most):
 *   clamp(factor · median of j's last lags, floorMs, ceilingMs),  lag = arrival of j's message − start of the round,
 * and ceilingMs until three lags are known. A neighbour that missed its deadline is not awaited again until it shows life
 * (its message for this or a later round, one that is so little late that the neighbour cannot know it is behind, or a request to
 * return), so that one fault costs one deadline, not one a round; late arrivals count as lags, so that a steadily slow neighbour's
 * deadline grows to fit it.
 * A peer that is alone (all its neighbours left out) keeps the pace at which they were last heard, factor · median of lags: else it
 * would race ahead without them, and on its return they would take its params for the most advanced. Those that said goodbye hold
 * nobody back: where all have, the peer goes its own pace.
 * Before its deadline a neighbour that is late is asked for its message again (asking.ts): it may have been lost.
 * With `periodMs` a round lasts at least that long, so that those that are never late do not run ahead of those that are, nor all of
 * somebody who is away.
 * A deadline that is noticed much too late means that this process itself was suspended: it starts again, once a round.
 *
 * Two ways to wait for less. Bounded staleness s (Ho et al. 2013): where a neighbour's message for this round is not here, its newest
 * one of the last s rounds is taken at once. Backups b (Chen et al. 2016, wait for the fastest n − b): as soon as all but b neighbours
 * are here, the others are left out of this round as `late`, and awaited again in the next. Staleness lets neighbours run further
 * ahead: aheadMax·(1 + s) rounds are kept for them, and whoever is further behind fetches state. With backups whoever was late may leave
 * rounds out (joining.ts): of a neighbour that has passed this round without a message for it, the newest one stands in, and only one
 * that is more than JOIN_ROUNDS_MAX ahead is from the future.
 */
import { present } from '../base/assert.ts';
import type { Vector } from '../params/layout.ts';
import { type AskWindow, askAgain } from './asking.ts';
import {
  type AwaitedNeighbour,
  type Barrier,
  dropBeyond,
  inThisRound,
  JOIN_ROUNDS_MAX,
  mayJoin,
  newestOf,
  type Patience,
  type Slack,
  usable,
} from './barrier-state.ts';
import { addLag, allowanceMs, usualLagMs } from './lags.ts';
import type { DeadlineOptions, ExclusionReason, RuleContext } from './rule.ts';

/** Rounds whose start is remembered, to measure how late a stale message is. */
const STARTS_MAX = 32;
/** A deadline noticed this much too late says that the process was suspended. */
const SUSPENDED_MS = 1000;

export type Arrival = 'taken' | 'stale' | 'duplicate' | 'future';

export interface Exclusion {
  readonly peer: number;
  readonly reason: ExclusionReason;
}

export interface Wait {
  /** Neighbours whose message is here, of this round or, as far as the slack goes, an older one; ascending, with it. */
  readonly arrived: readonly { readonly peer: number; readonly vector: Vector }[];
  readonly waitingFor: readonly number[];
  /** Of these, who is to be asked for its message again, now. */
  readonly ask: readonly number[];
  readonly excluded: readonly Exclusion[];
  /** When to look again; undefined when the round can go on. */
  readonly wakeAtMs: number | undefined;
}

/** Ready for messages of `firstRound` and on, which may come before this peer begins it. */
export function createBarrier(
  context: RuleContext,
  firstRound: number,
  slack: Slack = { staleness: 0, backups: 0 },
): Barrier {
  const neighbours = new Map<number, AwaitedNeighbour>();
  for (const peer of context.inNeighbours) {
    neighbours.set(peer, {
      peer,
      aheadMax: present(context.aheadMax.get(peer), `aheadMax of neighbour ${peer}`) * (1 + slack.staleness),
      awaitedFrom: undefined,
      absence: 'absent',
      inbox: new Map(),
      lagsMs: [],
      patience: undefined,
      asks: 0,
      graceFromMs: 0,
      downSinceMs: undefined,
    });
  }
  const { deadline: options, linkLossMeansSilence } = context;
  const round = firstRound - 1;
  const all = [...neighbours.values()];
  return {
    phases: context.phases?.map(({ inNeighbours }) =>
      all.filter(({ peer }) => inNeighbours.includes(peer)),
    ) ?? [all],
    options,
    slack,
    linkLossMeansSilence,
    periodMs: (context.options.periodMs as number | undefined) ?? 0,
    neighbours,
    round,
    waitsFromMs: undefined,
    startsMs: new Map(),
    restarted: { round: -1, atMs: 0 },
    missing: undefined,
  };
}

/** Starts waiting for the messages of `round`. */
export function openRound(barrier: Barrier, round: number, nowMs: number): void {
  barrier.round = round;
  barrier.waitsFromMs = undefined;
  barrier.missing = undefined;
  barrier.startsMs.set(round, nowMs);
  for (const old of barrier.startsMs.keys()) if (old <= round - STARTS_MAX) barrier.startsMs.delete(old);
  for (const neighbour of barrier.neighbours.values()) {
    neighbour.asks = 0;
    for (const old of neighbour.inbox.keys())
      if (old < round - barrier.slack.staleness) neighbour.inbox.delete(old);
    if (neighbour.inbox.has(round)) noteLag(neighbour, 0);
  }
}

/**
 * Takes a neighbour's message for `round`, or says why not. At most aheadMax + staleness + 2 messages per neighbour are kept: of those
 * further ahead the newest only.
 */
export function arrive(
  barrier: Barrier,
  from: number,
  round: number,
  vector: Vector,
  nowMs: number,
): Arrival {
  const neighbour = present(barrier.neighbours.get(from), () => `in-neighbour ${from}`);
  const startMs = barrier.startsMs.get(round);
  noteMissing(barrier, neighbour, round);
  if (round < barrier.round) {
    if (startMs !== undefined) noteLag(neighbour, nowMs - startMs);
    if (neighbour.awaitedFrom === undefined && canKeepUp(barrier, neighbour, round))
      startAwaiting(neighbour, barrier.round, nowMs);
    if (round < barrier.round - barrier.slack.staleness) return 'stale';
  }
  if (neighbour.inbox.has(round)) return 'duplicate';
  if (round < barrier.round) {
    neighbour.inbox.set(round, vector);
    return 'taken';
  }
  const beyond = round > barrier.round + neighbour.aheadMax;
  if (beyond && mayJoin(barrier) && round < newestOf(neighbour, round + JOIN_ROUNDS_MAX)) return 'stale';
  if (beyond) dropBeyond(neighbour, barrier.round + neighbour.aheadMax);
  neighbour.inbox.set(round, vector);
  if (neighbour.awaitedFrom === undefined) startAwaiting(neighbour, round, nowMs);
  if (round === barrier.round && startMs !== undefined) noteLag(neighbour, nowMs - startMs);
  const inReach = mayJoin(barrier) && round <= barrier.round + JOIN_ROUNDS_MAX;
  return beyond && !inReach ? 'future' : 'taken';
}

export function neighbourUp(barrier: Barrier, peer: number, round: number, nowMs: number): void {
  barrier.missing = undefined;
  const neighbour = barrier.neighbours.get(peer);
  if (neighbour === undefined) return;
  neighbour.downSinceMs = undefined;
  // A peer that is far behind is awaited once it has fetched state and says that it is returning.
  if (neighbour.awaitedFrom === undefined && canKeepUp(barrier, neighbour, round)) {
    startAwaiting(neighbour, Math.max(round, barrier.round), nowMs);
  }
}

export function neighbourDown(barrier: Barrier, peer: number, nowMs: number): void {
  barrier.missing = undefined;
  const neighbour = barrier.neighbours.get(peer);
  if (neighbour !== undefined && barrier.linkLossMeansSilence) neighbour.downSinceMs ??= nowMs;
}

/** The neighbour said goodbye: it is left out at once, of this round too unless its message is here. */
export function neighbourLeft(barrier: Barrier, peer: number): void {
  barrier.missing = undefined;
  const neighbour = barrier.neighbours.get(peer);
  if (neighbour === undefined) return;
  neighbour.awaitedFrom = undefined;
  neighbour.absence = 'left';
}

/** The neighbour will take part from `round` on. */
export function neighbourReturning(barrier: Barrier, peer: number, round: number, nowMs: number): void {
  barrier.missing = undefined;
  const neighbour = barrier.neighbours.get(peer);
  if (neighbour !== undefined) startAwaiting(neighbour, round, nowMs);
}

/** Who is here, who is waited for, who is left out, as of now. Marks those whose deadline has passed. */
export function look(barrier: Barrier, nowMs: number): Wait {
  barrier.waitsFromMs ??= nowMs;
  const arrived: { peer: number; vector: Vector }[] = [];
  const waitingFor: number[] = [];
  const ask: number[] = [];
  const excluded: Exclusion[] = [];
  let wakeAtMs: number | undefined;
  let firstPeer = -1;
  for (const neighbour of inThisRound(barrier)) {
    const { peer } = neighbour;
    const vector = usable(barrier, neighbour);
    if (vector !== undefined) {
      arrived.push({ peer, vector });
      continue;
    }
    if (neighbour.awaitedFrom === undefined || neighbour.awaitedFrom > barrier.round) {
      excluded.push({ peer, reason: neighbour.awaitedFrom === undefined ? neighbour.absence : 'ahead' });
      continue;
    }
    const limit = deadlineOf(barrier, neighbour);
    if (nowMs >= limit.atMs && !forgiven(barrier, limit.atMs, nowMs)) {
      neighbour.awaitedFrom = undefined;
      neighbour.absence = limit.reason;
      excluded.push({ peer, reason: limit.reason });
      continue;
    }
    waitingFor.push(peer);
    const { fromMs, atMs } = deadlineOf(barrier, neighbour);
    const asking = askAgain(neighbour, askWindow(barrier, neighbour, fromMs, atMs), nowMs);
    if (asking.isDue) ask.push(peer);
    const againMs = Math.min(atMs, asking.againMs);
    if (wakeAtMs !== undefined && wakeAtMs <= againMs) continue;
    wakeAtMs = againMs;
    firstPeer = peer;
  }
  if (waitingFor.length > 0 && arrived.length >= inThisRound(barrier).length - barrier.slack.backups) {
    for (const peer of waitingFor.splice(0)) excluded.push({ peer, reason: 'late' });
    excluded.sort((a, b) => a.peer - b.peer);
    ask.length = 0;
    wakeAtMs = undefined;
  }
  if (wakeAtMs === undefined) {
    const leastMs = Math.max(barrier.periodMs, isAlone(barrier) ? paceMs(barrier) : 0);
    const untilMs = present(barrier.startsMs.get(barrier.round), 'start of the round') + leastMs;
    if (nowMs < untilMs) wakeAtMs = untilMs;
  }
  const { length: count } = waitingFor;
  barrier.missing = count > 0 && wakeAtMs !== undefined ? { count, firstPeer, wakeAtMs } : undefined;
  return { arrived, waitingFor, ask, excluded, wakeAtMs };
}

/** Whether the next look would find too few here and the same deadline as the last one: it need not be taken. */
export function waitsOn({ missing, slack }: Barrier, wakeAtMs: number | undefined, nowMs: number): boolean {
  return (
    missing !== undefined &&
    missing.count > slack.backups &&
    missing.wakeAtMs === wakeAtMs &&
    nowMs < missing.wakeAtMs
  );
}

/** A message of `round` comes from the neighbour: what the last look found still holds, less this one; or it may not. */
function noteMissing(barrier: Barrier, neighbour: AwaitedNeighbour, round: number): void {
  const { missing } = barrier;
  if (missing === undefined) return;
  const { peer, awaitedFrom, asks } = neighbour;
  if (round < barrier.round || awaitedFrom === undefined || peer === missing.firstPeer)
    barrier.missing = undefined;
  else if (round === barrier.round || (mayJoin(barrier) && usable(barrier, neighbour) === undefined))
    missing.count -= 1;
  // That this round's was lost is a reason to ask.
  else if (asks === 0 && usable(barrier, neighbour) === undefined) barrier.missing = undefined;
}

/** Neighbours whose message for this round is awaited and not here, ascending; all of them while this peer is alone. */
export function awaited(barrier: Barrier): number[] {
  if (isAlone(barrier)) return [...barrier.neighbours.values()].filter(mayReturn).map(({ peer }) => peer);
  return inThisRound(barrier)
    .filter(
      (one) =>
        one.awaitedFrom !== undefined &&
        one.awaitedFrom <= barrier.round &&
        usable(barrier, one) === undefined,
    )
    .map(({ peer }) => peer);
}

/** Whether there are neighbours that may come back, but none that takes part or is known to be ahead. */
function isAlone(barrier: Barrier): boolean {
  let some = false;
  for (const one of barrier.neighbours.values()) {
    if (one.awaitedFrom !== undefined || usable(barrier, one) !== undefined) return false;
    some ||= mayReturn(one);
  }
  return some;
}

/** Whether it may be back before anybody decides so: it did not say goodbye. */
function mayReturn({ absence }: AwaitedNeighbour): boolean {
  return absence !== 'left';
}

/** How long a round without neighbours lasts at least: as long as the slowest of them, as last heard, would be waited for. */
function paceMs({ options, neighbours }: Barrier): number {
  const { factor, floorMs, ceilingMs } = options;
  const paces = [...neighbours.values()].filter(mayReturn).map(({ lagsMs }) => {
    const usualMs = usualLagMs(lagsMs);
    return usualMs === undefined ? floorMs : factor * usualMs;
  });
  return Math.min(Math.max(...paces), ceilingMs);
}

function deadlineOf(
  barrier: Barrier,
  neighbour: AwaitedNeighbour,
): { fromMs: number; atMs: number; reason: ExclusionReason } {
  const { restarted, round, options, waitsFromMs = 0 } = barrier;
  const startMs =
    restarted.round === round ? restarted.atMs : present(barrier.startsMs.get(round), 'start of the round');
  const graceMsMax = Math.max(startMs, waitsFromMs) + options.ceilingMs;
  const fromMs = Math.max(startMs, Math.min(neighbour.graceFromMs, graceMsMax));
  const deadlineMs = fromMs + patienceWith(neighbour, options).allowanceMs;
  const downMs =
    neighbour.downSinceMs === undefined
      ? Number.POSITIVE_INFINITY
      : neighbour.downSinceMs + options.downGraceMs;
  return downMs < deadlineMs
    ? { fromMs, atMs: downMs, reason: 'down' }
    : { fromMs, atMs: deadlineMs, reason: 'deadline' };
}

function patienceWith(neighbour: AwaitedNeighbour, options: DeadlineOptions): Patience {
  const { lagsMs } = neighbour;
  neighbour.patience ??= { usualMs: usualLagMs(lagsMs) ?? 0, allowanceMs: allowanceMs(options, lagsMs) };
  return neighbour.patience;
}

function askWindow(
  { round, waitsFromMs = 0, options }: Barrier,
  neighbour: AwaitedNeighbour,
  fromMs: number,
  untilMs: number,
): AskWindow {
  const usuallyMs = fromMs + patienceWith(neighbour, options).usualMs;
  return { round, fromMs: Math.max(usuallyMs, waitsFromMs), untilMs };
}

/** Whether the deadline is noticed so late that this process was suspended; then it starts again, once a round. */
function forgiven(barrier: Barrier, atMs: number, nowMs: number): boolean {
  if (nowMs - atMs < SUSPENDED_MS) return false;
  if (barrier.restarted.round !== barrier.round) {
    barrier.restarted = { round: barrier.round, atMs: nowMs };
    for (const other of barrier.neighbours.values())
      if (other.downSinceMs !== undefined) other.downSinceMs = nowMs;
  }
  return barrier.restarted.atMs === nowMs;
}

/**
 * Whether a neighbour in `round` gets here by itself. One that is further behind sees messages from its future and fetches state;
 * one that is at most aheadMax behind may see none (on digraphs those ahead of it are not those it hears) and simply hurries.
 */
function canKeepUp(barrier: Barrier, neighbour: AwaitedNeighbour, round: number): boolean {
  return round >= barrier.round - neighbour.aheadMax;
}

function startAwaiting(neighbour: AwaitedNeighbour, round: number, nowMs: number): void {
  neighbour.awaitedFrom = round;
  neighbour.graceFromMs = nowMs;
  neighbour.downSinceMs = undefined;
}

function noteLag(neighbour: AwaitedNeighbour, lagMs: number): void {
  neighbour.patience = undefined;
  addLag(neighbour.lagsMs, lagMs);
}
