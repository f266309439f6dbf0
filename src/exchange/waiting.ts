/** A barrier under a rule: the neighbours' comings and goings reach it, and its deadlines wake the rule. */
import {
  look,
  neighbourDown,
  neighbourLeft,
  neighbourReturning,
  neighbourUp,
  type Wait,
  waitsOn,
} from './barrier.ts';
import type { Barrier } from './barrier-state.ts';
import type { RuleAction, RuleEvent } from './rule.ts';

/** What a rule that waits keeps. */
export interface Waiting {
  readonly barrier: Barrier;
  /** The deadline timer that is running, as the time it was asked for; the rule forgets it when the timer fires. */
  wakeAtMs: number | undefined;
}

export function heedNeighbour(
  barrier: Barrier,
  { peer, status, left, round }: RuleEvent & { kind: 'neighbour' },
  nowMs: number,
): void {
  if (status === 'up') neighbourUp(barrier, peer, round, nowMs);
  else if (left === true) neighbourLeft(barrier, peer);
  else if (status === 'down') neighbourDown(barrier, peer, nowMs);
  else neighbourReturning(barrier, peer, round, nowMs);
}

/** Who is here, if the round can go on; otherwise undefined, and the next deadline will wake the rule. */
export function whenAllHere(state: Waiting, nowMs: number, actions: RuleAction[]): Wait | undefined {
  if (waitsOn(state.barrier, state.wakeAtMs, nowMs)) return undefined;
  const wait = look(state.barrier, nowMs);
  const { wakeAtMs, ask } = wait;
  if (ask.length > 0) actions.push({ kind: 'ask', of: ask, round: state.barrier.round });
  if (wakeAtMs === undefined) {
    if (state.wakeAtMs !== undefined) actions.push({ kind: 'clearTimer', name: 'deadline' });
    state.wakeAtMs = undefined;
    return wait;
  }
  if (state.wakeAtMs !== wakeAtMs)
    actions.push({ kind: 'setTimer', name: 'deadline', delayMs: Math.max(0, wakeAtMs - nowMs) });
  state.wakeAtMs = wakeAtMs;
  return undefined;
}
