/** Paths inside a storage root: relative, `/`-separated, without `..`; anything else is a bug of the caller. */
import { assert } from '../base/assert.ts';

/** The path, which must be safe. */
export function safePath(path: string): string {
  const parts = path.split('/');
  const safe = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  assert(safe && !/[\0\\]/.test(path), `unsafe storage path ${JSON.stringify(path)}`);
  return path;
}

/** A folder path, where the empty text names the root. */
export function safeFolder(folder: string): string {
  return folder === '' ? folder : safePath(folder);
}
