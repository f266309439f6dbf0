/**
 * A short swarm of real processes on another Node version: node scripts/ci/smoke.mjs 22.23.3
 * That Node comes as an npm package and is kept in the cache.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, root } from '../set-up/paths.mjs';

/** Against what hangs, on machines and networks however busy. */
const TIMEOUT_MS = 600_000;
const EXPERIMENT = join(root, 'topologies', 'penguins-by-island.yaml');

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error('which Node version? e.g. node scripts/ci/smoke.mjs 22.23.3');
const node = nodeOf(version);
const folder = mkdtempSync(join(tmpdir(), 'grapevine-smoke-'));
const out = join(folder, 'run');
try {
  const args = [join(root, 'dist', 'main.js'), 'swarm', EXPERIMENT, '--set', 'stop.rounds=2', '--out', out];
  execute(node, args);
  const { rounds, backend } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
  if (rounds !== 2) throw new Error(`the swarm on Node ${version} recorded ${rounds} rounds, not 2`);
  console.log(`Node ${version}: a swarm trained for ${rounds} rounds on ${backend}`);
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** @returns {string} the path of that Node's executable */
function nodeOf(wanted) {
  const name = `node-${process.platform}-${process.arch}`;
  const home = join(cacheFolder(), `${name}-${wanted}`);
  const executable = join(home, 'node_modules', name, 'bin', 'node');
  if (existsSync(executable)) return executable;
  const partial = `${home}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'package.json'), '{"private": true}\n');
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', partial];
  const fetchNode = () => execute('npm', [...install, `${name}@${wanted}`]);
  try {
    fetchNode();
  } catch (cause) {
    console.log(`${cause.message}; once more`); // networks fail
    fetchNode();
  }
  rmSync(home, { recursive: true, force: true });
  renameSync(partial, home);
  return executable;
}

function execute(program, args) {
  const { status, signal, error } = spawnSync(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: TIMEOUT_MS,
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${error?.message ?? signal ?? status}`);
}
