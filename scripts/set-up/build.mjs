/**
 * Compiles and bundles src/ into dist/ when a source changed. The stamp (each source's size and modification time) is
 * taken away before the compiler runs: a build that was interrupted, that has lost files, or whose sources have since
 * been deleted, starts from an empty dist/.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bundle } from './bundle.mjs';
import { run } from './command.mjs';
import { modules, root } from './paths.mjs';
import { step } from './progress.mjs';

const dist = join(root, 'dist');
const stampPath = join(dist, '.built.json');
/** What the last steps of a build write: without them dist/ has lost files since. */
const LAST = ['main.js', 'bundle/command-line.js', 'bundle/swarm-child.js', 'bundle/worker.js'].map((path) =>
  join(dist, path),
);

/** @returns {boolean} whether dist/ is what the sources compile to */
export function isBuilt() {
  const stamp = readStamp();
  const now = sources();
  const isFresh = (path) => stamp[path] === now[path];
  return (
    stamp !== undefined && LAST.every(existsSync) && sameKeys(stamp, now) && Object.keys(now).every(isFresh)
  );
}

/** Runs the TypeScript compiler and the bundler, where they are needed. */
export async function build() {
  if (isBuilt()) return;
  const stamp = readStamp();
  const now = sources();
  const isWhole = stamp !== undefined && LAST.every(existsSync);
  if (!isWhole || Object.keys(stamp).some((path) => !(path in now))) {
    rmSync(dist, { recursive: true, force: true });
  }
  rmSync(stampPath, { force: true });
  await step('Compiling TypeScript', () =>
    run(process.execPath, [modules('typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json')], {
      cwd: root,
    }),
  );
  await step('Bundling what each peer runs', bundle);
  writeFileSync(stampPath, JSON.stringify(now));
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8'));
  } catch {
    return undefined;
  }
}

function sameKeys(one, other) {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other);
}

/** @returns {Record<string, string>} each file the build reads, with its size and modification time */
function sources() {
  const found = {};
  const note = (path) => {
    const { size, mtimeMs } = statSync(path);
    found[relative(root, path)] = `${size} ${mtimeMs}`;
  };
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) note(join(root, name));
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) note(join(entry.parentPath, entry.name));
  }
  return found;
}
