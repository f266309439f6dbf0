/** How the service (aggregate.ts) and each of its stages begin. */
import { present } from '../base/assert.ts';
import { type Aggregation, createAggregation, lose } from '../exchange/aggregation.ts';
import type { AggregatePlan } from './machine.ts';
import type { Run } from './run.ts';
import { QUIET_MIN_MS, type Service, type StageKind } from './service.ts';
import type { PeerState } from './state.ts';

/** Followed by the neighbour whose return is awaited. */
export const LOST = 'aggregate-lost.';

/** The peer's service, made when it is first needed. */
export function ensureService(run: Run, plan: AggregatePlan): Service {
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

/** What a stage begins with. */
export function aggregationOf(
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

/** A neighbour's link is down: it is gone where it is not back in time. */
export function awaitReturn({ state, actions }: Run, peer: number): void {
  const { context, gatherMs } = state.config;
  const { downGraceMs, ceilingMs } = context.deadline;
  const graceMs = context.linkLossMeansSilence ? downGraceMs : ceilingMs;
  // One that has only just started waits for all its neighbours.
  const delayMs = state.service?.reason === undefined && state.phase === 'gathering' ? gatherMs : graceMs;
  actions.push({ kind: 'setTimer', name: `${LOST}${peer}`, delayMs });
}
