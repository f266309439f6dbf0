/**
 * The service beside the rule: when a peer's rounds are over, it finds with all others, exactly, what the experiment asks for
 * (exchange/aggregation.ts), in stages: the mean of the params, then counts, sums, means and extremes of metrics, then `end`, in which peers
 * only tell that they are through. A stage is over when all that took part have settled; who hears of a later stage and has settled knows that it
 * is. A peer whose rounds go on passes on what it hears. Nothing waits without a deadline: who shows no sign for `patienceMs` is left out, and
 * what does not settle then is reported as not exact, and the peer's own params stay.
 */
import { present } from '../base/assert.ts';
import {
  AGGREGATE_KIND,
  aggregateShape,
  decodeAggregate,
  encodeAggregate,
  stageOf,
} from '../exchange/aggregate-message.ts';
import {
  type Aggregation,
  CHECKS,
  columnsOf,
  createAggregation,
  enter,
  flows,
  isAgreed,
  isEverybody,
  judge,
  leaveOutMissing,
  linkDown,
  linkUp,
  lose,
  receive,
  tell,
  tryAgainIfStuck,
} from '../exchange/aggregation.ts';
import { metricsReport } from '../exchange/metrics.ts';
import type { MessageShape, RuleMessage } from '../exchange/rule.ts';
import { precisionOf, zeros } from '../params/layout.ts';
import { assertShape } from '../wire/message.ts';
import type { AggregatePlan, FinishReason, PeerConfig, PeerEvent } from './machine.ts';
import { end, type Run, refuse, send } from './run.ts';
import type { Service, StageKind } from './service.ts';
import type { PeerState } from './state.ts';

/** Between two tellings. */
const PAUSE_MIN_MS = 10;
/** Where nothing is heard, the pause doubles from the one to the other. */
const QUIET_MIN_MS = 50;
const QUIET_MAX_MS = 1_000;
/** Mass that flows settles or not: nobody is waited for any more. */
const SETTLE_PATIENCE_MS = 60_000;
const TELL = 'aggregate';
const PATIENCE = 'aggregate-patience';
const LOST = 'aggregate-lost.';

/** The messages that peers of this config send each other: the rule's, and the service's. */
export function messagesOf({
  rule,
  aggregate,
  peerCount,
}: Pick<PeerConfig, 'rule' | 'aggregate' | 'peerCount'>): Readonly<Record<string, MessageShape>> {
  if (aggregate === undefined) return rule.messages;
  const count = aggregate.metrics.length;
  const { params } = aggregate;
  const shape = aggregateShape(peerCount, {
    extremesMax: count,
    columnsMax: 2 * count + CHECKS,
    params,
  });
  return { ...rule.messages, [AGGREGATE_KIND]: shape };
}

/** The rounds are over: the peer takes part with what it has. False where nothing is to be aggregated. */
export function beginService(run: Run, reason: FinishReason): boolean {
  const plan = run.state.config.aggregate;
  if (plan === undefined) return false;
  const service = ensure(run, plan);
  service.reason = reason;
  service.progressMs = run.now;
  run.actions.push({ kind: 'setTimer', name: PATIENCE, delayMs: plan.patienceMs });
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
  const service = ensure(run, plan);
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
  const { service, config } = run.state;
  if (service === undefined || !name.startsWith(TELL)) return false;
  if (name === PATIENCE) patienceOver(run, service, present(config.aggregate, 'plan').patienceMs);
  else if (name === TELL) {
    service.dueMs = undefined;
    tellAll(run, service);
    goOn(run, service);
  } else lost(run, service, Number(name.slice(LOST.length)));
  return true;
}

function ensure(run: Run, plan: AggregatePlan): Service {
  const { state } = run;
  if (state.service !== undefined) return state.service;
  const stages: StageKind[] = [
    ...(plan.params ? (['params'] as const) : []),
    ...(plan.metrics.length > 0 ? (['metrics'] as const) : []),
    'end',
  ];
  const service: Service = {
    stages,
    stage: 0,
    aggregation: aggregationOf(state, plan, stages, 0, linksOf(state)),
    reason: undefined,
    heard: new Set(),
    toldMs: run.now,
    quietMs: QUIET_MIN_MS,
    news: true,
    dueMs: undefined,
    progressMs: run.now,
    leastError: Number.POSITIVE_INFINITY,
    finished: false,
  };
  state.service = service;
  for (const { peer, up, left } of state.neighbours.values()) {
    if (left) lose(service.aggregation, peer);
    else if (!up) awaitReturn(run, peer);
  }
  return service;
}

function linksOf({ neighbours }: PeerState): Map<number, number> {
  return new Map([...neighbours.values()].filter(({ up }) => up).map((one) => [one.peer, one.incarnation]));
}

function aggregationOf(
  { config, params }: PeerState,
  plan: AggregatePlan,
  stages: readonly StageKind[],
  stage: number,
  links: ReadonlyMap<number, number>,
): Aggregation {
  const { self, seed, peerCount, context } = config;
  const { outNeighbours, inNeighbours } = context;
  const kind = present(stages[stage], 'stage');
  const sizes = { params: params.length, metrics: 2 * plan.metrics.length, end: 0 };
  const extremes = kind === 'metrics' ? plan.metrics.length : 0;
  const { tolerance } = plan;
  const graph = { self, seed, peerCount, outNeighbours, inNeighbours };
  return createAggregation({ ...graph, stage, size: sizes[kind], extremes, tolerance }, links);
}

function kindOf({ stages, stage }: Service): StageKind {
  return present(stages[stage], 'stage');
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

function noteProgress({ now }: Run, service: Service): void {
  service.progressMs = now;
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

function tellAll(run: Run, service: Service): void {
  const { aggregation, heard } = service;
  const { config, params, round } = run.state;
  tryAgainIfStuck(aggregation);
  const shape = messagesOf(config)[AGGREGATE_KIND];
  for (const { to, message: told } of tell(aggregation)) {
    const message = encodeAggregate(told, round);
    assertShape(message, shape, params);
    send(run, to, { type: 'exchange', message });
  }
  service.quietMs =
    heard.size > 0 && flows(aggregation) ? QUIET_MIN_MS : Math.min(2 * service.quietMs, QUIET_MAX_MS);
  service.toldMs = run.now;
  service.news = false;
  heard.clear();
}

function schedule({ state, actions, now }: Run, service: Service): void {
  const { aggregation, heard, news, toldMs, quietMs } = service;
  const isThrough = kindOf(service) === 'end' && isEverybody(aggregation) && !news;
  if (isThrough) {
    if (service.dueMs !== undefined) actions.push({ kind: 'clearTimer', name: TELL });
    service.dueMs = undefined;
    return;
  }
  const up = state.config.context.inNeighbours.filter((peer) => aggregation.links.has(peer)).length;
  const isAnswered = flows(aggregation) && heard.size >= Math.max(1, up / 2);
  const dueMs = toldMs + (news || isAnswered ? PAUSE_MIN_MS : quietMs);
  if (service.dueMs !== undefined && service.dueMs <= Math.max(dueMs, now)) return;
  service.dueMs = dueMs;
  actions.push({ kind: 'setTimer', name: TELL, delayMs: Math.max(0, dueMs - now) });
}

function awaitReturn({ state, actions }: Run, peer: number): void {
  const { context, gatherMs } = state.config;
  const { downGraceMs, ceilingMs } = context.deadline;
  const graceMs = context.linkLossMeansSilence ? downGraceMs : ceilingMs;
  // One that has only just started waits for all its neighbours.
  const delayMs = state.service?.reason === undefined && state.phase === 'gathering' ? gatherMs : graceMs;
  actions.push({ kind: 'setTimer', name: `${LOST}${peer}`, delayMs });
}

function lost(run: Run, service: Service, peer: number): void {
  lose(service.aggregation, peer);
  service.news = true;
  goOn(run, service);
}

function patienceOver(run: Run, service: Service, patienceMs: number): void {
  const { aggregation, progressMs, finished } = service;
  if (finished) return;
  const everybody = isEverybody(aggregation);
  const limitMs = everybody ? Math.min(patienceMs, SETTLE_PATIENCE_MS) : patienceMs;
  const leftMs = progressMs + limitMs - run.now;
  if (leftMs <= 0) {
    noteProgress(run, service);
    if (!everybody) {
      const missing = leaveOutMissing(aggregation);
      const detail = `went on without ${missing.join(', ')}, which have not ended their rounds`;
      run.actions.push({
        kind: 'notice',
        what: 'aggregate-without',
        peer: undefined,
        round: run.state.round,
        detail,
      });
      service.news = true;
    } else conclude(run, service);
    goOn(run, service);
  }
  if (!service.finished)
    run.actions.push({
      kind: 'setTimer',
      name: PATIENCE,
      delayMs: Math.max(leftMs, leftMs > 0 ? 1 : Math.min(patienceMs, SETTLE_PATIENCE_MS)),
    });
}
