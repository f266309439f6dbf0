/**
 * Evens out the Node versions we support (20.20, 22, 24): import for its effect, before any libp2p or tfjs module.
 *
 * - libp2p 3 calls `Promise.withResolvers`, which Node has from 22 on;
 * - tfjs-node 4.22 calls `util.isNullOrUndefined`, which Node warns of in 22 and dropped in 23.
 */
import { createRequire } from 'node:module';

interface PromiseParts {
  promise: Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (reason?: unknown) => void;
}

function withResolvers(): PromiseParts {
  const parts = {} as PromiseParts;
  parts.promise = new Promise<unknown>((resolve, reject) => {
    parts.resolve = resolve;
    parts.reject = reject;
  });
  return parts;
}

if (!('withResolvers' in Promise)) {
  Object.defineProperty(Promise, 'withResolvers', {
    value: withResolvers,
    writable: true,
    configurable: true,
  });
}

// A CommonJS module's exports are a plain object; the ES module view of node:util is frozen.
const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
util.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
