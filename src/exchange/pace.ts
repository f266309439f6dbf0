/**
 * The pace of an asynchronous rule: a cycle lasts at least `periodMs`, or, where that is not given, as long as the peer's own local
 * updates take; without local updates UNTRAINED_PERIOD_MS, because the peer would else spin. Nobody is waited for.
 */
import { type OptionKind, realNumber } from './options.ts';
import type { RuleAction, RuleContext } from './rule.ts';

const UNTRAINED_PERIOD_MS = 10;
const PERIOD_MS_MAX = 24 * 3600 * 1000;

export const PERIOD_MS: OptionKind = realNumber(0.001, PERIOD_MS_MAX);

export interface Pace {
  readonly periodMs: number;
  beganMs: number;
}

export function createPace({ trains }: RuleContext, periodMs = trains ? 0 : UNTRAINED_PERIOD_MS): Pace {
  return { periodMs, beganMs: 0 };
}

export function startCycle(pace: Pace, nowMs: number): void {
  pace.beganMs = nowMs;
}

/** Undefined when the cycle has lasted long enough, else the timer to set, called `cycle`. */
export function mayEnd({ periodMs, beganMs }: Pace, nowMs: number): RuleAction | undefined {
  const delayMs = beganMs + periodMs - nowMs;
  return delayMs > 0 ? { kind: 'setTimer', name: 'cycle', delayMs } : undefined;
}
