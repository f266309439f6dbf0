/**
 * One exact mean over the peers of a run, however many messages are lost: each peer brings a vector once, and all come to Σ vᵢ / n over the n
 * that brought one. Mass flows as running sums (mass.ts; Hadjicostis, Vaidya, Domínguez-García 2016). It begins to flow when everybody has
 * entered or is known to be gone; who has entered spreads with every message, a set that only grows.
 *
 * How a peer knows that its mean is exact: weight-error.ts.
 *
 * Mass is lost with a peer that dies, or starts again without it: whoever notices begins another attempt, in which everybody brings its vector
 * again (Jelasity, Montresor, Babaoglu 2005, §4.1: restarting by epochs). The highest attempt counts; there are ATTEMPTS_MAX.
 */
import type { AggregateMessage } from './aggregate-message.ts';
import { type Arcs, createArcs, groupsOf, neighbourDown, neighbourUp } from './arcs.ts';
import {
  createMass,
  createTaken,
  give,
  type Mass,
  type Taken,
  take,
  tellsCarry,
  WEIGHTS_MAX,
} from './mass.ts';
import { uniteExtremes } from './metrics.ts';
import { PeerSet } from './peer-set.ts';
import type { RuleRefusal } from './rule.ts';
import { CHECKS, type Checks, checksOf, createChecks, weightErrorOf } from './weight-error.ts';

export const ATTEMPTS_MAX = 32;

export interface AggregationOptions {
  readonly self: number;
  readonly seed: number;
  readonly peerCount: number;
  readonly outNeighbours: readonly number[];
  readonly inNeighbours: readonly number[];
  readonly stage: number;
  /** Elements of what each peer brings; 0: it only says that it is there. */
  readonly size: number;
  /** Columns of which the least and the most are found, beside the means. */
  readonly extremes: number;
  /** Of weightError. */
  readonly tolerance: number;
}

export interface Contribution {
  readonly values: Float64Array;
  /** One per column of extremes; NaN: none. */
  readonly extremes: readonly number[];
}

/** What a peer has come to. */
export interface Agreed {
  readonly mean: Float64Array;
  readonly weightError: number;
}

export interface Aggregation {
  readonly options: AggregationOptions;
  /** Neighbours whose link is up, with their lives. */
  readonly links: Map<number, number>;
  readonly checks: Checks;
  attempt: number;
  entered: PeerSet;
  gone: PeerSet;
  settled: PeerSet;
  extremes: Float64Array;
  mass: Mass;
  arcs: Arcs;
  taken: Map<number, Taken>;
  own: Contribution | undefined;
  /** Since it has settled in this attempt. */
  agreed: Agreed | undefined;
  weightError: number;
  /** The least weightError that counted as progress, and how often mass was given since. */
  progress: { leastError: number; gifts: number };
}

export type Received =
  /** `news`: somebody has entered, is gone or has settled, or the attempt is a new one. */
  | { readonly ok: true; readonly news: boolean }
  | { readonly ok: false; readonly reason: RuleRefusal; readonly detail: string };

export function createAggregation(
  options: AggregationOptions,
  links: ReadonlyMap<number, number>,
): Aggregation {
  const kept = { options, links: new Map(links), checks: createChecks(options.seed), own: undefined };
  const aggregation = kept as unknown as Aggregation; // begin adds the rest
  begin(aggregation, 1, new PeerSet(options.peerCount));
  return aggregation;
}

/** This peer brings its vector. */
export function enter(aggregation: Aggregation, own: Contribution): void {
  aggregation.own = own;
  bring(aggregation, own);
}

/** Elements of a running sum. */
export function columnsOf({ size }: Pick<AggregationOptions, 'size'>): number {
  return size === 0 ? 0 : size + CHECKS;
}

/** Whether everybody has entered or is gone. */
export function isEverybody({ entered, gone, options }: Aggregation): boolean {
  return entered.size + gone.size >= options.peerCount;
}

/** Whether mass flows here. */
export function flows(aggregation: Aggregation): boolean {
  return aggregation.options.size > 0 && (isEverybody(aggregation) || aggregation.progress.gifts > 0);
}

/** Whether all that have entered have settled, this peer among them. */
export function isAgreed(aggregation: Aggregation): boolean {
  const { entered, settled, agreed, options } = aggregation;
  if (!isEverybody(aggregation) || !entered.has(options.self)) return false;
  return options.size === 0 || (agreed !== undefined && settled.size === entered.size);
}

export function linkUp(aggregation: Aggregation, peer: number, incarnation: number): void {
  const before = aggregation.links.get(peer);
  aggregation.links.set(peer, incarnation);
  neighbourUp(aggregation.arcs, peer, incarnation);
  if (before !== undefined && before !== incarnation) restarted(aggregation, peer);
}

/** The link is down; whether the peer is gone shows later. */
export function linkDown(aggregation: Aggregation, peer: number): void {
  neighbourDown(aggregation.arcs, peer);
}

/** A neighbour has been away too long, or said goodbye. */
export function lose(aggregation: Aggregation, peer: number): void {
  const { entered, gone } = aggregation;
  aggregation.links.delete(peer);
  linkDown(aggregation, peer);
  if (flows(aggregation) || entered.has(peer)) {
    if (isAgreed(aggregation)) return;
    gone.add(peer);
    tryAgain(aggregation);
    return;
  }
  gone.add(peer);
}

/** Whoever has not entered by now is left out; the peers. */
export function leaveOutMissing({ entered, gone, options }: Aggregation): readonly number[] {
  const missing: number[] = [];
  for (let peer = 0; peer < options.peerCount; peer++)
    if (!entered.has(peer) && gone.add(peer)) missing.push(peer);
  return missing;
}

export function receive(aggregation: Aggregation, from: number, message: AggregateMessage): Received {
  const { attempt } = message;
  if (attempt < 1 || attempt > ATTEMPTS_MAX)
    return refused('impossible', `attempt ${attempt} of ${ATTEMPTS_MAX}: nobody can be there`);
  if (attempt < aggregation.attempt) return { ok: true, news: true }; // it will hear where we are
  if (message.extremes.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY))
    return refused('impossible', 'an extreme that is not finite');
  let news = attempt > aggregation.attempt;
  if (news) begin(aggregation, attempt, aggregation.gone);
  news = unite(aggregation, message) || news;
  return takeSum(aggregation, from, message) ?? { ok: true, news };
}

/** What to say now, and to whom; gives mass where it flows. */
export function tell(aggregation: Aggregation): { to: readonly number[]; message: AggregateMessage }[] {
  const { options, attempt, entered, gone, settled, extremes, arcs } = aggregation;
  const sets = { entered: entered.copy(), gone: gone.copy(), settled: settled.copy() };
  const common = { stage: options.stage, attempt, ...sets, extremes: extremes.slice() };
  const up = arcs.all.flatMap((arc) => (arc.up ? [arc.peer] : []));
  if (up.length === 0) return [];
  if (!flows(aggregation) || !giveShares(aggregation))
    return [{ to: up, message: { ...common, sum: undefined } }];
  return groupsOf(arcs, columnsOf(options)).map(({ sum, arcs: members }) => {
    const { part, partZ: z, carry, carryZ, epoch, count } = sum;
    const told = { epoch, count, z, carryZ, part, carry: tellsCarry(sum) ? carry : undefined };
    return { to: members.map(({ peer }) => peer), message: { ...common, sum: told } };
  });
}

/** Looks whether this peer's mean is exact enough by now; true when it has just settled. */
export function judge(aggregation: Aggregation): boolean {
  const { entered, settled, mass, options, progress } = aggregation;
  if (options.size === 0 || !flows(aggregation)) return false;
  aggregation.weightError = weightErrorOf(aggregation.checks, entered, mass);
  if (aggregation.weightError < progress.leastError / 2) {
    progress.leastError = aggregation.weightError;
    progress.gifts = Math.min(progress.gifts, 1);
  }
  const isExact = aggregation.weightError <= options.tolerance && isEverybody(aggregation);
  if (!isExact || !entered.has(options.self) || !settled.add(options.self)) return false;
  const mean = mass.y.slice(0, options.size);
  for (let at = 0; at < mean.length; at++) mean[at] = mean[at]! / mass.z;
  aggregation.agreed = { mean, weightError: aggregation.weightError };
  return true;
}

/** Begins another attempt where this one comes to nothing: some mass is lost. */
export function tryAgainIfStuck(aggregation: Aggregation): boolean {
  const { progress, options, agreed } = aggregation;
  // On a ring, the slowest graph, the error halves in about n²/5 gifts.
  const giftsMax = 100 + options.peerCount ** 2;
  return agreed === undefined && progress.gifts > giftsMax && tryAgain(aggregation);
}

function begin(aggregation: Aggregation, attempt: number, gone: PeerSet): void {
  const { options, links, own } = aggregation;
  const { peerCount, inNeighbours, outNeighbours, extremes } = options;
  aggregation.attempt = attempt;
  aggregation.entered = new PeerSet(peerCount);
  aggregation.settled = new PeerSet(peerCount);
  aggregation.gone = gone;
  aggregation.extremes = new Float64Array(2 * extremes).fill(Number.NaN);
  aggregation.mass = createMass(columnsOf(options));
  aggregation.arcs = createArcs(outNeighbours);
  aggregation.taken = new Map(inNeighbours.map((peer) => [peer, createTaken()]));
  aggregation.agreed = undefined;
  aggregation.weightError = Number.POSITIVE_INFINITY;
  aggregation.progress = { leastError: Number.POSITIVE_INFINITY, gifts: 0 };
  for (const [peer, incarnation] of links) neighbourUp(aggregation.arcs, peer, incarnation);
  if (own !== undefined) bring(aggregation, own);
}

function bring(aggregation: Aggregation, { values, extremes }: Contribution): void {
  const { options, entered, gone, mass } = aggregation;
  entered.add(options.self);
  gone.delete(options.self);
  forgetSettled(aggregation);
  uniteExtremes(
    aggregation.extremes,
    extremes.flatMap((value) => [value, value]),
  );
  if (options.size === 0) return;
  const checks = checksOf(aggregation.checks, options.self);
  for (let at = 0; at < mass.y.length; at++)
    mass.y[at]! += at < options.size ? values[at]! : checks[at - options.size]!;
  mass.z += 1;
}

function tryAgain(aggregation: Aggregation): boolean {
  const { attempt, gone } = aggregation;
  if (attempt >= ATTEMPTS_MAX) return false;
  begin(aggregation, attempt + 1, gone);
  return true;
}

/** What a neighbour's earlier life held is lost with it. */
function restarted(aggregation: Aggregation, peer: number): void {
  const touched = aggregation.entered.has(peer) || flows(aggregation);
  if (touched && !isAgreed(aggregation)) tryAgain(aggregation);
}

function unite(aggregation: Aggregation, message: AggregateMessage): boolean {
  const { entered, gone, settled } = aggregation;
  const sameBefore = message.entered.isSuperset(entered);
  let news = entered.addAll(message.entered);
  // Who has settled did so for those that had entered.
  if (news) forgetSettled(aggregation);
  const isSame = message.entered.size === entered.size;
  if (isSame && (sameBefore || !news)) news = settled.addAll(message.settled) || news;
  const { self } = aggregation.options;
  for (const peer of message.gone) if (peer !== self && !entered.has(peer)) news = gone.add(peer) || news;
  for (const peer of message.entered) gone.delete(peer);
  uniteExtremes(aggregation.extremes, message.extremes);
  return news;
}

function forgetSettled(aggregation: Aggregation): void {
  aggregation.settled = new PeerSet(aggregation.options.peerCount);
  aggregation.agreed = undefined;
  aggregation.progress.leastError = Number.POSITIVE_INFINITY;
}

/** Undefined where there was none, or it was taken. */
function takeSum(
  aggregation: Aggregation,
  from: number,
  { attempt, sum }: AggregateMessage,
): Received | undefined {
  const { mass, taken: all, options, progress } = aggregation;
  const taken = all.get(from);
  if (sum === undefined || taken === undefined) return undefined;
  const { epoch, count, z: partZ, part, carry, carryZ } = sum;
  // The attempt is the sums' life: with it they begin anew.
  const offer = {
    incarnation: 0,
    life: attempt,
    startCount: 0,
    epoch,
    count,
    partZ,
    part,
    exclusive: false,
    carry,
    carryZ,
    reference: undefined,
  };
  switch (take(mass, taken, offer, false, WEIGHTS_MAX * options.peerCount)) {
    case 'impossible':
      return refused('impossible', `weight ${partZ + carryZ}, after ${taken.partZ + taken.carryZ}`);
    case 'overflow':
      return refused('impossible', 'values that, by their weight, are beyond what params can be');
    case 'stale':
      return refused('stale', `sum ${count}, after ${taken.count}`);
    case 'duplicate':
      return refused('duplicate', `sum ${count}, after ${taken.count}`);
    default:
      progress.gifts = Math.max(progress.gifts, 1); // who is given mass passes it on
      return undefined;
  }
}

function refused(reason: RuleRefusal, detail: string): Received {
  return { ok: false, reason, detail };
}

function giveShares({ arcs, mass, options, progress }: Aggregation): boolean {
  const groups = groupsOf(arcs, columnsOf(options));
  const counts = groups.map((group) => group.arcs.length);
  progress.gifts += 1;
  return give(
    mass,
    groups.map(({ sum }) => sum),
    counts,
  );
}
