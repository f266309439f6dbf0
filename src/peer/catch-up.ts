/**
 * Catching up: a peer that was away (restarted, suspended, cut off) asks its neighbours for their state and goes on from the
 * most advanced answer. Who is asked awaits the peer from its own round on, and sends again what the peer may have missed.
 */

import type { Vector } from '../params/layout.ts';
import { agreementOf, lastRound } from './agreement.ts';
import { beginRound, everybodyUp, feed, jumpTo, peersUp, type Run, refuse, send } from './rounds.ts';
import type { Neighbour, PeerState } from './state.ts';

/** Whether this peer cannot go on from where it is, seen that a neighbour is in `round`. An asynchronous one goes its own pace. */
export function isBehind(
  { config, phase, round: own }: PeerState,
  neighbour: number,
  round: number,
): boolean {
  const { rule, context } = config;
  const ahead = round > own + (context.aheadMax.get(neighbour) ?? 1);
  return ahead && (rule.synchronous || phase === 'gathering');
}

/** Who still sends old rounds to a peer that is done hears nothing from it any more: it is told. */
export function tellWhereWeAre(run: Run, to: number, theirRound: number): void {
  const { phase, round, config } = run.state;
  if (phase !== 'finished' || !config.rule.synchronous || theirRound >= round - 1) return;
  send(run, [to], { type: 'rejoin', round });
}

/**
 * A neighbour asks for this peer's state: it gets it, and is awaited from this round on. A question is a few bytes and the answer a
 * whole model: whoever asks again much sooner than the pull timeout lets it is refused.
 */
export function answerPull(run: Run, neighbour: Neighbour): void {
  const { state, now } = run;
  const { peer, answeredMs } = neighbour;
  const tooSoon = answeredMs !== undefined && now - answeredMs < state.config.pullTimeoutMs / 2;
  if (tooSoon) return refuse(run, peer, 'unexpected');
  neighbour.answeredMs = now;
  const agreement = agreementOf(state);
  const known = agreement === undefined ? {} : { agreement };
  send(run, [peer], { type: 'state', round: state.round, params: state.params, ...known });
  if (state.phase === 'finished') return;
  const { incarnation } = neighbour;
  feed(run, { kind: 'neighbour', peer, status: 'returning', round: state.round, incarnation });
  resendTo(run, neighbour, state.round);
}

/** Sends again what this neighbour was sent for `fromRound` and later; the sequences tell it what it had. */
export function resendTo(run: Run, { sent, peer }: Neighbour, fromRound: number): void {
  const { config } = run.state;
  if (!config.rule.synchronous) return;
  for (const { round, sequence, message } of sent)
    if (round >= fromRound) run.actions.push({ kind: 'send', to: [peer], sequence, message });
}

/** Sends a failed message once more; false where it is an old one or has had its second try. */
export function retryTo(run: Run, { sent, peer }: Neighbour, sequence: number): boolean {
  const failed = sent.find((message) => message.sequence === sequence);
  if (failed === undefined || failed.retried || !run.state.config.rule.synchronous) return false;
  failed.retried = true;
  run.actions.push({ kind: 'send', to: [peer], sequence, message: failed.message });
  return true;
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
