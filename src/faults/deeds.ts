/**
 * What a schedule does to peers and links, and when: fixed instants sorted once, availability drawn slot by slot as it is asked for.
 */
import { availabilityDeeds } from './availability.ts';
import type { CutDeed, Deed } from './deed.ts';
import type { Fault, FaultSchedule, PartitionFault } from './fault.ts';
import { among } from './selection.ts';

export type Arcs = readonly (readonly [number, number])[];

interface Source {
  next: Deed | undefined;
  readonly rest: Iterator<Deed>;
}

/** Ascending by instant, in the order of the schedule where instants are equal; endless where an availability is. */
export function* deedsOf(schedule: FaultSchedule, arcs: Arcs): Generator<Deed> {
  const fixed = sorted([...schedule.faults.flatMap(peerDeeds), ...cutsOf(schedule, arcs)]);
  const sources = [fixed.values(), ...availabilitySources(schedule)].map(
    (rest): Source => ({ next: taken(rest), rest }),
  );
  for (let first = earliest(sources); first?.next !== undefined; first = earliest(sources)) {
    yield first.next;
    first.next = taken(first.rest);
  }
}

/** Who crashes or stands still and never comes back. */
export function goneForGood({ faults }: FaultSchedule): ReadonlySet<number> {
  const deeds = faults.flatMap(peerDeeds);
  return new Set(deeds.flatMap((deed) => ('peer' in deed && deed.forGood === true ? [deed.peer] : [])));
}

/** Every link that a partition breaks openly, from when to when; spans that touch or overlap are one. */
export function cutsOf({ faults }: FaultSchedule, arcs: Arcs): CutDeed[] {
  const partitions = faults.filter((fault) => fault.kind === 'partition' && !fault.silent);
  if (partitions.length === 0) return [];
  const tests = (partitions as PartitionFault[]).map(({ from, to, fromMs, toMs }) => ({
    from: among(from),
    to: among(to),
    fromMs,
    toMs: toMs ?? Number.POSITIVE_INFINITY,
  }));
  return sorted(
    links(arcs).flatMap((between) => {
      const [a, b] = between;
      const spans = tests.filter(({ from, to }) => (from(a) && to(b)) || (from(b) && to(a)));
      return merged(spans).flatMap(({ fromMs, toMs }): CutDeed[] => {
        const cut: CutDeed = { kind: 'cut', between, atMs: fromMs };
        return toMs === Number.POSITIVE_INFINITY ? [cut] : [cut, { kind: 'heal', between, atMs: toMs }];
      });
    }),
  );
}

/** Each pair once, whichever way its arcs go. */
function links(arcs: Arcs): (readonly [number, number])[] {
  const seen = new Map<string, readonly [number, number]>();
  for (const [a, b] of arcs) {
    const between = a < b ? ([a, b] as const) : ([b, a] as const);
    seen.set(between.join('-'), between);
  }
  return [...seen.values()];
}

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

function merged(spans: readonly Interval[]): Interval[] {
  const found: Interval[] = [];
  for (const { fromMs, toMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = found.at(-1);
    if (last === undefined || fromMs > last.toMs) found.push({ fromMs, toMs });
    else found[found.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, toMs) };
  }
  return found;
}

function peerDeeds(fault: Fault): Deed[] {
  switch (fault.kind) {
    case 'crash': {
      const { peer, atMs, restartMs } = fault;
      const crash: Deed = { kind: 'crash', peer, atMs };
      return restartMs === undefined
        ? [{ ...crash, forGood: true }]
        : [crash, { kind: 'start', peer, atMs: restartMs }];
    }
    case 'pause': {
      const { peer, fromMs, toMs } = fault;
      const pause: Deed = { kind: 'pause', peer, atMs: fromMs };
      return toMs === undefined
        ? [{ ...pause, forGood: true }]
        : [pause, { kind: 'resume', peer, atMs: toMs }];
    }
    case 'leave':
      return [{ kind: 'leave', peer: fault.peer, atMs: fault.atMs }];
    default:
      return [];
  }
}

function availabilitySources({ seed, faults }: FaultSchedule): Iterator<Deed>[] {
  return faults.flatMap((fault, index) =>
    fault.kind === 'availability' ? [availabilityDeeds(fault, seed, index)] : [],
  );
}

/** Stable. */
function sorted<Planned extends Deed>(deeds: Planned[]): Planned[] {
  return deeds.sort((a, b) => a.atMs - b.atMs);
}

function taken(rest: Iterator<Deed>): Deed | undefined {
  const { done, value } = rest.next();
  return done === true ? undefined : value;
}

function earliest(sources: readonly Source[]): Source | undefined {
  let first: Source | undefined;
  for (const source of sources) {
    if (source.next === undefined) continue;
    if (first?.next === undefined || source.next.atMs < first.next.atMs) first = source;
  }
  return first;
}
