/** Assertions: a false one is a bug in Grapevine, so it throws and the process stops. */

export class AssertionError extends Error {
  constructor(message: string) {
    super(`bug in Grapevine: ${message}`);
    this.name = 'AssertionError';
  }
}

/** What is said when it is false; as a function where it is put together on a path that runs millions of times. */
type Said = string | (() => string);

export function assert(condition: boolean, message: Said): asserts condition {
  if (!condition) throw new AssertionError(wording(message));
}

/** The value, which an invariant says is there. */
export function present<T>(value: T | undefined | null, what: Said): T {
  if (value === undefined || value === null) throw new AssertionError(`${wording(what)} is missing`);
  return value;
}

/** For the default branch of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case ${JSON.stringify(value)}`);
}

function wording(said: Said): string {
  return typeof said === 'string' ? said : said();
}
