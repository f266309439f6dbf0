/**
 * Asynchronous runs as processes and on virtual time: final mean accuracy per seed and rule, and the difference of the means over the
 * seeds. A simulation knows of a machine what it is told: each is given the swarm's own training times, round by round, as a trace, and
 * half the median wait of its rounds as the delay of a message.
 *   --seeds N        default 10
 *   --rules a,b      default pairwise,gossip-learning
 *   --rounds N       default 300
 * Exit code 1 where some rule differs by more than 0.5 points.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
      const swarm = run('swarm', rule, seed);
      const simulate = run('simulate', rule, seed, timesOf(rule, seed));
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

/** What the swarm took, as settings of the simulation. */
function timesOf(rule, seed) {
  const peers = join(folder, `swarm-${rule}-${seed}`, 'peers');
  const rounds = readdirSync(peers)
    .sort()
    .map((name) =>
      readFileSync(join(peers, name, 'events.jsonl'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"type":"round"'))
        .map((line) => JSON.parse(line)),
    );
  const trace = join(folder, `times-${rule}-${seed}.csv`);
  const lines = Array.from({ length: Number(options.rounds) }, (_, round) =>
    rounds.map((silo) => silo[round]?.trainMs ?? silo.at(-1).trainMs).join(),
  );
  writeFileSync(trace, lines.join('\n'));
  const waits = rounds.flatMap((silo) => silo.map(({ waitMs }) => waitMs)).sort((a, b) => a - b);
  const delayMs = (waits[Math.floor(waits.length / 2)] ?? 2) / 2;
  return [
    `links={delay: ${delayMs}}`,
    `simulate={compute: {kind: trace, path: ${JSON.stringify(trace)}, per: round}}`,
  ];
}

/** Mean accuracy over the silos at the run's end. */
function run(command, rule, seed, world = []) {
  const out = join(folder, `${command}-${rule}-${seed}`);
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
