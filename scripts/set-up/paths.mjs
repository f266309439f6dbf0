/** Where set-up reads and writes: the project, its own notes, and the cache that outlives node_modules. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Set-up's own notes about this checkout; ignored by git. */
export const notes = join(root, '.grapevine');

/** @param {string[]} parts @returns {string} a path below node_modules */
export const modules = (...parts) => join(root, 'node_modules', ...parts);

/**
 * The cache for what is large and shared by checkouts: GRAPEVINE_CACHE, XDG_CACHE_HOME or ~/.cache;
 * without a writable home, the checkout's own notes.
 * @returns {string} a folder that exists and can be written
 */
export function cacheFolder() {
  for (const folder of cacheChoices()) {
    if (isWritable(folder)) return folder;
  }
  throw new Error(
    `No folder to cache in: tried ${cacheChoices().join(', ')}. Set GRAPEVINE_CACHE to a writable one.`,
  );
}

function cacheChoices() {
  const { GRAPEVINE_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  const choices = [join(notes, 'cache')];
  const home = homedir();
  if (isAbsolute(home)) choices.unshift(join(home, '.cache', 'grapevine'));
  if (xdg && isAbsolute(xdg)) choices.unshift(join(xdg, 'grapevine'));
  if (own) choices.unshift(isAbsolute(own) ? own : join(root, own));
  return choices;
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
