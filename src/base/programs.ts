/**
 * Where a program of the build begins: in its bundle, which starts in a fraction of the time (scripts/set-up/bundle.mjs), or in its module,
 * where there is no bundle or it was made from other sources than dist/ is now. The compiler's own record of what it has read, which
 * holds a digest of every source, tells the two apart.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** From here as from a bundle: both lie one folder below dist/. */
const dist = new URL('../', import.meta.url);
const bundles = new URL('bundle/', dist);
const COMPILED_FROM = new URL('.tsbuildinfo', dist);
const BUNDLED_FROM = new URL('compiled-from', bundles);

/** `module`: its path in dist/, such as `cli/swarm-child.js`; its bundle has the same file name. */
export function programUrl(module: string): URL {
  const bundle = new URL(module.replace(/^.*\//, ''), bundles);
  return isFresh() && existsSync(bundle) ? bundle : new URL(module, dist);
}

function isFresh(): boolean {
  try {
    const digest = createHash('sha256').update(readFileSync(COMPILED_FROM)).digest('hex');
    return readFileSync(BUNDLED_FROM, 'latin1') === digest;
  } catch {
    return false;
  }
}
