/**
 * The service beside the rule: when a peer's rounds are over, it finds with all others, exactly, what the experiment asks for
 * (exchange/aggregation.ts), in stages: the mean of the params, then counts, sums, means and extremes of metrics, then `end`, in which peers
 * only tell that they are through. A stage is over when all that took part have settled; who hears of a later stage and has settled knows that it
 * is. A peer whose rounds go on passes on what it hears. Nothing waits without a deadline: who shows no sign for `patienceMs` is left out (for
 * `ceilingMs` where no neighbour is there any more), and
 * what does not settle then is reported as not exact, and the peer's own params stay.
 */
import { present } from '../base/assert.ts';
import { decodeAggregate, stageOf } from '../exchange/aggregate-message.ts';
import {
  columnsOf,
  enter,
  isAgreed,
  isEverybody,
  judge,
  leaveOutMissing,
  linkDown,
  linkUp,
  lose,
  receive,
} from '../exchange/aggregation.ts';
import { metricsReport } from '../exchange/metrics.ts';
import type { RuleMessage } from '../exchange/rule.ts';
import { precisionOf, zeros } from '../params/layout.ts';
import type { AggregatePlan, FinishReason, PeerEvent } from './machine.ts';
import { end, type Run, refuse } from './run.ts';
import { kindOf, QUIET_MIN_MS, type Service } from './service.ts';
import { aggregationOf, awaitReturn, ensureService, LOST } from './stages.ts';
import { schedule, TELL, tellAll } from './telling.ts';

/** Mass that flows settles or not: nobody is waited for any more. */
const SETTLE_PATIENCE_MS = 60_000;
const PATIENCE = 'aggregate-patience';

/** The rounds are over: the peer takes part with what it has. False where nothing is to be aggregated. */
export function beginService(run: Run, reason: FinishReason): boolean {
  const plan = run.state.config.aggregate;
  if (plan === undefined) return false;
  const service = ensureService(run, plan);
  service.reason = reason;
  service.progressMs = run.now;
  watch(run, service);
  enterStage(run, service);
  goOn(run, service);
  return true;
}

/** An operator asks the peer to stop: it keeps what it has. */
export function stopService({ state, actions }: Run): void {
  for (const name of [TELL, PATIENCE]) actions.push({ kind: 'clearTimer', name });
  if (state.service !== undefined) state.service.finished = true;
}

export function measured(run: Run, { values }: PeerEvent & { kind: 'measured' }): void {
  const { service } = run.state;
  if (service === undefined || kindOf(service) !== 'metrics' || service.aggregation.own !== undefined) return;
  const columns = new Float64Array(service.aggregation.options.size);
  for (const [index, value] of values.entries()) if (value !== null) columns.set([1, value], 2 * index);
  enter(service.aggregation, { values: columns, extremes: values.map((value) => value ?? Number.NaN) });
  service.news = true;
  goOn(run, service);
}

export function takeAggregate(run: Run, from: number, message: RuleMessage): void {
  const plan = run.state.config.aggregate;
  if (plan === undefined) return refuse(run, from, 'unexpected');
  const service = ensureService(run, plan);
  const named = stageOf(message);
  if (named === undefined) return refuse(run, from, 'malformed', `numbers ${message.numbers.join(', ')}`);
  if (named.stage >= service.stages.length)
    return refuse(run, from, 'impossible', `stage ${named.stage} of ${service.stages.length}`);
  // All have settled in the stages before.
  while (named.stage > service.stage && service.aggregation.agreed !== undefined) conclude(run, service);
  service.heard.add(from);
  if (named.stage < service.stage) service.news = true;
  else if (named.stage === service.stage && !takeTold(run, service, from, message)) return;
  goOn(run, service);
}

export function serviceLinkUp(run: Run, peer: number, incarnation: number): void {
  const { service } = run.state;
  if (service === undefined) return;
  run.actions.push({ kind: 'clearTimer', name: `${LOST}${peer}` });
  linkUp(service.aggregation, peer, incarnation);
  service.news = true;
  goOn(run, service);
}

/** `left`: it said goodbye, and nobody waits for it to come back. */
export function serviceLinkDown(run: Run, peer: number, left: boolean): void {
  const { service } = run.state;
  if (service === undefined) return;
  linkDown(service.aggregation, peer);
  if (left) lost(run, service, peer);
  else awaitReturn(run, peer);
}

/** Whether the timer is the service's. */
export function serviceTimer(run: Run, name: string): boolean {
  const { service } = run.state;
  if (service === undefined || !name.startsWith(TELL)) return false;
  if (name === PATIENCE) patienceOver(run, service);
  else if (name === TELL) {
    service.dueMs = undefined;
    tellAll(run, service);
    goOn(run, service);
  } else lost(run, service, Number(name.slice(LOST.length)));
  return true;
}

/** Brings what this stage is about, if the peer's rounds are over. */
function enterStage(run: Run, service: Service): void {
  const { state, actions } = run;
  const { aggregation, reason } = service;
  if (reason === undefined) return;
  const kind = kindOf(service);
  if (kind === 'metrics') {
    actions.push({ kind: 'measure', params: state.params });
    return;
  }
  const values = kind === 'params' ? Float64Array.from(state.params) : new Float64Array(0);
  enter(aggregation, { values, extremes: [] });
  service.news = true;
  if (kind !== 'end' || service.finished) return;
  service.finished = true;
  actions.push({ kind: 'clearTimer', name: PATIENCE });
  end(run, reason);
}

/** False where the message is refused. */
function takeTold(run: Run, service: Service, from: number, message: RuleMessage): boolean {
  const { aggregation } = service;
  const { peerCount, extremes } = aggregation.options;
  const decoded = decodeAggregate(message, { peerCount, extremes, size: columnsOf(aggregation.options) });
  if (typeof decoded === 'string') {
    refuse(run, from, 'malformed', decoded);
    return false;
  }
  const received = receive(aggregation, from, decoded);
  if (!received.ok) {
    refuse(run, from, received.reason, received.detail);
    return received.reason === 'duplicate' || received.reason === 'stale';
  }
  if (received.news) noteProgress(run, service);
  service.news ||= received.news;
  return true;
}

/** Settles what can be settled, and sees to it that the others hear of it. */
function goOn(run: Run, service: Service): void {
  if (judge(service.aggregation)) service.news = true;
  const { leastError } = service.aggregation.progress;
  if (leastError < service.leastError) noteProgress(run, service);
  service.leastError = leastError;
  while (service.reason !== undefined && kindOf(service) !== 'end' && isAgreed(service.aggregation))
    conclude(run, service);
  schedule(run, service);
}

/** Ends the stage with what it came to, and begins the next. */
function conclude(run: Run, service: Service): void {
  const { state } = run;
  const plan = present(state.config.aggregate, 'plan');
  report(run, service, plan);
  const { links, gone } = service.aggregation;
  service.stage += 1;
  service.leastError = Number.POSITIVE_INFINITY;
  service.aggregation = aggregationOf(state, plan, service.stages, service.stage, links);
  for (const peer of gone) service.aggregation.gone.add(peer);
  service.news = true;
  service.quietMs = QUIET_MIN_MS;
  service.progressMs = run.now;
  enterStage(run, service);
}

function report({ state, actions }: Run, { aggregation, stages, stage }: Service, plan: AggregatePlan): void {
  const { agreed, attempt, entered } = aggregation;
  const common = {
    exact: agreed !== undefined,
    silos: [...entered],
    attempts: attempt,
    ...(agreed === undefined ? {} : { weightError: agreed.weightError }),
  };
  if (stages[stage] === 'metrics') {
    const metrics =
      agreed === undefined
        ? {}
        : metricsReport(plan.metrics, agreed.mean, aggregation.extremes, entered.size);
    actions.push({ kind: 'aggregated', report: { of: 'metrics', ...common, metrics } });
    return;
  }
  actions.push({ kind: 'aggregated', report: { of: 'params', ...common } });
  if (agreed === undefined) return;
  const params = zeros(precisionOf(state.params), state.params.length);
  params.set(agreed.mean);
  state.params = params;
  actions.push({ kind: 'evaluate', round: state.round, params });
}

function noteProgress({ now }: Run, service: Service): void {
  service.progressMs = now;
}

function lost(run: Run, service: Service, peer: number): void {
  lose(service.aggregation, peer);
  service.news = true;
  if (isCutOff(run, service)) watch(run, service);
  goOn(run, service);
}

/** Whether no neighbour is there any more, nor waited for: the others ended while this peer was away, or cannot be reached. */
function isCutOff({ state }: Run, { aggregation }: Service): boolean {
  const { links, gone } = aggregation;
  return links.size === 0 && [...state.neighbours.keys()].every((peer) => gone.has(peer));
}

/** How long nothing may change: as long as a neighbour is waited for where there is none. */
function patienceOf(run: Run, service: Service): number {
  const { aggregate, context } = run.state.config;
  const { patienceMs } = present(aggregate, 'plan');
  if (isEverybody(service.aggregation)) return Math.min(patienceMs, SETTLE_PATIENCE_MS);
  return isCutOff(run, service) ? Math.min(patienceMs, context.deadline.ceilingMs) : patienceMs;
}

function watch(run: Run, service: Service): void {
  if (service.reason === undefined || service.finished) return;
  const leftMs = service.progressMs + patienceOf(run, service) - run.now;
  run.actions.push({ kind: 'setTimer', name: PATIENCE, delayMs: Math.max(1, leftMs) });
}

function patienceOver(run: Run, service: Service): void {
  if (service.finished) return;
  if (service.progressMs + patienceOf(run, service) <= run.now) {
    const isAlone = isCutOff(run, service);
    noteProgress(run, service);
    if (isEverybody(service.aggregation)) conclude(run, service);
    else goOnWithout(run, service, isAlone);
    goOn(run, service);
  }
  watch(run, service);
}

function goOnWithout({ state, actions }: Run, service: Service, isAlone: boolean): void {
  const missing = leaveOutMissing(service.aggregation);
  const why = isAlone ? 'no neighbour is there any more' : 'which have not ended their rounds';
  const detail = `went on without ${missing.join(', ')}${isAlone ? ': ' : ', '}${why}`;
  actions.push({ kind: 'notice', what: 'aggregate-without', peer: undefined, round: state.round, detail });
  service.news = true;
}
