/**
 * Makes TensorFlow's native backend work: library from the cache or the wheel, binding from the cache or the
 * compiler, both tried out in a child process. Where something is missing, set-up goes on with the wasm
 * backend and says in one line what would mend it. The outcome is noted beside the packages it belongs to.
 */
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
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
import { findCompiler } from './compile.mjs';
import { clearPartials, fetchLibrary, libraryFolder, libraryIsCached, wheelHere } from './library.mjs';
import { readOutcome, writeOutcome } from './outcome.mjs';
import { modules } from './paths.mjs';
import { say, step } from './progress.mjs';

const RETRY_MS = 24 * 3600 * 1000;
const outcomePath = modules('.grapevine', 'tensorflow.json');

/** What can be missing: the reason as people read it, how to mend it, and whether it is here now. */
const LACKS = {
  python: {
    reason: 'python3 is not here',
    mend: 'install python3 with pip (e.g. apt-get install python3-pip)',
    isHere: () => find('python3') !== undefined,
  },
  pip: {
    reason: 'python3 has no pip',
    mend: 'install pip (e.g. apt-get install python3-pip)',
    isHere: () => find('python3') === undefined || hasPip(),
  },
  compiler: {
    reason: 'there is no C++ compiler',
    mend: 'install a C++ compiler (e.g. apt-get install g++)',
    isHere: () => findCompiler() !== undefined,
  },
  platform: {
    reason: `TensorFlow has no library for ${process.platform} ${process.arch}`,
    mend: 'use Linux with glibc, or macOS',
    isHere: () => wheelHere() !== undefined,
  },
};

/** What set-up found missing. */
class Lack extends Error {
  constructor(kinds) {
    super(kinds.map((kind) => LACKS[kind].reason).join(' and '));
    this.kinds = kinds;
    this.mend = kinds.map((kind) => LACKS[kind].mend).join(' and ');
  }
}

/** @returns {boolean} whether the native backend was found to work and is still in its place */
export function tensorflowIsReady() {
  const outcome = readOutcome(outcomePath);
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
  const before = readOutcome(outcomePath);
  if (!retry && before?.backend === 'wasm' && !(await isWorthATry(before))) return goOnWithout(before);
  try {
    await install();
    return 'tensorflow';
  } catch (cause) {
    rmSync(bindingPath, { force: true }); // a binding that does not load must not be found
    const outcome = { backend: 'wasm', triedMs: Date.now(), ...explain(cause) };
    writeOutcome(outcomePath, outcome);
    return goOnWithout(outcome);
  }
}

function explain(cause) {
  if (cause instanceof Lack) return { kinds: cause.kinds, reason: cause.message, mend: cause.mend };
  const lastLine = cause.message.trim().split('\n').at(-1);
  return {
    kinds: [],
    reason: `it could not be installed (${lastLine})`,
    mend: 'run "npm run setup" once that is solved',
  };
}

function goOnWithout({ reason, mend }) {
  say(
    `Training will use the slower wasm backend (dense models only), because ${reason}; to mend it: ${mend}.`,
  );
  return 'wasm';
}

/** Cheap: a lack is looked for, anything else waits for a day or for `npm run setup`. */
async function isWorthATry({ kinds, triedMs }) {
  for (const kind of kinds) if (await LACKS[kind].isHere()) return true;
  return kinds.length === 0 && Math.abs(Date.now() - triedMs) > RETRY_MS;
}

async function install() {
  const wheel = wheelHere();
  await refuseLacks(wheel);
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
  writeOutcome(outcomePath, { backend: 'tensorflow', library, bindingBytes: statSync(bindingPath).size });
}

/** Names all that is missing at once, and before 200 MB are fetched in vain. */
async function refuseLacks(wheel) {
  const needed = [];
  if (wheel === undefined) needed.push('platform');
  else {
    if (!libraryIsCached(libraryFolder(wheel))) needed.push('python', 'pip');
    if (!bindingIsCached(wheel)) needed.push('compiler');
  }
  const lacking = [];
  for (const kind of needed) if (!(await LACKS[kind].isHere())) lacking.push(kind);
  if (lacking.length > 0) throw new Lack(lacking);
}

async function bringLibrary(wheel) {
  const folder = libraryFolder(wheel);
  if (!libraryIsCached(folder)) await fetchLibrary(wheel, find('python3'));
  rmSync(librariesPath, { recursive: true, force: true });
  mkdirSync(dirname(librariesPath), { recursive: true });
  symlinkSync(join(folder, 'lib'), librariesPath, 'dir');
}

async function bringBinding(wheel) {
  if (!bindingIsCached(wheel)) await compileBinding(wheel, findCompiler(), libraryFolder(wheel));
  placeBinding(wheel);
}

/** Loads the backend as training will, and multiplies one pair of matrices. */
async function tryOut() {
  const script = `
    require('node:util').isNullOrUndefined = (value) => value == null;
    const tf = require('@tensorflow/tfjs-node');
    const [product] = tf.matMul(tf.ones([1, 2]), tf.ones([2, 1])).dataSync();
    if (tf.getBackend() !== 'tensorflow' || product !== 2) throw new Error('backend ' + tf.getBackend());`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  await step('Trying TensorFlow out', () =>
    run(process.execPath, ['-e', script], { cwd: modules('..'), env }),
  );
}

async function hasPip() {
  const python = find('python3');
  if (python === undefined) return false;
  return run(python, ['-c', 'import pip']).then(
    () => true,
    () => false,
  );
}
