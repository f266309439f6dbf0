/** Runs of `grapevine simulate` and `grapevine swarm` for a figure, each in a folder that is gone afterwards, and what their records say. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Runs the experiment and gives what `read` makes of its folder.
 * @param {'simulate' | 'swarm'} command
 * @param {object} experiment an experiment file, as an object
 * @param {(run: {folder: string, summary: object, logs: object[][]}) => Result} read logs: the lines of each peer
 * @returns {Result}
 */
export function ran(command, experiment, read) {
  const parent = mkdtempSync(join(tmpdir(), 'grapevine-figure-'));
  try {
    const file = join(parent, 'experiment.json');
    const folder = join(parent, 'run');
    writeFileSync(file, JSON.stringify(experiment));
    const argv = [MAIN, command, file, '--out', folder, '--json', '--quiet'];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    if (status !== 0)
      throw new Error(`${command} of ${JSON.stringify(experiment)} ended with ${status}: ${stderr}`);
    return read({ folder, summary: JSON.parse(stdout), logs: logsOf(folder) });
  } finally {
    rmSync(parent, { recursive: true, force: true, maxRetries: 5 });
  }
}

function logsOf(folder) {
  const peers = join(folder, 'peers');
  return readdirSync(peers)
    .sort()
    .map((name) =>
      readFileSync(join(peers, name, 'events.jsonl'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line)),
    );
}

export function roundsOf(log) {
  return log.filter(({ type }) => type === 'round');
}
