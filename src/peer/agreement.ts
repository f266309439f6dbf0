/**
 * Agreement on stopping, without a server: who has reached the goal spreads with the models (a set that only grows), and whoever
 * first knows that all have, or that the time is up, names the round to stop at: its own plus the overlay's diameter plus one. The least named
 * round wins. In step, the news has reached everybody by then, so that all stop after the same round.
 */
import type { Agreement } from '../wire/agreement.ts';
import type { Goal } from './machine.ts';
import type { PeerState } from './state.ts';

/** This peer has reached the goal itself. */
export function reachGoal(state: PeerState, goal: Goal): void {
  if (goal === 'seconds') return nameStop(state);
  know(state, state.config.self);
  stopIfAllReached(state);
}

/** What another peer knows. */
export function learn(state: PeerState, agreement: Agreement | undefined): void {
  if (agreement === undefined) return;
  for (const peer of agreement.reached) if (peer < state.config.peerCount) know(state, peer);
  if (agreement.stopAt !== undefined) stopBy(state, Math.max(agreement.stopAt, state.round));
  stopIfAllReached(state);
}

/** What this peer tells the others; undefined while there is nothing to tell. */
export function agreementOf(state: PeerState): Agreement | undefined {
  const { reached, stopAt } = state;
  if (reached.size === 0 && stopAt === Number.POSITIVE_INFINITY) return undefined;
  if (state.agreement === undefined) {
    const known = [...reached].sort((a, b) => a - b);
    state.agreement = stopAt === Number.POSITIVE_INFINITY ? { reached: known } : { reached: known, stopAt };
  }
  return state.agreement;
}

/** Why a peer that has done its last round ends. */
export function endOf({ config, round, reached }: PeerState): 'rounds' | Goal {
  if (round >= config.rounds) return 'rounds';
  return reached.size === config.peerCount ? 'target-accuracy' : 'seconds';
}

/** The number of rounds after which this peer stops, as far as it knows. */
export function lastRound({ config, stopAt }: PeerState): number {
  return Math.min(config.rounds, stopAt);
}

function stopIfAllReached(state: PeerState): void {
  if (state.reached.size === state.config.peerCount) nameStop(state);
}

function nameStop(state: PeerState): void {
  stopBy(state, state.round + state.config.diameter + 1);
}

function stopBy(state: PeerState, round: number): void {
  if (round >= state.stopAt) return;
  state.stopAt = round;
  state.agreement = undefined;
}

function know(state: PeerState, peer: number): void {
  if (state.reached.has(peer)) return;
  state.reached.add(peer);
  state.agreement = undefined;
}
