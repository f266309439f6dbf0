/** A rule's own options: each with its default and what it accepts, checked all at once and in words. */
import { shown } from '../base/schema-problems.ts';

export interface OptionKind {
  /** Used where the option is not given; undefined: it stays absent. */
  readonly fallback: unknown;
  /** Completes "it must be …". */
  readonly wanted: string;
  accepts(value: unknown): boolean;
}

export type ParsedOptions =
  | { readonly ok: true; readonly options: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The options complete with defaults, or a sentence for each that is wrong. */
export function parseOptions(
  rule: string,
  kinds: Readonly<Record<string, OptionKind>>,
  given: Readonly<Record<string, unknown>>,
): ParsedOptions {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (kind === undefined)
      problems.push(`unknown option ${key}; ${rule} takes ${Object.keys(kinds).join(', ')}`);
    else if (!kind.accepts(value)) {
      problems.push(`${key} is ${shown(value)}; it must be ${kind.wanted}`);
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  const defaults = Object.entries(kinds)
    .filter(([, { fallback }]) => fallback !== undefined)
    .map(([key, { fallback }]) => [key, fallback]);
  return { ok: true, options: { ...Object.fromEntries(defaults), ...given } };
}

export function wholeNumber(min: number, max: number, fallback?: number): OptionKind {
  const accepts = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return { fallback, wanted: `an integer from ${min} to ${max}`, accepts };
}

/** Any number in [min, max]. */
export function realNumber(min: number, max: number, fallback?: number): OptionKind {
  const accepts = (value: unknown) => typeof value === 'number' && value >= min && value <= max;
  return { fallback, wanted: `a number from ${min} to ${max}`, accepts };
}

export function oneOf(values: readonly string[], fallback?: string): OptionKind {
  return {
    fallback,
    wanted: `one of ${values.join(', ')}`,
    accepts: (value) => values.includes(value as string),
  };
}
