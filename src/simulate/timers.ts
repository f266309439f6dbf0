/**
 * Timers of peers in the queue. A timer that is set again and again, always for later, as deadlines are, keeps one entry: when that
 * comes up too early, it is asked for again at the place in the order that the last setting took.
 */
import type { Driven, PeerTimer } from './driven.ts';
import { type Stage, trueDelayMs } from './stage.ts';

export function setTimer(stage: Stage, one: Driven, name: string, delayMs: number, atMs: number): void {
  const dueMs = dueOf(stage, one, delayMs, atMs);
  let timer = one.timers.get(name);
  if (timer === undefined) {
    timer = { dueMs, sequence: 0, entry: 0, entryMs: Number.POSITIVE_INFINITY };
    one.timers.set(name, timer);
  }
  timer.dueMs = dueMs;
  timer.sequence = stage.queue.reserve();
  if (dueMs < timer.entryMs) enter(stage, one, timer, name);
}

/** By a skewed clock a delay is never over early, not even by a rounding: who looks too early would set its timer again for ever. */
function dueOf({ options }: Stage, one: Driven, delayMs: number, atMs: number): number {
  const { faults } = options;
  let dueMs = atMs + trueDelayMs(options, one, atMs, delayMs);
  if (faults === undefined || dueMs === Number.POSITIVE_INFINITY) return dueMs;
  const localMs = faults.clockMs(one.peer, atMs) + delayMs;
  for (let ulpMs = Number.EPSILON * Math.max(1, dueMs); faults.clockMs(one.peer, dueMs) < localMs; ulpMs *= 2)
    dueMs += ulpMs;
  return dueMs;
}

export function clearTimer(one: Driven, name: string): void {
  const timer = one.timers.get(name);
  if (timer !== undefined) timer.dueMs = Number.POSITIVE_INFINITY;
}

/** An entry comes up: true where the timer fires now. */
export function comesUp(
  stage: Stage,
  one: Driven,
  name: string,
  timer: PeerTimer,
  entry: number,
  atMs: number,
): boolean {
  if (timer.entry !== entry) return false;
  timer.entryMs = Number.POSITIVE_INFINITY;
  const { dueMs, sequence } = timer;
  if (dueMs === Number.POSITIVE_INFINITY) return false;
  // A peer that stood still looks at its timers late.
  if (sequence !== entry && dueMs >= atMs) {
    enter(stage, one, timer, name);
    return false;
  }
  timer.dueMs = Number.POSITIVE_INFINITY;
  return true;
}

function enter({ queue }: Stage, one: Driven, timer: PeerTimer, name: string): void {
  const { dueMs, sequence } = timer;
  timer.entry = sequence;
  timer.entryMs = dueMs;
  queue.push(dueMs, one.peer, { kind: 'timer', life: one.life, name, timer, entry: sequence }, sequence);
}
