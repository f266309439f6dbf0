/**
 * `timing` of an overlay file, how a round over it goes (overlay.ts, Timing):
 * `{kind: gossip}`, `{kind: star, hub}`, `{kind: pipelined, staleness: [[i, j, rounds], …]}`, or
 * `{kind: random, barrier, draw: {kind: groups, groups: [{chance, arcs}, …]} | {kind: circle, fanout} | {kind: phases}}`.
 */
import { z } from 'zod';
import type { Problem } from '../base/errors.ts';
import { type Arc, arcsMax, type Timing } from './overlay.ts';

const index = z.int().min(0);
/** More rounds than any pipeline is deep. */
const staleRoundsMax = 10_000;

const drawSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('groups'),
    groups: z
      .array(
        z.strictObject({
          chance: z.number().min(0).max(1),
          arcs: z.array(z.tuple([index, index])).max(arcsMax),
        }),
      )
      .max(arcsMax),
  }),
  z.strictObject({ kind: z.literal('circle'), fanout: z.int().min(1) }),
  z.strictObject({ kind: z.literal('phases') }),
]);

export const timingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('gossip') }),
  z.strictObject({ kind: z.literal('star'), hub: index }),
  z.strictObject({
    kind: z.literal('pipelined'),
    staleness: z.array(z.tuple([index, index, z.int().min(1).max(staleRoundsMax)])).max(arcsMax),
  }),
  z.strictObject({ kind: z.literal('random'), barrier: z.boolean(), draw: drawSchema }),
]);

interface Timed {
  readonly nodeCount: number;
  readonly directed: boolean;
  /** As listed, without those of a schedule. */
  readonly arcs: readonly Arc[];
  readonly schedule?: readonly (readonly Arc[])[] | undefined;
}

/** What of a timing of the right shape does not go with its overlay. */
export function timingProblems(timing: Timing, timed: Timed): Problem[] {
  switch (timing.kind) {
    case 'gossip':
      return [];
    case 'star':
      return starProblems(timing.hub, timed);
    case 'pipelined':
      return pipelineProblems(timing.staleness, timed);
    case 'random':
      return drawProblems(timing.draw, timed);
  }
}

function starProblems(hub: number, { nodeCount, arcs, schedule }: Timed): Problem[] {
  const path = 'timing.hub';
  if (hub >= nodeCount) return [{ path, message: `got ${hub}, wanted a node from 0 to ${nodeCount - 1}` }];
  if (schedule !== undefined) return [{ path, message: 'a star has no schedule; leave out one of the two' }];
  const away = arcs.find(([from, to]) => from !== hub && to !== hub);
  if (away === undefined) return [];
  return [{ path, message: `got ${hub}, but arc [${away.join(', ')}] does not meet it` }];
}

function pipelineProblems(
  staleness: Extract<Timing, { kind: 'pipelined' }>['staleness'],
  { nodeCount, directed, arcs, schedule }: Timed,
): Problem[] {
  if (schedule !== undefined) {
    return [
      { path: 'timing', message: 'stale arcs are for an overlay of arcs, and this one has a schedule' },
    ];
  }
  const key = (from: number, to: number) => from * nodeCount + to;
  const known = new Set(arcs.flatMap(([a, b]) => (directed ? [key(a, b)] : [key(a, b), key(b, a)])));
  const seen = new Set<number>();
  return staleness.flatMap(([from, to], position) => {
    const path = `timing.staleness.${position}`;
    if (from >= nodeCount || to >= nodeCount || !known.has(key(from, to))) {
      return [{ path, message: `got [${from}, ${to}, …], which is none of the arcs` }];
    }
    if (seen.size === seen.add(key(from, to)).size) {
      return [{ path, message: `the rounds of [${from}, ${to}] are given twice` }];
    }
    return [];
  });
}

function drawProblems(
  draw: Extract<Timing, { kind: 'random' }>['draw'],
  { nodeCount, schedule }: Timed,
): Problem[] {
  if (schedule === undefined && nodeCount > 1) {
    const message = 'random rounds want a schedule of drawn rounds beside them: what a run repeats';
    return [{ path: 'schedule', message }];
  }
  if (draw.kind === 'circle' && draw.fanout >= nodeCount) {
    const message = `got ${draw.fanout}, wanted fewer than the ${nodeCount} nodes`;
    return [{ path: 'timing.draw.fanout', message }];
  }
  if (draw.kind !== 'groups') return [];
  return draw.groups.flatMap(({ arcs }, group) =>
    arcs.flatMap(([from, to], position) => {
      if (from < nodeCount && to < nodeCount && from !== to) return [];
      const path = `timing.draw.groups.${group}.arcs.${position}`;
      return [{ path, message: `got [${from}, ${to}], wanted two nodes from 0 to ${nodeCount - 1}` }];
    }),
  );
}
