/** Refuses a Node version that Grapevine does not run on, before anything is installed. */

/** The lowest accepted version, as in package.json's `engines`. */
const LOWEST = [20, 20];

/**
 * @param {string} version such as "20.20.2"
 * @returns {boolean} whether Grapevine runs on it
 */
function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > LOWEST[0] || (major === LOWEST[0] && minor >= LOWEST[1]);
}

/** @throws {Error} with what was found, what is wanted and what to do */
export function checkNodeVersion(version = process.versions.node) {
  if (isSupported(version)) return;
  throw new Error(
    `Node ${version} is too old: Grapevine needs Node ${LOWEST.join('.')} or later (20.20+, 22 or 24). ` +
      'Install a newer Node and run the command again.',
  );
}
