/**
 * Where a program of the build begins: in its bundle, which starts in a fraction of the time (scripts/set-up/bundle.mjs), or in its module,
 * where there is no bundle or it was made from other sources than dist/ is now. The compiler's own record of what it has read, which
 * holds a digest of every source, tells the two apart.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** dist/, from here as from a bundle: both lie one folder below it. */
const here = new URL('../', import.meta.url);

/** `module`: its path in `dist`, such as `cli/swarm-child.js`; its bundle has the same file name. */
export function programUrl(module: string, dist: URL = here): URL {
  const bundle = new URL(`bundle/${module.replace(/^.*\//, '')}`, dist);
  return isFresh(dist) && existsSync(bundle) ? bundle : new URL(module, dist);
}

function isFresh(dist: URL): boolean {
  try {
    const compiled = readFileSync(new URL('.tsbuildinfo', dist));
    const bundled = readFileSync(new URL('bundle/compiled-from', dist), 'latin1');
    return bundled === createHash('sha256').update(compiled).digest('hex');
  } catch {
    return false;
  }
}
