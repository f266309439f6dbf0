/**
 * Bytes until the worst of 16 ring peers reaches 92 % on digits' test data, Dirichlet(0.5), on virtual time: D-PSGD in full precision
 * against CHOCO-SGD with scaled sign at equal local steps, and with more local steps. Bytes are what a peer puts on the wire, frame and head of
 * each message included; the mean over peers, then over seeds.
 *   npm run build && npm run figures:compression [-- seeds=1,2,3 models=softmax,mlp,large out=FILE.json]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const given = Object.fromEntries(process.argv.slice(2).map((word) => word.split('=')));
const seeds = (given.seeds ?? '1,2,3').split(',').map(Number);
const peers = 16;
const target = 0.92;

const models = {
  softmax: { yaml: '{kind: softmax}', params: 650, rate: 0.5 },
  mlp: { yaml: '{kind: mlp, hidden: [64]}', params: 4_810, rate: 0.3 },
  large: { yaml: '{kind: mlp, hidden: [512, 128]}', params: 100_234, rate: 0.2 },
};
const settings = [
  { name: 'full precision, 1 step', exchange: '{rule: dpsgd}', localSteps: 1, rounds: 300 },
  {
    name: 'int8 with error feedback, 1 step',
    exchange: '{rule: dpsgd, encoding: int8}',
    localSteps: 1,
    rounds: 300,
  },
  {
    name: 'sign, 1 step',
    exchange: '{rule: choco, compressor: sign, gamma: 0.5}',
    localSteps: 1,
    rounds: 350,
  },
  {
    name: 'sign, 16 steps',
    exchange: '{rule: choco, compressor: sign, gamma: 0.5}',
    localSteps: 16,
    rounds: 100,
  },
];

/** Kilobytes per peer until the worst peer is there, and the round; undefined where it never is. */
function measure(model, { exchange, localSteps, rounds }, seed) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-figures-'));
  try {
    const file = join(folder, 'experiment.yaml');
    writeFileSync(
      file,
      `name: figure
seed: ${seed}
data: {dataset: digits, silos: ${peers}, partition: {kind: dirichlet, alpha: 0.5}, testShare: 0.2}
model: ${model.yaml}
train: {optimizer: sgd, learningRate: ${model.rate}, batchSize: 32, localSteps: ${localSteps}}
topology: {kind: ring}
exchange: ${exchange}
record: rounds
stop: {rounds: ${rounds}}
`,
    );
    execFileSync(process.execPath, [main, 'simulate', file, '--out', join(folder, 'run'), '--json'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return until(linesBelow(join(folder, 'run')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function linesBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('events.jsonl') && statSync(path).isFile())
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => line.includes('"type":"round"'))
    .map((line) => JSON.parse(line));
}

function until(lines) {
  const byRound = new Map();
  for (const { round, globalTest, bytesSent } of lines) {
    const at = byRound.get(round) ?? { count: 0, worst: 1, bytes: 0 };
    at.count += 1;
    at.worst = Math.min(at.worst, globalTest ?? 0);
    at.bytes += bytesSent;
    byRound.set(round, at);
  }
  let bytes = 0;
  for (const round of [...byRound.keys()].sort((a, b) => a - b)) {
    const at = byRound.get(round);
    bytes += at.bytes;
    if (at.count === peers && at.worst >= target) return { round, kilobytes: bytes / peers / 1000 };
  }
  return undefined;
}

const rows = [];
for (const name of (given.models ?? Object.keys(models).join(',')).split(',')) {
  const model = models[name];
  let full;
  for (const setting of settings) {
    const got = seeds.map((seed) => measure(model, setting, seed));
    const reached = got.filter((one) => one !== undefined);
    const mean = (key) => reached.reduce((sum, one) => sum + one[key], 0) / reached.length;
    const kilobytes = reached.length === seeds.length ? mean('kilobytes') : Number.NaN;
    full ??= kilobytes;
    rows.push({
      model: `${name} (${model.params})`,
      setting: setting.name,
      rounds: reached.map(({ round }) => round).join(' '),
      'kB per peer': Number(kilobytes.toFixed(1)),
      'times fewer': Number((full / kilobytes).toFixed(1)),
    });
    console.table([rows.at(-1)]);
  }
}
console.log(`Until the worst of ${peers} ring peers reaches ${100 * target} %, seeds ${seeds.join(', ')}:`);
console.table(rows);
if (given.out !== undefined) writeFileSync(given.out, `${JSON.stringify(rows, undefined, 1)}\n`);
