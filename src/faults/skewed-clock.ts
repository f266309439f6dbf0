/** A Clock that goes as a schedule says it does on one peer; before the run has begun it is right. */
import type { Clock } from '../base/clock.ts';
import type { FaultPlayer } from './player.ts';
import type { RunTime } from './run-time.ts';

/** Timers wait as long as this clock takes to go on by their delay; the calendar stays right. */
export function skewedClock(inner: Clock, player: FaultPlayer, peer: number, time: RunTime): Clock {
  const shiftMs = (nowMs: number): number => (nowMs < 0 ? 0 : player.clockMs(peer, nowMs) - nowMs);
  return {
    now: () => inner.now() + shiftMs(time.nowMs),
    calendar: () => inner.calendar(),
    after: (delayMs, action) => {
      const { nowMs } = time;
      return inner.after(nowMs < 0 ? delayMs : player.trueDelayMs(peer, nowMs, delayMs), action);
    },
  };
}
