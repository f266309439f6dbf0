/** Times as people write them: 300 (milliseconds), 300ms, 2.5s, 1min, 2h. */
import { z } from 'zod';
import { shown } from '../base/schema-problems.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };
const WANTED = 'wanted milliseconds, or a time such as 300ms, 2.5s or 1min';

/** Milliseconds; undefined where it is no time. */
function durationMs(written: unknown): number | undefined {
  if (typeof written === 'number') return Number.isFinite(written) ? written : undefined;
  if (typeof written !== 'string') return undefined;
  const [, amount, unit] = /^\s*([+-]?\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*$/.exec(written) ?? [];
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
}

/** From 0; `least` is the smallest that makes sense. */
export function time(least = 0, leastText = 'a time from 0') {
  return signedTime().refine((ms) => ms >= least, {
    error: ({ input }) => `got ${shown(input)} ms, wanted ${leastText}`,
  });
}

/** Either way. */
export function signedTime() {
  return z.unknown().transform((written, context): number => {
    const ms = durationMs(written);
    if (ms !== undefined) return ms;
    const message = written === undefined ? `is missing; ${WANTED}` : `got ${shown(written)}, ${WANTED}`;
    context.addIssue({ code: 'custom', message, input: written });
    return z.NEVER;
  });
}
