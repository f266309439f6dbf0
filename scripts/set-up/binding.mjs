/**
 * Compiles tfjs-node's binding to TensorFlow with one compiler call and keeps it in the cache.
 * It speaks Node-API 8, so that one binding serves every Node version we support.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, place } from './compile.mjs';
import { cacheFolder, modules } from './paths.mjs';

const FLAGS = ['-std=c++17', '-O2', '-shared', '-fPIC', '-DNAPI_VERSION=8'];
const LINK_FLAGS = {
  linux: ['-Wl,-rpath,$ORIGIN/../../deps/lib'],
  darwin: ['-Wl,-rpath,@loader_path/../../deps/lib', '-undefined', 'dynamic_lookup'],
};

const tfjsNode = (...parts) => modules('@tensorflow', 'tfjs-node', ...parts);

/** Where tfjs-node looks for its binding. */
export const bindingPath = tfjsNode('lib', 'napi-v8', 'tfjs_binding.node');

/** Where the binding looks for TensorFlow's libraries. */
export const librariesPath = tfjsNode('deps', 'lib');

/** @returns {string} the binding's place in the cache, named after everything it is built from */
export function cachedBinding(wheel) {
  const hash = createHash('sha256');
  for (const path of sources()) hash.update(readFileSync(path));
  hash.update(JSON.stringify([FLAGS, LINK_FLAGS, wheel, process.platform, process.arch]));
  return join(cacheFolder(), `binding-${hash.digest('hex').slice(0, 16)}`, 'tfjs_binding.node');
}

/**
 * Compiles into the cache: whole or absent.
 * @param {string} compiler a C++17 compiler
 * @param {string} library the cached library's folder
 */
export async function compileBinding(wheel, compiler, library) {
  const headers = [
    '-I',
    tfjsNode(),
    '-I',
    join(library, 'include'),
    '-I',
    modules('node-api-headers', 'include'),
  ];
  const link = [
    '-L',
    join(library, 'lib'),
    '-ltensorflow',
    '-ltensorflow_framework',
    ...LINK_FLAGS[process.platform],
  ];
  const inputs = sources().filter((path) => path.endsWith('.cc'));
  const args = [...FLAGS, ...headers, ...inputs, ...link];
  await compile('the TensorFlow binding', compiler, args, cachedBinding(wheel));
}

/** Puts the cached binding where tfjs-node looks for it: whole or absent. */
export function placeBinding(wheel) {
  place(cachedBinding(wheel), bindingPath);
}

/** @returns {boolean} whether the cache has the binding for this wheel */
export function bindingIsCached(wheel) {
  return existsSync(cachedBinding(wheel));
}

function sources() {
  const folder = tfjsNode('binding');
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}
