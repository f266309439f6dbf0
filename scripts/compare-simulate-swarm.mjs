/**
 * Asynchronous runs as processes and on virtual time: final mean accuracy per seed and rule, and the difference of the means over the
 * seeds. A simulation knows of a machine what it is told: each takes the times of its swarm, round by round
 * (`simulate: {compute: {kind: run, from: SWARM_DIR}}`).
 *   --seeds N        default 10
 *   --rules a,b      default pairwise,gossip-learning
 *   --rounds N       default 300
 *   --settings a=b   more `--set` for the simulation, separated by commas
 *   --out DIR        keeps the swarms there, and takes those that are there already
 * Exit code 1 where some rule differs by more than 0.5 points.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    rounds: { type: 'string', default: '300' },
    settings: { type: 'string' },
    out: { type: 'string' },
  },
});
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const more = options.settings?.split(',') ?? [];
const folder = mkdtempSync(join(tmpdir(), 'grapevine-compare-'));
const swarms = options.out ?? join(folder, 'swarms');
mkdirSync(swarms, { recursive: true });
const file = join(folder, 'experiment.yaml');
writeFileSync(
  file,
  `name: compare
data: {dataset: digits, silos: 5, partition: {kind: dirichlet, alpha: 0.5}, testShare: 0.2}
model: softmax
train: {optimizer: sgd, learningRate: 0.1, batchSize: 16, localSteps: 8, schedule: {kind: cosine, steps: ${8 * options.rounds}, floor: 0.02}}
topology: {kind: ring}
evaluate: {everyRounds: ${options.rounds}}
checkpoint: {everyRounds: ${options.rounds}}
stop: {rounds: ${options.rounds}}
`,
);

let fails = false;
try {
  for (const rule of options.rules.split(',')) {
    const rows = [];
    for (const seed of seeds) {
      const out = join(swarms, `${rule}-${seed}`);
      const swarm = swarmOf(rule, seed, out);
      const times = `simulate={compute: {kind: run, from: ${JSON.stringify(out)}}}`;
      const simulate = run('simulate', rule, seed, join(folder, `${rule}-${seed}`), [times, ...more]);
      rows.push({ swarm, simulate });
      console.log(
        `${rule.padEnd(18)} seed ${String(seed).padStart(2)}  swarm ${percent(swarm)}  simulate ${percent(simulate)}`,
      );
    }
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

/** Mean accuracy of the swarm, which is run unless it was before. */
function swarmOf(rule, seed, out) {
  const summary = join(out, 'summary.json');
  if (existsSync(summary)) return JSON.parse(readFileSync(summary, 'utf8')).accuracy.together.mean;
  rmSync(out, { recursive: true, force: true, maxRetries: 5 });
  return run('swarm', rule, seed, out);
}

/** Mean accuracy over the silos at the run's end. */
function run(command, rule, seed, out, world = []) {
  const settings = [`seed=${seed}`, `exchange.rule=${rule}`, ...world].flatMap((setting) => [
    '--set',
    setting,
  ]);
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
