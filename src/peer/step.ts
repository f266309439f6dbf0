/**
 * The peer's life: gather neighbours, do the rounds the rule asks for, catch up when behind, finish.
 * `step` is the only entrance; it is a function of (state, event, now): no I/O, no promises, no clock, no chance of its own.
 */
import { assert, unreachable } from '../base/assert.ts';
import { AGGREGATE_KIND } from '../exchange/aggregate-message.ts';
import { allFinite } from '../params/kernels.ts';
import type { Vector } from '../params/layout.ts';
import {
  measured,
  serviceLinkDown,
  serviceLinkUp,
  serviceTimer,
  stopService,
  takeAggregate,
} from './aggregate.ts';
import { learn, reachGoal } from './agreement.ts';
import {
  answerPull,
  askAlso,
  askNoMore,
  decide,
  decideOrAskAnew,
  isBehind,
  meetInStep,
  repeatPull,
  resendTo,
  retryTo,
  sendAgain,
  takeState,
  tellWhereWeAre,
} from './catch-up.ts';
import type { PeerAction, PeerEvent } from './machine.ts';
import {
  askForState,
  beginRound,
  everybodyUp,
  feed,
  finish,
  isHandingOver,
  peersUp,
  persist,
} from './rounds.ts';
import { end, Run, refuse, send } from './run.ts';
import { firstTime, meetIncarnation, type PeerState } from './state.ts';
import { ruleTimer } from './timer-names.ts';

/** Rounds in a row whose local updates may come to nothing; more are no accident. */
const DIVERGED_MAX = 2;

/** Performs one event at driver time `now` (ms). The state is changed in place; the actions are to be performed in order. */
export function step(state: PeerState, event: PeerEvent, now: number): readonly PeerAction[] {
  assert((state.phase === 'new') === (event.kind === 'start'), () => `${event.kind} in phase ${state.phase}`);
  const run = new Run(state, now);
  handle(run, event);
  state.events += 1;
  return run.actions;
}

function handle(run: Run, event: PeerEvent): void {
  switch (event.kind) {
    case 'start':
      return start(run, event);
    case 'trained':
      return trained(run, event);
    case 'received':
      return received(run, event);
    case 'sendFailed':
      return sendFailed(run, event);
    case 'linkUp':
      return linkUp(run, event);
    case 'linkDown':
      return linkDown(run, event.peer);
    case 'timer':
      return timer(run, event.name);
    case 'measured':
      return measured(run, event);
    case 'goal':
      return reachGoal(run.state, event.goal);
    case 'stop':
      return stop(run);
    default:
      return unreachable(event);
  }
}

function start(run: Run, event: PeerEvent & { kind: 'start' }): void {
  const { state } = run;
  state.incarnation = event.incarnation;
  state.round = event.round;
  state.params = event.params;
  for (const neighbour of state.neighbours.values()) neighbour.inStepRound = event.round;
  const { incarnation, ruleSnapshot: snapshot } = event;
  const life = snapshot === undefined ? { incarnation } : { incarnation, snapshot };
  state.ruleState = state.config.rule.init(state.config.context, event.round, life);
  state.phase = 'gathering';
  run.actions.push({ kind: 'announce', round: state.round });
  if (state.round >= state.config.rounds) finish(run, 'rounds');
  else if (state.neighbours.size === 0) gathered(run);
  else run.actions.push({ kind: 'setTimer', name: 'gather', delayMs: state.config.gatherMs });
}

/** A stalled or reset stream, a full queue: while the link is up, a round's message is worth one more try. */
function sendFailed(run: Run, { to, sequence }: PeerEvent & { kind: 'sendFailed' }): void {
  const neighbour = run.state.neighbours.get(to);
  if (neighbour === undefined || !neighbour.up || !retryTo(run, neighbour, sequence)) {
    feed(run, { kind: 'sendFailed', to });
  }
}

function linkUp(run: Run, event: PeerEvent & { kind: 'linkUp' }): void {
  const { state } = run;
  const neighbour = state.neighbours.get(event.peer);
  if (neighbour === undefined) return;
  neighbour.up = true;
  neighbour.left = false;
  meetIncarnation(neighbour, event.incarnation);
  const { peer, incarnation, round } = event;
  feed(run, { kind: 'neighbour', peer, status: 'up', round, incarnation });
  serviceLinkUp(run, peer, incarnation);
  resendTo(run, neighbour, event.round);
  askAlso(run, neighbour);
  if (state.phase === 'gathering' && state.alone) {
    state.alone = false;
    run.actions.push({ kind: 'setTimer', name: 'gather', delayMs: state.config.gatherMs });
  }
  // A peer that finds the others too far ahead does not wait for the rest.
  if (isBehind(state, event.peer, event.round)) return askForState(run, event.round);
  if (state.phase === 'gathering' && !state.pulling && everybodyUp(state)) gathered(run);
}

function linkDown(run: Run, peer: number): void {
  const { state } = run;
  const neighbour = state.neighbours.get(peer);
  if (neighbour === undefined) return;
  neighbour.up = false;
  const { incarnation } = neighbour;
  feed(run, { kind: 'neighbour', peer, status: 'down', round: state.round, incarnation });
  serviceLinkDown(run, peer, false);
  askNoMore(run, peer);
}

/** A neighbour says goodbye: nobody waits for it, and it may come back as after any absence. */
function left(run: Run, peer: number, round: number, incarnation: number): void {
  const { state } = run;
  const neighbour = state.neighbours.get(peer);
  if (neighbour === undefined || neighbour.left) return;
  neighbour.up = false;
  neighbour.left = true;
  run.actions.push({ kind: 'notice', what: 'left', peer, round });
  feed(run, { kind: 'neighbour', peer, status: 'down', left: true, round: state.round, incarnation });
  serviceLinkDown(run, peer, true);
  askNoMore(run, peer);
  if (state.phase === 'gathering' && state.pulling === undefined && everybodyUp(state)) gathered(run);
}

/** Ends the gathering: whoever is not here is left out until it comes. */
function gathered(run: Run): void {
  run.actions.push({ kind: 'clearTimer', name: 'gather' });
  run.actions.push({ kind: 'notice', what: 'gathered', peer: undefined, round: run.state.round });
  beginRound(run);
}

function trained(run: Run, event: PeerEvent & { kind: 'trained' }): void {
  const { state } = run;
  if (event.token !== state.awaitedToken) return; // the round it belonged to was left
  state.awaitedToken = undefined;
  state.note.trainMs += run.now - state.trainAskedMs;
  state.note.loss = event.loss;
  state.note.gradientSquaredNorm = event.gradientSquaredNorm;
  const { behindRound } = state;
  state.behindRound = undefined;
  const params = soundParams(run, event.params);
  if (params === undefined) return;
  if (behindRound !== undefined && behindRound > state.round) askForState(run, behindRound);
  feed(run, { kind: 'trained', params });
}

/**
 * Params that are not finite help nobody: the round's local updates are left out, and what a neighbour or chance did may heal. Undefined
 * where that happens too often in a row: the driver is told.
 */
function soundParams({ state, actions }: Run, params: Vector): Vector | undefined {
  const { trainingFrom, round } = state;
  if (allFinite(params)) {
    state.divergedInRow = 0;
    return params;
  }
  state.divergedInRow += 1;
  if (state.divergedInRow > DIVERGED_MAX) {
    actions.push({ kind: 'diverged', round });
    return undefined;
  }
  const detail = `params became NaN or infinite: this round's local updates are left out (${state.divergedInRow} in a row)`;
  actions.push({ kind: 'notice', what: 'diverged', peer: undefined, round, detail });
  return trainingFrom;
}

function received(run: Run, { name, message, exclusive }: PeerEvent & { kind: 'received' }): void {
  const { state } = run;
  const { from } = name;
  const neighbour = state.neighbours.get(from);
  if (neighbour === undefined) return refuse(run, from, 'not-a-neighbour');
  if (!firstTime(neighbour, name.incarnation, name.sequence)) return refuse(run, from, 'duplicate');
  switch (message.type) {
    case 'exchange':
      if (!neighbour.isIn) return refuse(run, from, 'not-a-neighbour');
      if (message.message.kind === AGGREGATE_KIND) return takeAggregate(run, from, message.message);
      learn(state, message.agreement);
      meetInStep(state, neighbour, message.message.round);
      feed(run, {
        kind: 'received',
        from,
        incarnation: name.incarnation,
        message: message.message,
        ...(exclusive === true ? { exclusive } : {}),
      });
      return tellWhereWeAre(run, from, message.message.round);
    case 'pull':
      return answerPull(run, neighbour);
    case 'again':
      return sendAgain(run, neighbour, message.round);
    case 'state':
      if (state.pulling !== undefined) learn(state, message.agreement);
      return takeState(run, neighbour, message.round, message.params);
    case 'rejoin':
      feed(run, {
        kind: 'neighbour',
        peer: from,
        status: 'returning',
        round: message.round,
        incarnation: name.incarnation,
      });
      if (isBehind(state, from, message.round)) askForState(run, message.round);
      return;
    case 'leave':
      return left(run, from, message.round, name.incarnation);
    default:
      return unreachable(message);
  }
}

function timer(run: Run, name: string): void {
  const { state } = run;
  const ofRule = ruleTimer(name);
  if (ofRule !== undefined) {
    feed(run, { kind: 'timer', name: ofRule });
    return leaveOn(run);
  }
  if (serviceTimer(run, name)) return;
  if (name === 'confirm') return decideOrAskAnew(run);
  if (name === 'pull-again') return repeatPull(run);
  if (name === 'pull') {
    decide(run);
    state.pulling = undefined;
  }
  if (state.phase === 'gathering') gatheredEnough(run);
}

/** Whoever is missing is left out; but where nobody is there, some peers would rather not begin. */
function gatheredEnough(run: Run): void {
  const { state, actions } = run;
  const { round, config } = state;
  const { aloneMs } = config;
  if (aloneMs === undefined || peersUp(state).length > 0) return gathered(run);
  if (state.alone) return stop(run);
  state.alone = true;
  const detail = `waits ${aloneMs} ms more for somebody, then stops`;
  actions.push({ kind: 'notice', what: 'nobody', peer: undefined, round, detail });
  actions.push({ kind: 'setTimer', name: 'gather', delayMs: aloneMs });
}

/** Who is asked a second time goes at once, whatever it still has to hand over. */
function stop(run: Run): void {
  const { state } = run;
  if (state.done) return;
  if (state.phase === 'finished') {
    stopService(run);
    end(run, 'stopped');
  } else {
    persist(run);
    finish(run, 'stopped');
  }
  sayGoodbye(run);
}

/** While it hands over it says goodbye again and again: who has not heard it would go on giving to it. */
function leaveOn(run: Run): void {
  const { state } = run;
  if (!state.leaving || state.done) return;
  if (!isHandingOver(state)) end(run, 'stopped');
  sayGoodbye(run);
}

function sayGoodbye(run: Run): void {
  send(run, peersUp(run.state), { type: 'leave', round: run.state.round });
}
