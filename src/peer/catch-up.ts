/**
 * Catching up: a peer that was away (restarted, suspended, cut off) asks its neighbours for their state and goes on from the
 * most advanced answer. Who is asked awaits the peer from its own round on, and sends again what the peer may have missed.
 */

import type { Vector } from '../params/layout.ts';
import { agreementOf, lastRound } from './agreement.ts';
import { beginRound, everybodyUp, feed, jumpTo, peersUp, type Run, refuse, send } from './rounds.ts';
import type { Neighbour } from './state.ts';

/** A neighbour asks for this peer's state: it gets it, and is awaited from this round on. */
export function answerPull(run: Run, neighbour: Neighbour): void {
  const { state } = run;
  const { peer } = neighbour;
  const agreement = agreementOf(state);
  const known = agreement === undefined ? {} : { agreement };
  send(run, [peer], { type: 'state', round: state.round, params: state.params, ...known });
  if (state.phase === 'finished') return;
  feed(run, { kind: 'neighbour', peer, status: 'returning', round: state.round });
  resendTo(run, neighbour);
}

/** Sends again what this neighbour was last sent in the current round; the sequence tells it whether it had it. */
export function resendTo(run: Run, { lastSent, peer }: Neighbour): void {
  const { state } = run;
  if (lastSent === undefined || lastSent.round !== state.round || !state.config.rule.synchronous) return;
  run.actions.push({ kind: 'send', to: [peer], sequence: lastSent.sequence, message: lastSent.message });
}

/** An answer to the request: adopted if it is ahead of this peer. */
export function takeState(run: Run, neighbour: Neighbour, round: number, params: Vector): void {
  const { state, actions } = run;
  if (!state.pulling || state.phase === 'finished') return refuse(run, neighbour.peer, 'unexpected');
  if (round > state.round) {
    actions.push({ kind: 'notice', what: 'adopted', peer: neighbour.peer, round });
    if (round < lastRound(state)) send(run, peersUp(state), { type: 'rejoin', round });
    jumpTo(run, round, params);
  } else if (state.phase === 'gathering' && everybodyUp(state)) {
    // Nobody is ahead after all.
    actions.push({ kind: 'clearTimer', name: 'gather' });
    beginRound(run);
  }
}
