/**
 * npm run bench:replay — real asynchronous runs of processes, some with a peer killed (SIGKILL) and started again from its checkpoint,
 * each replayed from experiment, data and event logs after everything else has been deleted. The last line says how many come out
 * bit for bit; exit code 1 unless all do.
 *   --runs N       default 20
 *   --first SEED   seed of the first run, default 1
 *   --keep         leaves the runs in their folder
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const RULES = [
  '{rule: pairwise}',
  '{rule: gossip-learning}',
  '{rule: push-sum}',
  '{rule: gossip-learning, mode: push-pull}',
];
const GRAPHS = ['ring', 'complete', 'star', 'ring'];
const PEERS = 5;

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs);
const first = Number(options.first);
const folder = mkdtempSync(join(tmpdir(), 'grapevine-replay-'));

let equal = 0;
let killed = 0;
try {
  for (let seed = first; seed < first + runs; seed++) if (runAndReplay(seed)) equal += 1;
} finally {
  if (options.keep) console.log(`runs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(
  `${equal} of ${runs} runs replayed to the bit; in ${killed} of them a peer was killed and started again`,
);
process.exitCode = equal === runs ? 0 : 1;

/** One run and its replay; true where every model that the run ended with comes out. */
function runAndReplay(seed) {
  const rule = RULES[seed % RULES.length];
  const graph = GRAPHS[Math.floor(seed / RULES.length) % GRAPHS.length];
  // Two of three runs lose a peer at some time in the middle, for half a second.
  const kills = seed % 3 !== 0;
  const atMs = 300 + 97 * (seed % 11);
  const faults = kills
    ? `faults: {list: [{kind: crash, peer: ${seed % PEERS}, at: ${atMs}ms, restartAt: ${atMs + 500}ms}]}\n`
    : '';
  const file = join(folder, `${seed}.yaml`);
  writeFileSync(
    file,
    `name: replay-${seed}
seed: ${seed}
data: {dataset: digits, silos: ${PEERS}, partition: {kind: dirichlet, alpha: 0.5}, testShare: 0.2}
model: softmax
train: {optimizer: momentum, learningRate: 0.05, batchSize: 16, localSteps: 8}
topology: {kind: ${graph}}
exchange: ${rule}
record: all
evaluate: {everyRounds: 20}
checkpoint: {everyRounds: 5, keep: 3}
${faults}stop: {rounds: 60}
`,
  );
  const run = join(folder, String(seed));
  const swarm = grapevine('swarm', file, '--out', run, '--json', '--quiet');
  if (swarm.status !== 0) return tell(seed, rule, graph, kills, 0, `the run failed: ${swarm.stderr.trim()}`);
  const starts = readdirSync(join(run, 'peers')).map((name) => startsOf(run, name));
  const restarted = starts.some((count) => count > 1);
  if (restarted) killed += 1;
  for (const name of readdirSync(join(run, 'peers'))) {
    for (const left of readdirSync(join(run, 'peers', name)))
      if (left !== 'events.jsonl') rmSync(join(run, 'peers', name, left), { recursive: true });
  }
  for (const left of ['summary.json', 'report.html']) rmSync(join(run, left));
  const replay = grapevine('replay', run, '--json', '--quiet');
  if (replay.status !== 0)
    return tell(seed, rule, graph, restarted, 0, `exit code ${replay.status}: ${replay.stderr.trim()}`);
  const { peers } = JSON.parse(replay.stdout);
  return tell(
    seed,
    rule,
    graph,
    restarted,
    peers.filter(({ recorded, replayed }) => recorded === replayed).length,
  );
}

function startsOf(run, name) {
  const text = readFileSync(join(run, 'peers', name, 'events.jsonl'), 'utf8');
  return text.split('\n').filter((line) => line.startsWith('{"type":"run"')).length;
}

function tell(seed, rule, graph, restarted, count, trouble = '') {
  const fate = restarted ? 'with a kill and a restart' : 'nobody killed';
  console.log(
    `seed ${seed}, ${rule} on ${graph}, ${fate}: ${count} of ${PEERS} models equal${trouble === '' ? '' : `; ${trouble}`}`,
  );
  return count === PEERS;
}

function grapevine(...argv) {
  return spawnSync(process.execPath, [MAIN, ...argv], { encoding: 'utf8', maxBuffer: 1 << 28 });
}
