/**
 * Compiles native/dense-steps.cc, which trains the silos of `simulate.training: batched` beside TensorFlow, and tries it out in a child
 * process. It speaks Node-API 8 and asks the processor at run time what it can, so that one file in the cache serves every Node version
 * and every machine of one platform. Without a compiler set-up goes on, and says what is slower then and how to mend it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { compile, findCompiler, place } from './compile.mjs';
import { readOutcome, writeOutcome } from './outcome.mjs';
import { cacheFolder, modules, root } from './paths.mjs';
import { say, step } from './progress.mjs';

// -O3 unrolls the tiles that stay in registers. Contraction to fused multiply-adds is asked for by name: compilers differ in it.
const FLAGS = [
  '-std=c++17',
  '-O3',
  '-ffp-contract=fast',
  '-shared',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wno-psabi',
];
const LINK_FLAGS = { linux: [], darwin: ['-undefined', 'dynamic_lookup'] };
const RETRY_MS = 24 * 3600 * 1000;

/** Where src/train/peer-kernel.ts looks for it. */
const densePath = modules('.grapevine', 'dense-steps.node');
const outcomePath = modules('.grapevine', 'dense-steps.json');
const folder = join(root, 'native');

/** @returns {boolean} whether it was found to work, is made from these sources, and is still in its place */
export function denseStepsAreReady() {
  const outcome = readOutcome(outcomePath);
  try {
    return outcome?.bytes === statSync(densePath).size && outcome.key === keyOf();
  } catch {
    return false;
  }
}

/**
 * @param {{retry: boolean}} options retry: try again whatever failed before, however recently
 * @returns {Promise<boolean>} whether it can be counted on
 */
export async function setUpDenseSteps({ retry }) {
  if (denseStepsAreReady() && !retry) return true;
  const before = readOutcome(outcomePath);
  if (!retry && before?.reason !== undefined && !isWorthATry(before)) return goOnWithout(before);
  try {
    await install();
    writeOutcome(outcomePath, { key: keyOf(), bytes: statSync(densePath).size });
    return true;
  } catch (cause) {
    rmSync(densePath, { force: true }); // what does not load must not be found
    const outcome = { key: keyOf(), triedMs: Date.now(), ...explain(cause) };
    writeOutcome(outcomePath, outcome);
    return goOnWithout(outcome);
  }
}

function explain(cause) {
  if (cause === NO_COMPILER) {
    return {
      reason: cause.message,
      mend: 'install a C++ compiler (e.g. apt-get install g++)',
      lacksCompiler: true,
    };
  }
  const lines = cause.message.trim().split('\n');
  const reason = lines.find((line) => line.includes('error')) ?? lines.at(-1);
  return {
    reason: `it could not be built (${reason})`,
    mend: 'run "npm run setup" once that is solved',
    lacksCompiler: false,
  };
}

function goOnWithout({ reason, mend }) {
  say(
    `Batched simulations will train on TensorFlow's own operations, two to four times slower, because ${reason}; to mend it: ${mend}.`,
  );
  return false;
}

/** Other sources, a compiler that is there now; anything else waits for a day or for `npm run setup`. */
function isWorthATry({ key, lacksCompiler, triedMs }) {
  if (key !== keyOf()) return true;
  return lacksCompiler ? findCompiler() !== undefined : Math.abs(Date.now() - triedMs) > RETRY_MS;
}

const NO_COMPILER = new Error('there is no C++ compiler');

async function install() {
  const cached = join(cacheFolder(), `dense-steps-${keyOf()}`, 'dense-steps.node');
  const wasCached = existsSync(cached);
  await bring(cached);
  try {
    await tryOut();
  } catch (cause) {
    if (!wasCached || findCompiler() === undefined) throw cause;
    rmSync(cached, { force: true }); // built on another system, it may not load on this one
    await bring(cached);
    await tryOut();
  }
}

async function bring(cached) {
  if (!existsSync(cached)) {
    const compiler = findCompiler();
    if (compiler === undefined) throw NO_COMPILER;
    const headers = ['-DNAPI_VERSION=8', '-I', modules('node-api-headers', 'include')];
    const args = [
      ...FLAGS,
      ...headers,
      join(folder, 'dense-steps.cc'),
      ...(LINK_FLAGS[process.platform] ?? []),
    ];
    await compile('the batched training step', compiler, args, cached);
  }
  place(cached, densePath);
}

/** One step from zero on one sample x = 1 of class 0 of two: both gradients are ∓½. */
async function tryOut() {
  const script = `
    const { train } = require(${JSON.stringify(densePath)});
    const [vector, results] = [new Float32Array(4), new Float64Array(2)];
    const features = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const [one, zero] = [Int32Array.of(1), Int32Array.of(0)];
    const settings = Float64Array.of(0, Infinity, 1);
    train(Int32Array.of(1, 2), features, zero, [vector], zero, one, Float64Array.of(1), settings, results, false);
    if (vector.join() !== '0.5,-0.5,0.5,-0.5') throw new Error('it computes ' + vector.join());`;
  await step('Trying the batched training step out', () => run(process.execPath, ['-e', script]));
}

/** @returns {string} names everything that it is built from */
function keyOf() {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, name)));
  hash.update(JSON.stringify([FLAGS, LINK_FLAGS, process.platform, process.arch]));
  return hash.digest('hex').slice(0, 16);
}
