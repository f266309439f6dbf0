/**
 * The peer's rounds: gives the rule its events, performs what it asks for, records what a round was, and begins the next.
 */
import { assert, unreachable } from '../base/assert.ts';
import type { RuleAction, RuleEvent } from '../exchange/rule.ts';
import type { Vector } from '../params/layout.ts';
import { assertShape, type PeerMessage } from '../wire/message.ts';
import { beginService } from './aggregate.ts';
import { agreementOf, endOf, lastRound } from './agreement.ts';
import type { FinishReason, RoundNote } from './machine.ts';
import { end, type Run, refuse, send } from './run.ts';
import { keepSent, type PeerState } from './state.ts';
import { timerName } from './timer-names.ts';

const NO_SNAPSHOT = new Uint8Array(0);

/** Gives the rule an event and performs what it asks for. */
export function feed(run: Run, event: RuleEvent): void {
  const { rule } = run.state.config;
  for (const action of rule.step(run.state.ruleState, event, run)) perform(run, action);
}

/** Starts the round that the state names, from its params. */
export function beginRound(run: Run): void {
  const { state } = run;
  state.phase = 'running';
  state.note = { beganMs: run.now, trainMs: 0, loss: Number.NaN, gradientSquaredNorm: Number.NaN };
  feed(run, { kind: 'begin', round: state.round, params: state.params });
}

/** Leaves what it was doing and goes on at `round` with these params. */
export function jumpTo(run: Run, round: number, params: Vector): void {
  const { state, actions } = run;
  state.round = round;
  state.params = params;
  state.awaitedToken = undefined;
  state.behindRound = undefined;
  actions.push({ kind: 'clearTimer', name: 'gather' }, { kind: 'announce', round });
  if (round < lastRound(state)) return beginRound(run);
  actions.push({ kind: 'evaluate', round, params });
  persist(run);
  finish(run, endOf(state));
}

export function finish(run: Run, reason: FinishReason): void {
  const { state } = run;
  state.phase = 'finished';
  state.awaitedToken = undefined;
  feed(run, reason === 'stopped' ? { kind: 'end', leaves: true } : { kind: 'end' });
  if (reason !== 'stopped') {
    if (!beginService(run, reason)) end(run, reason);
  } else if (isHandingOver(state)) state.leaving = true;
  else end(run, reason);
}

/** Whether the rule of a peer that leaves is not through. */
export function isHandingOver({ config: { rule }, ruleState }: PeerState): boolean {
  return rule.isLeaving?.(ruleState) === true;
}

/**
 * Asks every neighbour that is up for its state, unless that is under way. `seenRound` is where somebody else is. A training that
 * runs is finished first: a peer that is slower than the others would otherwise never finish one, and never be known as slow.
 */
export function askForState(run: Run, seenRound: number): void {
  const { state, actions } = run;
  const asked = peersUp(state);
  if (state.pulling !== undefined || state.phase === 'finished' || asked.length === 0) return;
  if (state.awaitedToken !== undefined) {
    state.behindRound = seenRound;
    return;
  }
  state.pulling = { seenRound, asked: new Set(asked), answers: new Map(), repeats: 0, decided: false };
  actions.push({ kind: 'notice', what: 'behind', peer: undefined, round: seenRound });
  send(run, asked, { type: 'pull', round: state.round });
  const { pullTimeoutMs } = state.config;
  actions.push({ kind: 'setTimer', name: 'pull', delayMs: pullTimeoutMs });
  actions.push({ kind: 'setTimer', name: 'pull-again', delayMs: pullTimeoutMs / 8 });
}

export function peersUp(state: PeerState): number[] {
  return [...state.neighbours.values()].filter(({ up }) => up).map(({ peer }) => peer);
}

export function everybodyUp(state: PeerState): boolean {
  const { notExpected } = state.config;
  for (const { peer, up, left } of state.neighbours.values())
    if (!up && !left && notExpected?.includes(peer) !== true) return false;
  return true;
}

/** Asks for a checkpoint of where the peer is. */
export function persist({ state, actions }: Run): void {
  const { round, params, ruleState, config } = state;
  const ruleSnapshot = config.rule.snapshot?.(ruleState) ?? NO_SNAPSHOT;
  actions.push({ kind: 'persist', round, params, ruleSnapshot });
}

function perform(run: Run, action: RuleAction): void {
  const { actions } = run;
  switch (action.kind) {
    case 'train':
      return train(run, action.params);
    case 'send':
      return sendRuleMessage(run, action);
    case 'setTimer':
      actions.push({ kind: 'setTimer', name: timerName(action.name), delayMs: action.delayMs });
      return;
    case 'clearTimer':
      actions.push({ kind: 'clearTimer', name: timerName(action.name) });
      return;
    case 'refuse':
      return refuse(run, action.from, action.reason, action.detail);
    case 'halfExchange':
      return noteHalfExchange(run, action);
    case 'ask':
      return ask(run, action);
    case 'behind':
      return askForState(run, action.round);
    case 'complete':
      return complete(run, action);
    default:
      return unreachable(action);
  }
}

function noteHalfExchange({ state, actions }: Run, action: RuleAction & { kind: 'halfExchange' }): void {
  const { peer, drift } = action;
  const detail = drift === undefined ? 'no answer came' : `moved alone by ${drift.toPrecision(4)}`;
  const moved = drift === undefined ? {} : { drift };
  actions.push({ kind: 'notice', what: 'half-exchange', peer, round: state.round, detail, ...moved });
}

function train(run: Run, params: Vector): void {
  const { state } = run;
  if (state.phase === 'finished') return;
  const token = state.nextToken++;
  state.awaitedToken = token;
  state.trainAskedMs = run.now;
  state.trainingFrom = params;
  const steps = state.config.stepsPerRound;
  run.actions.push({ kind: 'train', token, params, firstStep: state.round * steps, steps });
}

function sendRuleMessage(run: Run, { to, message }: RuleAction & { kind: 'send' }): void {
  const { state } = run;
  const { rule } = state.config;
  assertShape(message, rule.messages[message.kind], state.params);
  const agreement = agreementOf(state);
  const sent: PeerMessage =
    agreement === undefined ? { type: 'exchange', message } : { type: 'exchange', message, agreement };
  const sequence = send(run, to, sent);
  if (!rule.synchronous) return;
  for (const peer of to) {
    const neighbour = state.neighbours.get(peer);
    if (neighbour === undefined) continue;
    keepSent(neighbour, { sequence, round: message.round, message: sent, retried: false, askedFor: 0 });
  }
}

/** Who is not linked sends again by itself when it is. */
function ask(run: Run, { of, round }: RuleAction & { kind: 'ask' }): void {
  const { neighbours } = run.state;
  send(
    run,
    of.filter((peer) => neighbours.get(peer)?.up === true),
    { type: 'again', round },
  );
}

function complete(run: Run, action: RuleAction & { kind: 'complete' }): void {
  const { state, actions } = run;
  if (state.phase === 'finished') return;
  assert(action.round >= state.round, () => `rule completed round ${action.round} in round ${state.round}`);
  const { config, round: before } = state;
  state.round = action.round;
  actions.push({ kind: 'record', note: noteOf(state, run.now, action.excluded) });
  state.round += 1;
  state.params = action.params;
  const { round, params } = state;
  const last = round >= lastRound(state);
  actions.push({ kind: 'announce', round });
  const passes = (every: number) => Math.floor(round / every) > Math.floor(before / every);
  if (last || passes(config.evaluateEveryRounds)) actions.push({ kind: 'evaluate', round, params });
  if (last || passes(config.checkpointEveryRounds)) persist(run);
  if (last) finish(run, endOf(state));
  else beginRound(run);
}

function noteOf({ round, note }: PeerState, endedMs: number, excluded: RoundNote['excluded']): RoundNote {
  const { beganMs, trainMs, loss, gradientSquaredNorm } = note;
  return { round, beganMs, trainMs, loss, gradientSquaredNorm, endedMs, excluded };
}
