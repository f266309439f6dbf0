/** Timers of the real clock. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { realClock } from '../../src/base/clock.ts';

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a timer of two months fires after two months', () => {
  const action = vi.fn();
  realClock.after(60 * DAY_MS, action);
  vi.advanceTimersByTime(60 * DAY_MS - 1);
  expect(action).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(action).toHaveBeenCalledTimes(1);
});

test('and can be cancelled after one', () => {
  const action = vi.fn();
  const timer = realClock.after(60 * DAY_MS, action);
  vi.advanceTimersByTime(30 * DAY_MS);
  timer.cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(action).not.toHaveBeenCalled();
});
