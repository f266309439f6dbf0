/**
 * Catching up: a peer that was away (restarted, suspended, cut off) asks its neighbours for their state and goes on from the most
 * advanced answer that another one confirms (adopt.ts). It goes on as soon as two agree, or all have answered; where two have
 * answered and do not agree, they are asked once more at one instant; where nobody confirms, it waits a quarter of the pull timeout for who does, then takes what there is and says so. Question or answer may be lost:
 * who has not answered is asked again after an eighth of the pull timeout and three eighths. Who is asked awaits the peer from its own round on, and sends again what the peer may have missed.
 */

import type { Vector } from '../params/layout.ts';
import { type Belief, believe, joined } from './adopt.ts';
import { agreementOf, lastRound } from './agreement.ts';
import { beginRound, everybodyUp, feed, jumpTo, peersUp } from './rounds.ts';
import { type Run, refuse, send } from './run.ts';
import type { Neighbour, PeerState, StateAnswer } from './state.ts';

/** A question is repeated so often at most, */
const REPEATS_MAX = 2;
/** once more where the answers do not fit each other, and answered so often. */
const ANSWERS_MAX = 2 + REPEATS_MAX;
/** As often as a rule asks in a round. */
const ASKED_FOR_MAX = 4;

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
 * whole model: it is given ANSWERS_MAX times within half a pull timeout, as it may be lost; more often is refused.
 */
export function answerPull(run: Run, neighbour: Neighbour): void {
  const { state, now } = run;
  const { peer, answeredMs } = neighbour;
  const isAnew = answeredMs === undefined || now - answeredMs >= state.config.pullTimeoutMs / 2;
  if (isAnew) {
    neighbour.answeredMs = now;
    neighbour.answers = 0;
  }
  if (neighbour.answers >= ANSWERS_MAX) return refuse(run, peer, 'unexpected');
  neighbour.answers += 1;
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

/**
 * The neighbour waits for what it was sent for `fromRound`, which may have been lost. A question is a few bytes and the answer may be a
 * whole model: each message is sent again ASKED_FOR_MAX times at most. Who has sent nothing yet has no answer.
 */
export function sendAgain(run: Run, { sent, peer }: Neighbour, fromRound: number): void {
  for (const kept of sent) {
    if (kept.round < fromRound) continue;
    if (kept.askedFor >= ASKED_FOR_MAX) {
      refuse(run, peer, 'unexpected');
      continue;
    }
    kept.askedFor += 1;
    run.actions.push({ kind: 'send', to: [peer], sequence: kept.sequence, message: kept.message });
  }
}

/** Sends a failed message once more; false where it is an old one or has had its second try. */
export function retryTo(run: Run, { sent, peer }: Neighbour, sequence: number): boolean {
  const failed = sent.find((message) => message.sequence === sequence);
  if (failed === undefined || failed.retried || !run.state.config.rule.synchronous) return false;
  failed.retried = true;
  run.actions.push({ kind: 'send', to: [peer], sequence, message: failed.message });
  return true;
}

/** An answer to the request. */
export function takeState(run: Run, neighbour: Neighbour, round: number, params: Vector): void {
  const { state, actions } = run;
  const { pulling } = state;
  const { peer } = neighbour;
  if (pulling?.asked.has(peer) !== true || state.phase === 'finished') return refuse(run, peer, 'unexpected');
  if (pulling.decided) return;
  pulling.answers.set(peer, { peer, round, params });
  if (pulling.answers.size === 1)
    actions.push({ kind: 'setTimer', name: 'confirm', delayMs: state.config.pullTimeoutMs / 4 });
  reconsider(run);
}

/** A neighbour that comes up while others are asked is asked too. */
export function askAlso(run: Run, { peer }: Neighbour): void {
  const { state } = run;
  const { pulling } = state;
  if (pulling === undefined || pulling.decided || pulling.asked.has(peer)) return;
  pulling.asked.add(peer);
  send(run, [peer], { type: 'pull', round: state.round });
}

/** Asks those again that have not answered: what they were asked, or their answer, may be lost. */
export function repeatPull(run: Run): void {
  const { state, actions } = run;
  const { pulling } = state;
  if (pulling === undefined || pulling.decided || state.phase === 'finished') return;
  const silent = [...pulling.asked].filter((peer) => !pulling.answers.has(peer));
  if (silent.length === 0) return;
  send(run, silent, { type: 'pull', round: state.round });
  pulling.repeats += 1;
  if (pulling.repeats < REPEATS_MAX)
    actions.push({ kind: 'setTimer', name: 'pull-again', delayMs: state.config.pullTimeoutMs / 4 });
}

/** Who is down does not answer any more. */
export function askNoMore(run: Run, peer: number): void {
  const { pulling } = run.state;
  if (pulling === undefined || pulling.decided || pulling.answers.has(peer)) return;
  if (pulling.asked.delete(peer)) reconsider(run);
}

/** Goes on if what has been answered is enough. */
function reconsider(run: Run): void {
  const { state } = run;
  const { pulling } = state;
  if (pulling === undefined || pulling.answers.size === 0) return;
  const isAll =
    pulling.answers.size === pulling.asked.size && (state.phase !== 'gathering' || everybodyUp(state));
  if (isAll) return decideOrAskAnew(run);
  const belief = beliefOf(state);
  if (belief?.confirmed === true && belief.round >= pulling.seenRound - reachRounds(state, pulling.seenRound))
    decide(run);
}

/** Goes on from what has been answered, unless two have answered that do not confirm each other: these may at one instant. */
export function decideOrAskAnew(run: Run): void {
  if (run.state.phase === 'finished') return;
  const isDoubtful = beliefOf(run.state)?.confirmed === false;
  if (!isDoubtful || !askAnew(run)) decide(run);
}

/** Goes on from what the neighbours have answered so far, if anybody is ahead. */
export function decide(run: Run): void {
  const { state, actions } = run;
  const { pulling } = state;
  if (pulling === undefined || pulling.decided || state.phase === 'finished') return;
  const belief = beliefOf(state);
  if (belief !== undefined) return adopt(run, belief);
  if (state.phase !== 'gathering' || !everybodyUp(state)) return;
  // Nobody is ahead after all.
  actions.push({ kind: 'clearTimer', name: 'gather' });
  settled(run);
  beginRound(run);
}

/**
 * Answers that came one after the other are of different rounds, for who answered first went on: whoever has answered is asked once more, all
 * at once. The earlier answers count where no other comes.
 */
function askAnew(run: Run): boolean {
  const { state, actions } = run;
  const { pulling } = state;
  if (pulling === undefined || pulling.decided || pulling.before !== undefined) return false;
  const asked = [...pulling.answers.keys()].filter(
    (peer) => pulling.asked.has(peer) && state.neighbours.get(peer)?.up,
  );
  if (asked.length < 2) return false;
  pulling.before = new Map(pulling.answers);
  pulling.answers.clear();
  send(run, asked, { type: 'pull', round: state.round });
  actions.push({ kind: 'setTimer', name: 'confirm', delayMs: state.config.pullTimeoutMs / 4 });
  return true;
}

function adopt(run: Run, belief: Belief): void {
  const { state, actions } = run;
  const { answers, round, confirmed } = belief;
  const peers = answers.map(({ peer }) => peer);
  if (!confirmed && state.neighbours.size > 1)
    actions.push({
      kind: 'notice',
      what: 'unconfirmed',
      peer: peers[0],
      round,
      detail: doubt(state, belief),
    });
  const since = Math.max(...peers.map((peer) => state.neighbours.get(peer)?.inStepRound ?? 0));
  const ownRounds = state.config.rule.synchronous ? Math.max(0, state.round - since) : 0;
  const shares = { ownRounds, theirRounds: round - since };
  const params = joined(state.params, belief, shares);
  const detail = `from ${peers.join(', ')}; own rounds ${ownRounds}, theirs ${shares.theirRounds}`;
  actions.push({ kind: 'notice', what: 'adopted', peer: peers[0], round, detail });
  for (const { peer } of answers) {
    const neighbour = state.neighbours.get(peer);
    if (neighbour !== undefined) neighbour.inStepRound = round;
  }
  settled(run);
  if (round < lastRound(state)) send(run, peersUp(state), { type: 'rejoin', round });
  jumpTo(run, round, params);
}

function doubt(state: PeerState, { answers }: Belief): string {
  const others = answersOf(state).filter(({ peer }) => peer !== answers[0]?.peer);
  if (others.length === 0) return 'nobody else has answered';
  const rounds = others.map(({ peer, round }) => `${peer} is in round ${round}`);
  return `no other is near: ${rounds.slice(0, 8).join(', ')}`;
}

function settled({ state, actions }: Run): void {
  if (state.pulling !== undefined) {
    state.pulling.decided = true;
    state.pulling.answers.clear();
    delete state.pulling.before;
  }
  actions.push({ kind: 'clearTimer', name: 'confirm' }, { kind: 'clearTimer', name: 'pull-again' });
}

/** To the last question, or to the first where that one has none yet. */
function answersOf({ pulling }: PeerState): StateAnswer[] {
  const { answers, before } = pulling ?? {};
  return [...((answers?.size === 0 ? before : answers)?.values() ?? [])];
}

function beliefOf(state: PeerState): Belief | undefined {
  const { round, config } = state;
  const slackRounds = Math.max(1, ...config.context.aheadMax.values());
  return believe(answersOf(state), {
    ownRound: round,
    slackRounds,
    reach: (of) => reachRounds(state, of),
  });
}

/** Peers in step are apart by the hops between them, and go on while they answer; others have no common pace. */
function reachRounds({ config }: PeerState, round: number): number {
  const hops = config.diameter + 1;
  return config.rule.synchronous ? hops : Math.max(hops, round / 2);
}

/** Notes that the neighbour's round `round` was one that this peer could mix. */
export function meetInStep({ config, round: own }: PeerState, neighbour: Neighbour, round: number): void {
  const aheadMax = config.context.aheadMax.get(neighbour.peer) ?? 1;
  if (round <= own + aheadMax) neighbour.inStepRound = Math.max(neighbour.inStepRound, Math.min(round, own));
}
