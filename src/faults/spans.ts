/** Whether the times of a fault make sense, each by itself and against the length of the run. */
import type { Problem } from '../base/errors.ts';
import type { Fault } from './fault.ts';

interface Instant {
  readonly path: string;
  readonly atMs: number;
  readonly verb: string;
}

/** When it begins and, where it ends, when. */
export function instantsOf(fault: Fault): Instant[] {
  if ('atMs' in fault) {
    const first: Instant = { path: 'at', atMs: fault.atMs, verb: 'happens' };
    if (fault.kind !== 'crash' || fault.restartMs === undefined) return [first];
    return [first, { path: 'restartAt', atMs: fault.restartMs, verb: 'ends' }];
  }
  const begins: Instant = { path: 'after', atMs: fault.fromMs, verb: 'begins' };
  return fault.toMs === undefined ? [begins] : [begins, { path: 'until', atMs: fault.toMs, verb: 'ends' }];
}

export function spanProblems(fault: Fault, runMs: number | undefined): Problem[] {
  const instants = instantsOf(fault);
  const negative = instants.filter(({ atMs }) => !(atMs >= 0) || atMs === Number.POSITIVE_INFINITY);
  if (negative.length > 0)
    return negative.map(({ path, atMs }) => ({ path, message: `got ${atMs} ms, wanted a time from 0` }));
  const [begin, end] = instants as [Instant, Instant?];
  if (end !== undefined && end.atMs <= begin.atMs) {
    const suggestion =
      fault.kind === 'crash' ? 'a peer starts again after its crash' : 'swap them, or leave one out';
    const message = `got ${timeText(end.atMs)}, wanted a time after ${begin.path}, which is ${timeText(begin.atMs)}`;
    return [{ path: end.path, message, suggestion }];
  }
  if (runMs === undefined) return [];
  return instants
    .filter(({ atMs, path }) => atMs > runMs || (atMs === runMs && path !== 'until'))
    .map(({ path, atMs, verb }) => ({
      path,
      message: `${verb} at ${timeText(atMs)}, but the run ends after ${timeText(runMs)}`,
      suggestion:
        path === 'until'
          ? 'leave until out, or set stop.seconds higher'
          : 'make it earlier, or set stop.seconds higher',
    }));
}

/** A time as people read it. */
export function timeText(ms: number): string {
  return ms >= 1_000 || ms === 0 ? `${Number((ms / 1_000).toFixed(3))} s` : `${Number(ms.toFixed(3))} ms`;
}
