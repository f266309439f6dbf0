/** From the `faults` block of an experiment to the typed schedule: names become indices, times milliseconds, draws faults. */
import type { Problem } from '../base/errors.ts';
import { nearest, shown } from '../base/schema-problems.ts';
import { type FaultScene, scheduleProblems } from './check.ts';
import { drawSchedule } from './draw.ts';
import type { Fault, FaultSchedule } from './fault.ts';
import type { FaultsBlock, WrittenFault } from './schema.ts';
import { instantsOf, timeText } from './spans.ts';

/** `seed`: the experiment's, for a block without one of its own. Undefined after a problem, and where the block asks for nothing. */
export function resolveFaults(
  block: FaultsBlock,
  seed: number,
  scene: FaultScene,
  problems: Problem[],
): FaultSchedule | undefined {
  const found: Problem[] = [];
  const resolved = block.schedule === undefined ? written(block, seed, scene, found) : recorded(block, found);
  const { schedule, places } = resolved;
  // An unknown name has no index to check; the others are.
  const named = found.map(({ path }) => path);
  const more = schedule === undefined ? [] : scheduleProblems(schedule, scene, places);
  found.push(...more.filter(({ path }) => !named.some((known) => known === path)));
  problems.push(...found);
  return found.length > 0 || schedule.faults.length === 0 ? undefined : schedule;
}

/** Said where the length of the run is not known: which faults may come too late. */
export function faultWarnings({ faults }: FaultSchedule, runMs: number | undefined): string[] {
  const instants = faults.flatMap((fault) => instantsOf(fault).map(({ atMs, verb }) => ({ atMs, verb })));
  const last = Math.max(0, ...instants.map(({ atMs }) => atMs));
  if (runMs !== undefined || last === 0) return [];
  // What begins and has no end goes on with the run.
  const goesOn = instants.some(({ atMs, verb }) => atMs === last && verb === 'begins');
  const planned = goesOn
    ? `begins at ${timeText(last)} and goes on to the end`
    : `is planned for ${timeText(last)}`;
  return [
    `the last fault ${planned}, and the run ends by rounds or its goal, whenever that is: what is planned for later does not happen, but restarts and late joins are waited for; set stop.seconds to be sure`,
  ];
}

interface Resolved {
  readonly schedule: FaultSchedule;
  /** Where each fault was written. */
  readonly places: readonly string[];
}

function recorded({ schedule, ...others }: FaultsBlock, problems: Problem[]): Resolved {
  const beside = Object.entries(others).filter(([, value]) => value !== undefined);
  for (const [key] of beside)
    problems.push({
      path: `faults.${key}`,
      message: 'stands beside schedule, which is complete',
      suggestion: 'remove one',
    });
  const places = schedule?.faults.map((_, index) => `faults.schedule.faults.${index}`) ?? [];
  return { schedule: schedule as FaultSchedule, places };
}

function written(block: FaultsBlock, ownSeed: number, scene: FaultScene, problems: Problem[]): Resolved {
  const { seed = ownSeed, loss, duplicate, corrupt, delay, jitter, list = [], draw } = block;
  const placed: (readonly [string, Fault])[] = [];
  for (const [kind, probability] of Object.entries({ loss, duplicate, corrupt }) as [
    'loss',
    number | undefined,
  ][])
    if (probability !== undefined && probability > 0)
      placed.push([`faults.${kind}`, { kind, probability, fromMs: 0 }]);
  if (delay !== undefined || jitter !== undefined) {
    const more = jitter === undefined ? {} : { jitterMs: jitter };
    placed.push(['faults.delay', { kind: 'delay', extraMs: delay ?? 0, ...more, fromMs: 0 }]);
  }
  for (const [index, fault] of list.entries()) {
    const place = `faults.list.${index}`;
    placed.push([place, faultOf(fault, { place, scene, problems })]);
  }
  if (draw !== undefined) {
    const { until: untilMs, seed: drawSeed = seed, ...asked } = draw;
    const counts = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
    const options = { ...(counts as { intensity: 'mild' | 'harsh' }), untilMs, seed: drawSeed };
    for (const fault of drawSchedule(options, scene.names.length, scene.arcs).faults)
      placed.push(['faults.draw', fault]);
  }
  return {
    schedule: { seed, faults: placed.map(([, fault]) => fault) },
    places: placed.map(([place]) => place),
  };
}

interface Naming {
  readonly place: string;
  readonly scene: FaultScene;
  readonly problems: Problem[];
}

function faultOf(fault: WrittenFault, naming: Naming): Fault {
  const one = (peer: number | string): number => indexOf(peer, 'peer', naming);
  switch (fault.kind) {
    case 'loss':
    case 'duplicate':
    case 'corrupt':
      return { kind: fault.kind, probability: fault.probability, ...spanOf(fault), ...arcsOf(fault, naming) };
    case 'reorder': {
      const { kind, probability, by: byMs } = fault;
      return { kind, probability, byMs, ...spanOf(fault), ...arcsOf(fault, naming) };
    }
    case 'delay': {
      const jitter = fault.jitter === undefined ? {} : { jitterMs: fault.jitter };
      return { kind: 'delay', extraMs: fault.extra, ...jitter, ...spanOf(fault), ...arcsOf(fault, naming) };
    }
    case 'bandwidth':
      return { kind: 'bandwidth', factor: fault.factor, ...spanOf(fault), ...arcsOf(fault, naming) };
    case 'partition': {
      const { kind, symmetric, silent } = fault;
      const [from, to] = [indicesOf(fault.from, 'from', naming), indicesOf(fault.to, 'to', naming)];
      return { kind, from, to, symmetric, silent, ...spanOf(fault) };
    }
    case 'crash': {
      const restart = fault.restartAt === undefined ? {} : { restartMs: fault.restartAt };
      return { kind: 'crash', peer: one(fault.peer), atMs: fault.at, ...restart };
    }
    case 'pause':
      return { kind: 'pause', peer: one(fault.peer), ...spanOf(fault) };
    case 'slow':
      return { kind: 'slow', peer: one(fault.peer), factor: fault.factor, ...spanOf(fault) };
    case 'clock': {
      const rate = fault.rate === undefined ? {} : { rate: fault.rate };
      return { kind: 'clock', peer: one(fault.peer), offsetMs: fault.offset, ...rate, ...spanOf(fault) };
    }
    case 'join':
    case 'leave':
      return { kind: fault.kind, peer: one(fault.peer), atMs: fault.at };
    case 'availability': {
      const { kind, share, memory, correlation, slot: slotMs, off } = fault;
      const all = naming.scene.names.map((_, peer) => peer);
      const peers = fault.peers === undefined ? all : indicesOf(fault.peers, 'peers', naming);
      return { kind, peers, share, memory, correlation, slotMs, off, ...spanOf(fault) };
    }
  }
}

function spanOf({ after, until }: { readonly after: number; readonly until?: number | undefined }) {
  return { fromMs: after, ...(until === undefined ? {} : { toMs: until }) };
}

type Peers = readonly (number | string)[] | undefined;

function arcsOf({ from, to }: { readonly from?: Peers; readonly to?: Peers }, naming: Naming) {
  return {
    ...(from === undefined ? {} : { from: indicesOf(from, 'from', naming) }),
    ...(to === undefined ? {} : { to: indicesOf(to, 'to', naming) }),
  };
}

/** Ascending, each once. */
function indicesOf(peers: readonly (number | string)[], key: string, naming: Naming): number[] {
  return [...new Set(peers.map((peer) => indexOf(peer, key, naming)))].sort((a, b) => a - b);
}

function indexOf(peer: number | string, key: string, { place, scene, problems }: Naming): number {
  if (typeof peer === 'number') return peer;
  const index = scene.names.indexOf(peer);
  if (index >= 0) return index;
  const near = nearest(peer, scene.names);
  const count = scene.names.length;
  const known = count <= 12 ? `the peers are ${scene.names.join(', ')}` : `give its index, 0 to ${count - 1}`;
  const suggestion = near === undefined ? known : `did you mean ${near}?`;
  problems.push({ path: `${place}.${key}`, message: `there is no peer named ${shown(peer)}`, suggestion });
  return -1;
}
