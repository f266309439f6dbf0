/** What the service (aggregate.ts) says to the neighbours, and when. */
import { AGGREGATE_KIND, aggregateShape, encodeAggregate } from '../exchange/aggregate-message.ts';
import { flows, isEverybody, tell, tryAgainIfStuck } from '../exchange/aggregation.ts';
import type { MessageShape } from '../exchange/rule.ts';
import { CHECKS } from '../exchange/weight-error.ts';
import { assertShape } from '../wire/message.ts';
import type { PeerConfig } from './machine.ts';
import { type Run, send } from './run.ts';
import { kindOf, QUIET_MIN_MS, type Service } from './service.ts';

export const TELL = 'aggregate';
/** Between two tellings. */
const PAUSE_MIN_MS = 10;
const QUIET_MAX_MS = 1_000;

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

export function tellAll(run: Run, service: Service): void {
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

/** Sets the timer of the next telling, if there is to be one. */
export function schedule({ state, actions, now }: Run, service: Service): void {
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
