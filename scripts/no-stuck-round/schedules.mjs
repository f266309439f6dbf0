/** Fault schedules of the kinds that stop other tools: kill, stop and continue, outage, slow, loss, duplicate, corrupt. */
import { drawSchedule } from '../../dist/faults/draw.js';

const KINDS = new Set([
  'crash',
  'leave',
  'join',
  'pause',
  'availability',
  'partition',
  'slow',
  'loss',
  'duplicate',
  'corrupt',
]);
const DRAWS_MAX = 50;

/** Schedule number `index`, every second one harsh; never without a fault. `exclude`: kinds that are left out. */
export function scheduleOf({ seed, index, untilMs, peerCount, arcs, exclude = [] }) {
  const intensity = index % 2 === 0 ? 'mild' : 'harsh';
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const drawn = drawSchedule(
      { seed: seed * 1_000_003 + index * DRAWS_MAX + draw, intensity, untilMs, faults: 2 + (index % 3) },
      peerCount,
      arcs,
    );
    const faults = drawn.faults.filter(({ kind }) => KINDS.has(kind) && !exclude.includes(kind));
    if (faults.length > 0) return { schedule: { seed: drawn.seed, faults }, intensity };
  }
  throw new Error(`no schedule in ${DRAWS_MAX} draws for ${index}`);
}

/** Peers that are away, stopped or slowed by the schedule: the others are the live ones that must go on. */
export function touchedPeers({ faults }) {
  return new Set(
    faults.flatMap((fault) => ('peer' in fault ? [fault.peer] : 'peers' in fault ? fault.peers : [])),
  );
}

/** Whether nobody's data are gone for good: who crashes comes back, and nobody leaves. */
export function keepsAllData({ faults }) {
  return faults.every(
    (fault) =>
      fault.kind !== 'leave' &&
      !(fault.kind === 'crash' && fault.restartMs === undefined) &&
      !(fault.kind === 'pause' && fault.toMs === undefined),
  );
}

/** Instants from which a fault may cost others one deadline each: where it begins, and where it ends. */
export function faultInstants({ faults }) {
  return faults
    .flatMap((fault) => [fault.fromMs ?? fault.atMs, fault.toMs ?? fault.restartMs])
    .filter((atMs) => atMs !== undefined);
}

export function describeFaults({ faults }) {
  const counts = new Map();
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${count} ${kind}`)).join(', ');
}
