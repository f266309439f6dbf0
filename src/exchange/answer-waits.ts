/**
 * How long an answer is waited for before its question is sent again: 4 × the lower quartile of the last answers' times. Times of questions
 * that had to be sent again tell how long we waited, not how long an answer takes (Karn, Partridge 1987 leave them out): where many
 * messages are lost they would lengthen the next wait, and that the one after. The soonest quarter holds none of them, or only them.
 */
import { soonLagMs } from './lags.ts';

const FACTOR = 4;
const WAIT_MS_MIN = 20;
const FIRST_WAIT_MS = 1000;

export function answerWaitMs(waitsMs: readonly number[]): number {
  const soonMs = soonLagMs(waitsMs);
  return soonMs === undefined ? FIRST_WAIT_MS : Math.max(WAIT_MS_MIN, FACTOR * soonMs);
}
