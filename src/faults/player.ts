/**
 * Plays a fault schedule: what becomes of each message, and what is done to peers when. A driver asks; nothing here acts.
 */
import { clockSkews } from './clock-skew.ts';
import type { Deed } from './deed.ts';
import { type Arcs, deedsOf } from './deeds.ts';
import type { FaultSchedule, SlowFault } from './fault.ts';
import { type Fate, LinkFaults } from './link-faults.ts';
import { byPeer, isIn } from './selection.ts';

export type { Deed } from './deed.ts';
export type { Copy, Fate } from './link-faults.ts';

export interface FaultPlayer {
  /**
   * The fate of the next message from `from` to `to`, sent at `nowMs`: call once per message and receiver, in the order sent. Where a
   * link is cut openly nothing passes either way.
   */
  fate(from: number, to: number, nowMs: number): Fate;
  /** The peer's process has been started again: its messages are counted from 0 once more, as the new process counts them. */
  restarted(peer: number): void;
  /** What the capacity of the link is multiplied by. */
  bandwidthFactor(from: number, to: number, nowMs: number): number;
  /** How much longer training takes than without faults. */
  slowness(peer: number, nowMs: number): number;
  /** What the peer's own clock shows at true time `nowMs`; never goes back. */
  clockMs(peer: number, nowMs: number): number;
  /** True milliseconds until the peer's clock has gone on by `delayMs`; infinite where it stands for ever. */
  trueDelayMs(peer: number, nowMs: number, delayMs: number): number;
  /** Everything that is planned, ascending; endless where an availability has no end, so take the next when one has been done. */
  readonly deeds: Iterable<Deed>;
  /** When each peer starts for the first time; 0 unless it joins late (which is no deed). */
  startMs(peer: number): number;
}

/**
 * `arcs`: who may send to whom, so that the links which a partition breaks are known. `lives`: how often each peer has been started
 * again before (a process that takes up its work in its second life has one behind it).
 */
export function createFaultPlayer(
  schedule: FaultSchedule,
  arcs: Arcs = [],
  lives: ReadonlyMap<number, number> = new Map(),
): FaultPlayer {
  const slow = byPeer(schedule.faults.filter((fault) => fault.kind === 'slow'));
  const starts = new Map(
    schedule.faults.flatMap((fault) => (fault.kind === 'join' ? [[fault.peer, fault.atMs] as const] : [])),
  );
  const skews = clockSkews(schedule);
  const links = new LinkFaults(schedule, lives);
  return {
    fate: (from, to, nowMs) => links.fate(from, to, nowMs),
    restarted: (peer) => links.restarted(peer),
    bandwidthFactor: (from, to, nowMs) => links.bandwidthFactor(from, to, nowMs),
    slowness: (peer, nowMs) => product(slow.get(peer) ?? [], nowMs),
    clockMs: (peer, nowMs) => skews.get(peer)?.shownMs(nowMs) ?? nowMs,
    trueDelayMs: (peer, nowMs, delayMs) => skews.get(peer)?.trueDelayMs(nowMs, delayMs) ?? delayMs,
    deeds: { [Symbol.iterator]: () => deedsOf(schedule, arcs) },
    startMs: (peer) => starts.get(peer) ?? 0,
  };
}

function product(faults: readonly SlowFault[], nowMs: number): number {
  return faults.reduce((factor, fault) => (isIn(fault, nowMs) ? factor * fault.factor : factor), 1);
}
