/**
 * Brings TensorFlow's C library into the cache. It comes out of the Python wheel of the same release, pinned
 * by its SHA-256: the place that tfjs-node's own install script loads it from is out of many networks' reach.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, runFetching } from './command.mjs';
import { cacheFolder, root } from './paths.mjs';
import { step } from './progress.mjs';

const RELEASE = '2.15.1';

/** The wheel for each `platform-arch`: its project, its platform tag and its SHA-256. */
const WHEELS = {
  'linux-x64': {
    project: 'tensorflow-cpu',
    tag: 'manylinux_2_17_x86_64',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  },
  'linux-arm64': {
    project: 'tensorflow-cpu-aws',
    tag: 'manylinux_2_17_aarch64',
    sha256: 'd4c3a3a9363bf42999adedbbd514e3a133be2d62f61fee9cfa46aaefb087c09e',
  },
  'darwin-x64': {
    project: 'tensorflow',
    tag: 'macosx_10_15_x86_64',
    sha256: '6761efe511e6ee0f893f60738fefbcc51d6dc386eeaaafea59d21899ef369ffd',
  },
  'darwin-arm64': {
    project: 'tensorflow',
    tag: 'macosx_12_0_arm64',
    sha256: 'aa926114d1e13ffe5b2ea59c3f195216f26646d7fe36e9e5207b291e4b7902ff',
  },
};

/** The names that the linker looks for, and the wheel's names they stand for. */
const LINKS = {
  linux: {
    'libtensorflow.so': 'libtensorflow_cc.so.2',
    'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
  },
  darwin: {
    'libtensorflow.dylib': 'libtensorflow_cc.2.dylib',
    'libtensorflow_framework.dylib': 'libtensorflow_framework.2.dylib',
  },
};

/** @returns {{project: string, tag: string, sha256: string} | undefined} the wheel for this machine, if there is one */
export function wheelHere() {
  if (process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime)
    return undefined;
  return WHEELS[`${process.platform}-${process.arch}`];
}

/** @returns {string} the folder in the cache for that wheel's library: `lib/`, `include/`, `manifest.json` */
export function libraryFolder(wheel) {
  return join(cacheFolder(), `tensorflow-${RELEASE}-${wheel.sha256.slice(0, 12)}`);
}

/** @returns {boolean} whether that folder holds every library whole (the manifest has their sizes) */
export function libraryIsCached(folder) {
  try {
    const sizes = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    return Object.entries(sizes).every(
      ([name, sizeBytes]) => statSync(join(folder, 'lib', name)).size === sizeBytes,
    );
  } catch {
    return false;
  }
}

/**
 * Downloads and unpacks the wheel beside its place in the cache, then renames: the folder is whole or absent.
 * @param {string} python with pip
 * @returns {Promise<void>}
 */
export async function fetchLibrary(wheel, python) {
  const folder = libraryFolder(wheel);
  const partial = mkdtempSync(join(cacheFolder(), `.partial-${process.pid}-`));
  try {
    await step(`Downloading TensorFlow ${RELEASE} (about 210 MB, once)`, () =>
      download(wheel, python, partial),
    );
    await step('Unpacking TensorFlow (about 600 MB)', () => unpack(python, partial));
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(partial, 'library'), folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Removes what interrupted set-ups left half done in the cache. */
export function clearPartials() {
  const cache = cacheFolder();
  for (const name of readdirSync(cache)) {
    const pid = Number(/^\.partial-(\d+)-/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !runs(pid)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

async function download(wheel, python, partial) {
  const requirements = join(partial, 'requirements.txt');
  writeFileSync(requirements, `${wheel.project}==${RELEASE} --hash=sha256:${wheel.sha256}\n`);
  const which = ['--no-deps', '--only-binary=:all:', '--python-version', '3.11', '--platform', wheel.tag];
  const how = ['--require-hashes', '--no-cache-dir', '--progress-bar', 'off', '--disable-pip-version-check'];
  await runFetching(python, [
    '-m',
    'pip',
    'download',
    ...which,
    ...how,
    '-r',
    requirements,
    '-d',
    join(partial, 'wheel'),
  ]);
}

async function unpack(python, partial) {
  const [wheelFile] = readdirSync(join(partial, 'wheel'));
  const folder = join(partial, 'library');
  mkdirSync(folder);
  await run(python, [
    join(root, 'scripts', 'set-up', 'unpack-wheel.py'),
    join(partial, 'wheel', wheelFile),
    folder,
  ]);
  const lib = join(folder, 'lib');
  const sizes = Object.fromEntries(readdirSync(lib).map((name) => [name, statSync(join(lib, name)).size]));
  for (const [link, target] of Object.entries(LINKS[process.platform])) {
    if (!(target in sizes)) throw new Error(`the wheel has no ${target}`);
    symlinkSync(target, join(lib, link));
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(sizes));
}

function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause.code === 'EPERM';
  }
}
