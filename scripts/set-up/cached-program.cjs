/**
 * Runs the program of this file's name beside it (worker.js: worker.program.cjs) with what V8 had compiled of it by the end of an earlier
 * run. Copied into dist/bundle/ for each program. A cache that is missing, damaged, of another program, Node or set of V8 flags
 * is passed over: the program is compiled as ever. V8 checks its version and flags; the digest is ours,
 * because V8 trusts the bytes. Such a program may not import() what was left out of it, only require it.
 */
'use strict';
const { createHash } = require('node:crypto');
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const DIGEST_BYTES = 32;
const path = __filename.replace(/\.js$/, '.program.cjs');
const cachePath = `${path}.cache`;
const bytes = readFileSync(path);
const source = bytes.toString('latin1');
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename: path,
  cachedData: readCache(),
});
// Told by the build (bundle.mjs): the end of a run is when the functions that a run needs are compiled.
if (process.env.GRAPEVINE_CODE_CACHE === 'write') process.on('exit', writeCache);
script.runInThisContext()(exports, require, module, path, __dirname);

function digestOf(data) {
  return createHash('sha256').update(bytes).update(data).digest();
}

/** @returns {Buffer | undefined} */
function readCache() {
  try {
    const kept = readFileSync(cachePath);
    const data = kept.subarray(DIGEST_BYTES);
    return digestOf(data).equals(kept.subarray(0, DIGEST_BYTES)) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Several processes may write at once: each moves a whole file into place. */
function writeCache() {
  const data = script.createCachedData();
  const partial = `${cachePath}.${process.pid}`;
  writeFileSync(partial, Buffer.concat([digestOf(data), data]));
  renameSync(partial, cachePath);
}
