/**
 * Bundles what each process of a swarm runs (its main thread and its training worker) into a few files under dist/bundle/:
 * libp2p alone is 400 modules, and finding and opening them takes each process longer than its part of a short run.
 * Without comments and spaces, which take time to skip in each process: names stay as they are.
 * The native library stays outside, and so does tfjs, which only models with autodiff load.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** Depth below the package is that of the folders of dist/, since files shipped with it are found by relative path. */
const folder = join(root, 'dist', 'bundle');

/**
 * V8 keeps a source with one character beyond Latin-1 at two bytes a character, and reads it slowly. Comments are gone: what is left
 * stands in literals, where an escape means the same.
 */
function inAscii(source) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return source.replace(/[\u0080-\uffff]/g, escaped);
}

/** Writes the bundle from the compiled dist/. */
export async function bundle() {
  // Here and not above: this module is loaded before any package is installed.
  const { rolldown } = await import('rolldown');
  // Written beside and then moved: a run that starts meanwhile finds the old bundle whole.
  const partial = `${folder}.partial-${process.pid}`;
  const build = await rolldown({
    input: {
      'swarm-child': join(root, 'dist/cli/swarm-child.js'),
      worker: join(root, 'dist/train/worker.js'),
    },
    cwd: root,
    platform: 'node',
    external: [/^@tensorflow\//],
    logLevel: 'silent',
  });
  await build.write({
    dir: partial,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  await build.close();
  for (const name of readdirSync(partial)) {
    const path = join(partial, name);
    writeFileSync(path, inAscii(readFileSync(path, 'utf8')));
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}
