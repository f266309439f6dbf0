/** What the parts of the engine share: the peers, the queue of what is to happen to them, and the one way to step. */
import { present } from '../base/assert.ts';
import type { PeerEvent } from '../peer/machine.ts';
import type { Driven, Happening } from './driven.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimulationObserver } from './observer.ts';
import type { SimulationOptions } from './simulation.ts';

export interface Stage {
  readonly driven: readonly Driven[];
  readonly options: SimulationOptions;
  readonly observer: SimulationObserver;
  readonly queue: EventQueue<Happening>;
  /** Steps the peer through the event and performs what it asks for. */
  step(one: Driven, event: PeerEvent, atMs: number): void;
  /** Does now what was planned for the peer. */
  happen(one: Driven, happening: Happening, atMs: number): Promise<void> | undefined;
}

export function peerAt(driven: readonly Driven[], peer: number): Driven {
  return present(driven[peer], () => `peer ${peer}`);
}

/** Has the peer step through the event at an instant, unless its life is over by then. Never, where the instant is infinite. */
export function plan({ queue }: Pick<Stage, 'queue'>, one: Driven, event: PeerEvent, atMs: number): void {
  if (atMs < Number.POSITIVE_INFINITY) queue.push(atMs, one.peer, { kind: 'event', life: one.life, event });
}

/** True milliseconds until the peer's clock has gone on by `delayMs`. */
export function trueDelayMs(
  { faults }: SimulationOptions,
  { peer }: Driven,
  atMs: number,
  delayMs: number,
): number {
  return faults?.trueDelayMs(peer, atMs, delayMs) ?? delayMs;
}
