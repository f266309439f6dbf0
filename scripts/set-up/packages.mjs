/**
 * Installs the npm packages that package-lock.json names, with their install scripts off (.npmrc).
 * npm writes node_modules/.package-lock.json last, so that file itself tells whether an install was
 * finished and which one it was: no stamp of our own can disagree with it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { modules, root } from './paths.mjs';
import { step } from './progress.mjs';

/** @returns {boolean} whether node_modules holds what package-lock.json names */
export function packagesAreInstalled() {
  const installed = packagesOf(modules('.package-lock.json'));
  if (installed === undefined) return false;
  const wanted = packagesOf(join(root, 'package-lock.json')) ?? {};
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version;
  });
}

/** Runs `npm ci`, where it is needed. */
export async function installPackages() {
  if (packagesAreInstalled()) return;
  // Under npm, the npm that started us; else the one on PATH.
  const { npm_execpath: npm } = process.env;
  const viaNode = npm?.endsWith('.js');
  await step('Installing npm packages', () =>
    run(
      viaNode ? process.execPath : 'npm',
      [...(viaNode ? [npm] : []), 'ci', '--ignore-scripts', '--no-progress'],
      {
        cwd: root,
      },
    ),
  );
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
