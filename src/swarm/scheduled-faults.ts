/** Does to the peers of a real swarm what a fault schedule says, at its instants, until the run ends. */
import type { Clock, Timer } from '../base/clock.ts';
import type { PeerDeed } from '../faults/deed.ts';
import type { FaultSchedule } from '../faults/fault.ts';
import { createFaultPlayer, type FaultPlayer } from '../faults/player.ts';
import { RunTime } from '../faults/run-time.ts';

export interface FaultHooks {
  /** A peer starts for the first time, later than the others. */
  join(peer: number): void;
  perform(deed: PeerDeed): void;
}

export class ScheduledFaults {
  readonly #time: RunTime;
  readonly #player: FaultPlayer;
  readonly #hooks: FaultHooks;
  readonly #joins: Timer[] = [];
  #next: Timer | undefined;
  #isClosed = false;

  constructor(schedule: FaultSchedule, peerCount: number, clock: Clock, hooks: FaultHooks) {
    this.#time = new RunTime(clock);
    this.#player = createFaultPlayer(schedule);
    this.#hooks = hooks;
    for (let peer = 0; peer < peerCount; peer++) {
      if (this.joinsLate(peer))
        this.#joins.push(this.#time.at(this.#player.startMs(peer), () => hooks.join(peer)));
    }
    // Links are cut at their ends, by those who hold them: without arcs there are only deeds that are done to peers.
    this.#plan(this.#player.deeds[Symbol.iterator]());
  }

  joinsLate(peer: number): boolean {
    return this.#player.startMs(peer) > 0;
  }

  /** All peers that are there from the beginning listen: the schedule's time begins. */
  begin(): void {
    this.#time.begin();
  }

  /** Undefined before the run has begun. */
  get beganAgoMs(): number | undefined {
    return this.#time.nowMs < 0 ? undefined : this.#time.nowMs;
  }

  /** Nothing more is done. */
  close(): void {
    this.#isClosed = true;
    this.#next?.cancel();
    for (const timer of this.#joins) timer.cancel();
  }

  /** One deed at a time: there may be no last one. */
  #plan(deeds: Iterator<unknown>): void {
    const { done, value } = deeds.next();
    if (done === true) return;
    const deed = value as PeerDeed;
    this.#next = this.#time.at(deed.atMs, () => {
      this.#hooks.perform(deed);
      if (!this.#isClosed) this.#plan(deeds);
    });
  }
}
