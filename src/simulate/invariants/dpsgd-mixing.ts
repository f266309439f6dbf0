/**
 * D-PSGD mixes what it says it mixes: x = Σⱼ Wᵢⱼ xⱼ over exactly the neighbours that it does not record as left out, each with its
 * message of this round (never an older or a later one), the weight of those left out given to self. Recomputed here from what was
 * delivered. Runs that allow staleness are not judged.
 *
 * With backups at most so many are left out as late; of a neighbour that has passed the round the newest message may stand in; and a peer
 * that sent no model for a round (it was late) mixes its params before the updates, z, and sends z + (what its updates changed) for the next.
 */
import { JOIN_ROUNDS_MAX } from '../../exchange/barrier-state.ts';
import { phaseOf } from '../../exchange/phases.ts';
import type { Vector } from '../../params/layout.ts';
import type { PeerAction, PeerConfig } from '../../peer/machine.ts';
import type { Invariant } from './invariant.ts';

/** Rounds of a neighbour's messages that are remembered beyond the one this peer is in. */
const ROUNDS_KEPT = 64;
const RELATIVE_ERROR_MAX = 1e-5;

interface Watched {
  /** Per neighbour and round, what was delivered: a peer that restarted may have sent a round twice. */
  readonly heard: Map<number, Map<number, Vector[]>>;
  /** The training whose result counts: a peer that adopts a state gives up the one under way. */
  token: number | undefined;
  from: Vector | undefined;
  /** What its updates came to; `from` again where that was not finite. */
  trained: Vector | undefined;
  /** The last round that it sent a model for in this life. */
  sentRound: number;
}

export const dpsgdMixing: Invariant = {
  name: 'dpsgd-mixing',
  summary:
    'params after a round are the mix of this round’s models of exactly those neighbours that were not left out',
  watch({ peers, violate }) {
    if (!peers.every(judged)) return undefined;
    const watched = peers.map(
      (): Watched => ({
        heard: new Map(),
        token: undefined,
        from: undefined,
        trained: undefined,
        sentRound: -1,
      }),
    );
    return {
      onStep(peer, event, actions, state, nowMs) {
        const one = watched[peer] as Watched;
        const config = peers[peer] as PeerConfig;
        if (event.kind === 'start') {
          one.heard.clear();
          one.sentRound = -1;
        }
        if (event.kind === 'trained' && event.token === one.token)
          one.trained = event.params.every(Number.isFinite) ? event.params : one.from;
        if (event.kind === 'received' && event.message.type === 'exchange') {
          const { round, vectors } = event.message.message;
          hear(one, event.name.from, round, vectors[0] as Vector);
        }
        for (const [at, action] of actions.entries()) {
          if (action.kind === 'train') Object.assign(one, { token: action.token, from: action.params });
          const model = modelIn(action);
          if (model !== undefined) one.sentRound = Math.max(one.sentRound, model.round);
          if (action.kind !== 'record') continue;
          const { outNeighbours } = phaseOf(config.context, action.note.round);
          const isLate = outNeighbours.length > 0 && one.sentRound < action.note.round;
          const problem = isLate
            ? judgeLate(config, one, action, { actions: actions.slice(at), after: state.params })
            : judge(config, one, action, state.params);
          if (problem !== undefined) violate(nowMs, peer, `round ${action.note.round}: ${problem}`);
        }
        forgetBefore(one, state.round);
      },
    };
  },
};

function judged({ rule, context: { options } }: PeerConfig): boolean {
  const { staleness = 0, variant } = options as { staleness?: number; variant?: string };
  return rule.name === 'dpsgd' && staleness === 0 && variant === 'adapt-then-mix';
}

function hear(one: Watched, from: number, round: number, vector: Vector): void {
  const rounds = one.heard.get(from) ?? new Map<number, Vector[]>();
  one.heard.set(from, rounds);
  rounds.set(round, [...(rounds.get(round) ?? []), vector]);
}

function forgetBefore(one: Watched, round: number): void {
  for (const rounds of one.heard.values())
    for (const old of rounds.keys()) if (old < round || old > round + ROUNDS_KEPT) rounds.delete(old);
}

/** The model that it sends by this action; undefined where it sends none. */
function modelIn(action: PeerAction): { round: number; vector: Vector } | undefined {
  if (action.kind !== 'send' || action.message.type !== 'exchange') return undefined;
  const { kind, round, vectors } = action.message.message;
  return kind === 'model' ? { round, vector: vectors[0] as Vector } : undefined;
}

/** What is wrong with the round that has just been recorded; `after` are the params it gave. */
function judge(
  config: PeerConfig,
  one: Watched,
  action: PeerAction & { kind: 'record' },
  after: Vector,
): string | undefined {
  const mixes = mixesOf(config, one, action, one.trained);
  if (typeof mixes === 'string') return mixes;
  return mixes.some((expected) => near(expected, after))
    ? undefined
    : 'its params are not the mix of these models';
}

/** The same for a round that it was late for: what it sends for the next one says what came of this one, or its last params do. */
function judgeLate(
  config: PeerConfig,
  one: Watched,
  action: PeerAction & { kind: 'record' },
  { actions, after }: { actions: readonly PeerAction[]; after: Vector },
): string | undefined {
  if (backupsOf(config) === 0) return 'it sent no model for it';
  const { from, trained } = one;
  const mixes = mixesOf(config, one, action, from);
  if (typeof mixes === 'string') return mixes;
  const next = actions.map(modelIn).find((model) => model?.round === action.note.round + 1);
  if (next === undefined)
    return mixes.some((expected) => near(expected, after))
      ? undefined
      : 'it was late, and its params are not the mix of these models with those before its updates';
  one.trained = next.vector;
  const withWork = mixes.map((mixed) =>
    mixed.map((value, at) => value + ((trained?.[at] ?? 0) - (from?.[at] ?? 0))),
  );
  return withWork.some((expected) => near(expected, next.vector))
    ? undefined
    : 'it was late, and what it sends for the next round is not the mix of these models and its late updates';
}

function backupsOf({ context: { options } }: PeerConfig): number {
  return (options as { backups?: number }).backups ?? 0;
}

/** What the params after this round may be, with `own` as the peer's own part; what is wrong where there is nothing to mix. */
function mixesOf(
  config: PeerConfig,
  one: Watched,
  { note }: PeerAction & { kind: 'record' },
  own: Vector | undefined,
): Float64Array[] | string {
  const { context } = config;
  const late = note.excluded.filter(({ reason }) => reason === 'late').length;
  if (late > backupsOf(config)) return `it left out ${late} neighbours as late`;
  const out = new Set(note.excluded.map(({ peer }) => peer));
  const parts: { weight: number; candidates: readonly Vector[] }[] = [];
  const { inNeighbours, mixingRow } = phaseOf(context, note.round);
  let ownWeight = mixingRow.get(context.self) ?? 0;
  for (const neighbour of inNeighbours) {
    const weight = mixingRow.get(neighbour) ?? 0;
    if (out.has(neighbour)) {
      ownWeight += weight;
      continue;
    }
    const candidates = candidatesOf(config, one.heard.get(neighbour), note.round);
    if (candidates.length === 0)
      return `neighbour ${neighbour} is neither left out nor was its model of this round delivered`;
    parts.push({ weight, candidates });
  }
  if (own === undefined) return 'it was done without training';
  return combinations(parts.map(({ candidates }) => candidates)).map((chosen) =>
    mix(
      ownWeight,
      own,
      parts.map(({ weight }, index) => [weight, chosen[index] as Vector]),
    ),
  );
}

/** The models of a neighbour that may be mixed in `round`: those of the round and, with backups, the newest of those it passed it with. */
function candidatesOf(
  config: PeerConfig,
  heard: ReadonlyMap<number, readonly Vector[]> | undefined,
  round: number,
): readonly Vector[] {
  const ofRound = heard?.get(round) ?? [];
  if (heard === undefined || backupsOf(config) === 0) return ofRound;
  const later = [...heard.keys()].filter((other) => other > round && other <= round + JOIN_ROUNDS_MAX);
  return [...ofRound, ...(heard.get(Math.max(...later)) ?? [])];
}

function combinations(lists: readonly (readonly Vector[])[]): Vector[][] {
  return lists.reduce<Vector[][]>(
    (chosen, list) => chosen.flatMap((before) => list.map((next) => [...before, next])),
    [[]],
  );
}

function mix(ownWeight: number, own: Vector, others: readonly (readonly [number, Vector])[]): Float64Array {
  return Float64Array.from(own, (value, index) =>
    others.reduce((sum, [weight, vector]) => sum + weight * (vector[index] ?? 0), ownWeight * value),
  );
}

function near(expected: Float64Array, got: Vector): boolean {
  return expected.every(
    (value, index) =>
      Math.abs(value - (got[index] ?? 0)) <= RELATIVE_ERROR_MAX * Math.max(1, Math.abs(value)),
  );
}
