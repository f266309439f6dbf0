/**
 * Asynchronous runs as processes and on virtual time: final mean accuracy per seed and rule, and the difference of the means over the
 * seeds. The simulation is told how long an update and a message take (--step-ms, --delay-ms); a swarm's are those of this machine.
 *   --seeds N        default 10
 *   --rules a,b      default pairwise,gossip-learning
 * Exit code 1 where some rule differs by more than 0.5 points.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const POINTS_MAX = 0.5;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    rules: { type: 'string', default: 'pairwise,gossip-learning' },
    'step-ms': { type: 'string', default: '1' },
    'delay-ms': { type: 'string', default: '1' },
  },
});
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const folder = mkdtempSync(join(tmpdir(), 'grapevine-compare-'));
const file = join(folder, 'experiment.yaml');
writeFileSync(
  file,
  `name: compare
data: {dataset: digits, silos: 5, partition: {kind: dirichlet, alpha: 0.5}, testShare: 0.2}
model: softmax
train: {optimizer: sgd, learningRate: 0.1, batchSize: 16, localSteps: 8}
topology: {kind: ring}
record: summary
evaluate: {everyRounds: 60}
links: {delay: ${options['delay-ms']}ms}
simulate: {compute: {kind: exponential, mean: ${options['step-ms']}ms}}
stop: {rounds: 60}
`,
);

let fails = false;
try {
  for (const rule of options.rules.split(',')) {
    const rows = seeds.map((seed) => ({
      seed,
      swarm: run('swarm', rule, seed),
      simulate: run('simulate', rule, seed),
    }));
    for (const { seed, swarm, simulate } of rows)
      console.log(
        `${rule.padEnd(18)} seed ${String(seed).padStart(2)}  swarm ${percent(swarm)}  simulate ${percent(simulate)}`,
      );
    const difference = 100 * (mean(rows.map((row) => row.swarm)) - mean(rows.map((row) => row.simulate)));
    if (Math.abs(difference) > POINTS_MAX) fails = true;
    console.log(
      `${rule.padEnd(18)} mean     swarm ${percent(mean(rows.map((row) => row.swarm)))}  simulate ${percent(mean(rows.map((row) => row.simulate)))}  difference ${difference.toFixed(2)} points (at most ${POINTS_MAX})`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = fails ? 1 : 0;

/** Mean accuracy over the silos at the run's end. */
function run(command, rule, seed) {
  const out = join(folder, `${command}-${rule}-${seed}`);
  const settings = [`seed=${seed}`, `exchange.rule=${rule}`].flatMap((setting) => ['--set', setting]);
  const argv = [MAIN, command, file, '--out', out, '--json', '--quiet', ...settings];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} of ${rule}, seed ${seed}, ended with ${status}: ${stderr}`);
  return JSON.parse(stdout).accuracy.together.mean;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}
