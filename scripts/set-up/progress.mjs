/**
 * Shows what set-up is doing, on stderr: a spinner on a terminal, plain lines elsewhere.
 * A step that lasts tells its elapsed seconds.
 */
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPIN_MS = 120;
const LINE_MS = 5000;

const err = process.stderr;

/** Prints one line of its own. */
export function say(line) {
  err.write(`${line}\n`);
}

/**
 * Runs `work` while telling how long it has been at it.
 * @template T
 * @param {string} title what is being done, as people say it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} what `work` returned; its failure passes through
 */
export async function step(title, work) {
  const startedMs = Date.now();
  const seconds = () => ((Date.now() - startedMs) / 1000).toFixed(0);
  const stop = err.isTTY ? spin(title, seconds) : tell(title, seconds);
  try {
    const result = await work();
    stop(`done in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    return result;
  } catch (cause) {
    stop(`did not work (${seconds()} s)`);
    throw cause;
  }
}

function spin(title, seconds) {
  let frame = 0;
  const timer = setInterval(() => {
    frame = (frame + 1) % FRAMES.length;
    err.write(`\r\x1b[2K${FRAMES[frame]} ${title} … ${seconds()} s`);
  }, SPIN_MS);
  return (end) => {
    clearInterval(timer);
    err.write(`\r\x1b[2K${title}: ${end}\n`);
  };
}

function tell(title, seconds) {
  say(`${title} …`);
  const timer = setInterval(() => say(`  ${title}: ${seconds()} s so far`), LINE_MS);
  return (end) => {
    clearInterval(timer);
    say(`${title}: ${end}`);
  };
}
