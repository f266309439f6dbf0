/**
 * A light check that data read from a record has the shape its type promises: a table of fields in, problems in words out.
 * Unknown keys pass (a newer writer may know more); a non-finite number was written as null and passes as a number.
 */

type PlainKind = 'number' | 'whole' | 'flag' | 'text' | 'any';

export type Kind =
  | PlainKind
  | { readonly optional: Kind }
  | { readonly oneOf: readonly string[] }
  | { readonly list: Kind }
  | { readonly mapOf: Kind }
  | { readonly shape: Spec };

export type Spec = Readonly<Record<string, Kind>>;

export const text: Kind = 'text';
export const flag: Kind = 'flag';
/** An integer from 0 to 2^53 − 1. */
export const whole: Kind = 'whole';
export const optional = (kind: Kind): Kind => ({ optional: kind });
export const list = (kind: Kind): Kind => ({ list: kind });
export const mapOf = (kind: Kind): Kind => ({ mapOf: kind });
export const shape = (spec: Spec): Kind => ({ shape: spec });
export const oneOf = (...words: string[]): Kind => ({ oneOf: words });

/** What is wrong with `value`, each problem with its path; empty if it is as `kind` says. */
export function check(kind: Kind, value: unknown, path: string): string[] {
  if (typeof kind === 'string') return checkPlain(kind, value, path);
  if ('optional' in kind) return value === undefined ? [] : check(kind.optional, value, path);
  if ('oneOf' in kind) {
    return kind.oneOf.includes(value as string) ? [] : [wanted(path, kind.oneOf.join(' or '), value)];
  }
  if ('list' in kind) {
    if (!Array.isArray(value)) return [wanted(path, 'a list', value)];
    return value.flatMap((item, index) => check(kind.list, item, `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [wanted(path, 'an object', value)];
  }
  const fields = value as Record<string, unknown>;
  const prefix = path === '' ? '' : `${path}.`;
  if ('mapOf' in kind) {
    return Object.entries(fields).flatMap(([key, item]) => check(kind.mapOf, item, prefix + key));
  }
  return Object.entries(kind.shape).flatMap(([key, field]) => check(field, fields[key], prefix + key));
}

function checkPlain(kind: PlainKind, value: unknown, path: string): string[] {
  switch (kind) {
    case 'any':
      return value === undefined ? [wanted(path, 'a value', value)] : [];
    case 'flag':
      return typeof value === 'boolean' ? [] : [wanted(path, 'true or false', value)];
    case 'text':
      return typeof value === 'string' ? [] : [wanted(path, 'text', value)];
    case 'number':
      return typeof value === 'number' || value === null ? [] : [wanted(path, 'a number', value)];
    case 'whole':
      return Number.isSafeInteger(value) && (value as number) >= 0
        ? []
        : [wanted(path, 'a whole number from 0', value)];
  }
}

function wanted(path: string, what: string, value: unknown): string {
  const got = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value).slice(0, 40);
  return `${path === '' ? '(record)' : path}: got ${got}, wanted ${what}`;
}
