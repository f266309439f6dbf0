/**
 * Installs the npm packages that package-lock.json names, with their install scripts off (.npmrc).
 * npm writes node_modules/.package-lock.json last, so that file itself tells whether an install was
 * finished and which one it was: no stamp of our own can disagree with it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runFetching } from './command.mjs';
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

/**
 * Empties node_modules (an interrupted install may have left half a package in it) and installs what the lock
 * file names. Not with `npm ci`: npm 11 refuses where a registry lacks the optional packages of other systems
 * (npm/cli issue 9846). What `npm ci` would promise is checked afterwards instead.
 */
export async function installPackages() {
  if (packagesAreInstalled()) return;
  await step('Installing npm packages', async () => {
    rmSync(modules(), { recursive: true, force: true });
    const args = ['install', '--no-save', '--ignore-scripts', '--prefer-offline', '--no-progress'];
    // Under npm, the npm that started us; else the one on PATH.
    const { npm_execpath: npm } = process.env;
    if (npm?.endsWith('.js')) await runFetching(process.execPath, [npm, ...args], { cwd: root });
    else await runFetching('npm', args, { cwd: root });
  });
  if (packagesAreInstalled()) return;
  throw new Error(
    'npm installed other versions than package-lock.json names. Run "npm install" and commit the lock file.',
  );
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
