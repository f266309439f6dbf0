/**
 * Canonical JSON: equal values give equal bytes, whatever order their keys had in the file. Keys sorted by UTF-16 code
 * unit, no white space, numbers and strings as JSON.stringify writes them (RFC 8785).
 */
import { assert } from '../base/assert.ts';

/** Fields that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
  }
  assert(typeof value !== 'number' || Number.isFinite(value), `${value} has no JSON form`);
  const text = JSON.stringify(value);
  assert(text !== undefined, `a ${typeof value} has no JSON form`);
  return text;
}
