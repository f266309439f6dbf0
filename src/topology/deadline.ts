/** Long work asks between its steps whether the time is up; what has nothing to show before its end is given up then. */
import { OperatingError } from '../base/errors.ts';

/** True once the time is up. Cheap. */
export type Expired = () => boolean;

export const neverExpired: Expired = () => false;

/** Throws OperatingError `time-limit` once the time is up. `what`: what there was no time for. */
export function requireTime(expired: Expired, what: string): void {
  if (expired()) throw new OperatingError('time-limit', `no time left for ${what}; allow more`);
}

/** What work comes to; undefined where its time is up first (OperatingError `time-limit`). */
export function withinTime<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'time-limit') return undefined;
    throw error;
  }
}

/** Asks once in `every` calls, for loops whose steps are short. */
export function seldom(expired: Expired, every: number): Expired {
  let calls = 0;
  return () => calls++ % every === 0 && expired();
}
