/**
 * Bundles what each process of a swarm runs (its main thread and its training worker) into one program each under dist/bundle/, and
 * keeps what V8 compiles of them in a short swarm beside them (cached-program.cjs): libp2p alone is 400 modules, and finding, opening and
 * compiling them takes each process longer than its part of a short run.
 * The native library stays outside, and so does tfjs, which only models with autodiff load.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from './command.mjs';
import { root } from './paths.mjs';

/** Depth below the package is that of the folders of dist/, since files shipped with it are found by relative path. */
const folder = join(root, 'dist', 'bundle');
const ENTRIES = ['cli/command-line.js', 'cli/swarm-child.js', 'train/worker.js'];
const WARM_UP_MS_MAX = 60_000;

/** Writes the bundle from the compiled dist/. */
export async function bundle() {
  // Written beside and then moved: a run that starts meanwhile finds the old bundle whole.
  const partial = `${folder}.partial-${process.pid}`;
  for (const entry of ENTRIES) {
    const name = basename(entry, '.js');
    await writeProgram(join(root, 'dist', entry), join(partial, `${name}.program.cjs`));
    copyFileSync(join(root, 'scripts', 'set-up', 'cached-program.cjs'), join(partial, `${name}.js`));
  }
  writeFileSync(join(partial, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(join(partial, 'compiled-from'), digestOf(readFileSync(join(root, 'dist', '.tsbuildinfo'))));
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  await warmUp();
}

async function writeProgram(input, file) {
  // Here and not above: this module is loaded before any package is installed.
  const { rolldown } = await import('rolldown');
  const external = [/^@tensorflow\//];
  const build = await rolldown({ input, cwd: root, platform: 'node', external, logLevel: 'silent' });
  await build.write({ file, format: 'cjs', codeSplitting: false });
  await build.close();
  writeFileSync(file, asciiOf(readFileSync(file, 'utf8')));
}

/** As src/base/programs.ts compares it. */
function digestOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The same program with one byte a character, read in half the time; what is not ASCII stands in strings, patterns and comments. */
function asciiOf(source) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return source.replace(/[\u0080-\uffff]/g, escaped);
}

/**
 * A swarm of two, then two silos on their own, at whose ends each program writes its code cache, the second run beside what the first one
 * has left. Without one everything runs as well, only later.
 */
async function warmUp() {
  const out = mkdtempSync(join(tmpdir(), 'grapevine-warm-up-'));
  const experiment = {
    name: 'warm-up',
    data: { dataset: 'digits', silos: 2 },
    model: 'softmax',
    train: { learningRate: 0.1, batchSize: 16, localSteps: 1 },
    topology: { kind: 'path' },
    stop: { rounds: 3 },
  };
  try {
    // Here and not above: before the build there is no dist/ to load.
    const { makeSilos } = await import('../lone-silos/silos.mjs');
    const silos = await makeSilos(out, experiment);
    await grapevine('swarm', join(out, 'experiment.json'), '--out', join(out, 'swarm'));
    await Promise.all(silos.map(({ file }) => grapevine('peer', file)));
  } catch {
    // The first real run will say what is wrong, to whom it concerns.
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function grapevine(...args) {
  return run(process.execPath, [join(root, 'dist', 'main.js'), ...args, '--quiet'], {
    env: { ...process.env, GRAPEVINE_CODE_CACHE: 'write' },
    timeout: WARM_UP_MS_MAX,
  });
}
