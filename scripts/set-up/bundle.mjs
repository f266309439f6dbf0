/**
 * Bundles what each process of a swarm runs (its main thread and its training worker) into a few files under dist/bundle/:
 * libp2p alone is 400 modules, and finding and opening them takes each process longer than its part of a short run.
 * The native library stays outside, and so does tfjs, which only models with autodiff load.
 */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

/** Depth below the package is that of the folders of dist/, since files shipped with it are found by relative path. */
const folder = join(root, 'dist', 'bundle');

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
  });
  await build.close();
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}
