/**
 * Brings a fresh clone to the point where everything runs: packages, TensorFlow, native/, dist/. Each part knows by itself
 * whether it is done, so that set-up costs nothing when it has nothing to do and repairs what was interrupted.
 */
import { build, isBuilt } from './build.mjs';
import { endChildren } from './command.mjs';
import { denseStepsAreReady, setUpDenseSteps } from './dense-steps.mjs';
import { withLock } from './lock.mjs';
import { checkNodeVersion } from './node-version.mjs';
import { installPackages, packagesAreInstalled } from './packages.mjs';
import { say } from './progress.mjs';
import { setUpTensorflow, tensorflowIsReady } from './tensorflow.mjs';

/** Exit codes of the signals that people and machines stop a set-up with. */
const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Sets up, or ends the process with exit code 3 and a message that says what to do.
 * @param {{retry?: boolean}} [options] retry: try TensorFlow again even if it failed a moment ago
 * @returns {Promise<void>}
 */
export async function setUp({ retry = false } = {}) {
  for (const [signal, exitCode] of Object.entries(SIGNAL_EXITS)) process.on(signal, stop(signal, exitCode));
  try {
    checkNodeVersion();
    if (retry || !isSetUp()) await withLock(() => parts(retry));
  } catch (cause) {
    say(`Set-up stopped: ${cause.message}`);
    process.exit(3);
  } finally {
    for (const signal of Object.keys(SIGNAL_EXITS)) process.removeAllListeners(signal);
  }
}

function isSetUp() {
  return packagesAreInstalled() && tensorflowIsReady() && denseStepsAreReady() && isBuilt();
}

async function parts(retry) {
  await installPackages();
  // The other engines compute batches by themselves.
  if ((await setUpTensorflow({ retry })) === 'tensorflow') await setUpDenseSteps({ retry });
  await build();
}

function stop(signal, exitCode) {
  return () => {
    endChildren(signal);
    say(`Set-up stopped by ${signal}; the next one takes up where this one was.`);
    process.exit(exitCode);
  };
}
