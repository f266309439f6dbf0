/**
 * Makes TensorFlow's native backend work: library from the cache or the wheel, binding from the cache or the
 * compiler, both tried out in a child process. Where something is missing, set-up goes on with the wasm
 * backend and says in one line what would mend it. The outcome is noted beside the packages it belongs to.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  bindingIsCached,
  bindingPath,
  cachedBinding,
  compileBinding,
  librariesPath,
  placeBinding,
} from './binding.mjs';
import { find, run } from './command.mjs';
import { clearPartials, fetchLibrary, libraryFolder, libraryIsCached, wheelHere } from './library.mjs';
import { modules } from './paths.mjs';
import { say, step } from './progress.mjs';

const RETRY_MS = 24 * 3600 * 1000;
const outcomePath = modules('.grapevine', 'tensorflow.json');

/** What can be missing: the reason as people read it, and how to mend it. */
const LACKS = {
  python: ['python3 is not here', 'install python3 with pip (e.g. apt-get install python3-pip)'],
  pip: ['python3 has no pip', 'install it (e.g. apt-get install python3-pip)'],
  compiler: ['there is no C++ compiler', 'install one (e.g. apt-get install g++)'],
  platform: [
    `TensorFlow has no library for ${process.platform} ${process.arch}`,
    'use Linux with glibc or macOS',
  ],
};

/** A reason to go on without the native backend. */
class Lack extends Error {
  constructor(kind, detail) {
    const [reason, mend] = LACKS[kind] ?? [detail, 'see the lines above, then run: npm run setup'];
    super(reason);
    this.kind = kind;
    this.mend = mend;
  }
}

/** @returns {boolean} whether the native backend was found to work and is still in its place */
export function tensorflowIsReady() {
  const outcome = readOutcome();
  if (outcome?.backend !== 'tensorflow') return false;
  try {
    return (
      statSync(bindingPath).size === outcome.bindingBytes && existsSync(join(librariesPath, outcome.library))
    );
  } catch {
    return false;
  }
}

/**
 * @param {{retry: boolean}} options retry: try again whatever failed before, however recently
 * @returns {Promise<'tensorflow' | 'wasm'>} the backend that training can count on
 */
export async function setUpTensorflow({ retry }) {
  if (tensorflowIsReady() && !retry) return 'tensorflow';
  const before = readOutcome();
  if (!retry && before?.backend === 'wasm' && !(await isWorthATry(before))) return goOnWithout(before);
  try {
    await install();
    return 'tensorflow';
  } catch (cause) {
    const lack = cause instanceof Lack ? cause : new Lack('failed', 'TensorFlow could not be installed');
    if (lack !== cause) say(cause.message);
    rmSync(bindingPath, { force: true }); // a binding that does not load must not be found
    const { kind, message: reason, mend } = lack;
    const outcome = { backend: 'wasm', kind, reason, mend, triedMs: Date.now() };
    writeOutcome(outcome);
    return goOnWithout(outcome);
  }
}

function goOnWithout({ reason, mend }) {
  say(
    `Training will use the slower wasm backend (dense models only), because ${reason}; to mend it: ${mend}.`,
  );
  return 'wasm';
}

async function isWorthATry({ kind, triedMs }) {
  if (kind === 'python') return find('python3') !== undefined;
  if (kind === 'pip') return hasPip();
  if (kind === 'compiler') return findCompiler() !== undefined;
  return kind !== 'platform' && Math.abs(Date.now() - triedMs) > RETRY_MS;
}

async function install() {
  const wheel = wheelHere();
  if (wheel === undefined) throw new Lack('platform');
  clearPartials();
  const wasCached = bindingIsCached(wheel);
  await bringLibrary(wheel);
  await bringBinding(wheel);
  try {
    await tryOut();
  } catch (cause) {
    if (!wasCached || findCompiler() === undefined) throw cause;
    rmSync(cachedBinding(wheel), { force: true }); // built on another system, it may not load on this one
    await bringBinding(wheel);
    await tryOut();
  }
  const library = process.platform === 'darwin' ? 'libtensorflow_cc.2.dylib' : 'libtensorflow_cc.so.2';
  writeOutcome({ backend: 'tensorflow', library, bindingBytes: statSync(bindingPath).size });
}

async function bringLibrary(wheel) {
  const folder = libraryFolder(wheel);
  if (!libraryIsCached(folder)) {
    // Told before 200 MB are fetched in vain.
    if (!bindingIsCached(wheel) && findCompiler() === undefined) throw new Lack('compiler');
    const python = find('python3');
    if (python === undefined) throw new Lack('python');
    if (!(await hasPip())) throw new Lack('pip');
    await fetchLibrary(wheel, python);
  }
  rmSync(librariesPath, { recursive: true, force: true });
  mkdirSync(dirname(librariesPath), { recursive: true });
  symlinkSync(join(folder, 'lib'), librariesPath, 'dir');
}

async function bringBinding(wheel) {
  if (!bindingIsCached(wheel)) {
    const compiler = findCompiler();
    if (compiler === undefined) throw new Lack('compiler');
    await compileBinding(wheel, compiler, libraryFolder(wheel));
  }
  placeBinding(wheel);
}

/** Loads the backend as training will, and multiplies one pair of matrices. */
async function tryOut() {
  const script = `
    require('node:util').isNullOrUndefined ??= (value) => value == null;
    const tf = require('@tensorflow/tfjs-node');
    const [product] = tf.matMul(tf.ones([1, 2]), tf.ones([2, 1])).dataSync();
    if (tf.getBackend() !== 'tensorflow' || product !== 2) throw new Error('backend ' + tf.getBackend());`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  await step('Trying TensorFlow out', () =>
    run(process.execPath, ['-e', script], { cwd: modules('..'), env }),
  );
}

function findCompiler() {
  const { CXX } = process.env;
  return [CXX, 'g++', 'c++', 'clang++']
    .map((name) => (name ? find(name) : undefined))
    .find((path) => path !== undefined);
}

async function hasPip() {
  const python = find('python3');
  if (python === undefined) return false;
  return run(python, ['-c', 'import pip']).then(
    () => true,
    () => false,
  );
}

function readOutcome() {
  try {
    return JSON.parse(readFileSync(outcomePath, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeOutcome(outcome) {
  mkdirSync(dirname(outcomePath), { recursive: true });
  writeFileSync(`${outcomePath}.partial`, JSON.stringify(outcome));
  renameSync(`${outcomePath}.partial`, outcomePath);
}
