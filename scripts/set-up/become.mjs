/** Goes on as another program of this project: same process, its own arguments. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './paths.mjs';

/**
 * @param {string} script from the project's root
 * @param {string[]} args
 */
export async function become(script, args) {
  const path = join(root, script);
  process.chdir(root);
  process.argv = [process.argv[0], path, ...args];
  await import(pathToFileURL(path).href);
}
