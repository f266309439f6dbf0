/**
 * npm run bench:memory -- [--rounds 10000] [--warm-up 1000] [--peers 3] [--rule dpsgd] [--lone] [--json FILE]
 * What a long run keeps: real processes do many quick rounds (softmax on digits, one step each), and their resident memory is read from
 * the system as they go. Wanted: from the end of the warm-up to the end it grows by less than 5 %, and the engine holds as many tensors
 * after all rounds as after a tenth of them. Growth is that of a straight line through all readings after the warm-up (least squares),
 * over its value at the warm-up's end: single readings jump with every garbage collection. `--lone`: each peer is a `grapevine peer`, with a key, a
 * silo file and a signed membership, instead of a child of `grapevine swarm`. Linux only (/proc).
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeSilos } from './lone-silos/silos.mjs';

const GRAPEVINE = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const GROWTH_MAX = 0.05;
const READ_EVERY_MS = 500;
const TAIL_BYTES = 4_096;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10000' },
    'warm-up': { type: 'string', default: '1000' },
    peers: { type: 'string', default: '3' },
    rule: { type: 'string', default: 'dpsgd' },
    lone: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const warmUp = Number(values['warm-up']);
const peers = Number(values.peers);

function experimentOf(roundCount) {
  return {
    name: 'memory',
    data: { dataset: 'digits', silos: peers, partition: 'iid', testShare: 0.2 },
    model: 'softmax',
    train: { learningRate: 0.05, batchSize: 16, localSteps: 1 },
    topology: { kind: 'ring' },
    exchange: {
      rule: values.rule,
      ...(values.rule === 'dpsgd' || values.rule === 'choco' ? {} : { periodMs: 4 }),
    },
    evaluate: { everyRounds: 100 },
    checkpoint: { everyRounds: 100 },
    stop: { rounds: roundCount },
  };
}

/** A run of so many rounds; `onReading(pid, name, round, rssBytes)` as it goes. Resolves with what the summaries say of each peer. */
async function runOf(roundCount, onReading) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-memory-'));
  try {
    return await (values.lone ? silosIn : swarmIn)(folder, experimentOf(roundCount), onReading);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function swarmIn(folder, experiment, onReading) {
  const file = join(folder, 'experiment.json');
  const out = join(folder, 'run');
  writeFileSync(file, JSON.stringify(experiment));
  const launcher = grapevine('swarm', '--out', out, file);
  const reading = setInterval(() => {
    const round = lastRoundOf(join(out, 'peers', 'silo-0', 'events.jsonl'));
    if (round === undefined) return;
    onReading(launcher.pid, 'launcher', round, rssOf(launcher.pid));
    for (const pid of peersOf(launcher.pid)) onReading(pid, `peer ${pid}`, round, rssOf(pid));
  }, READ_EVERY_MS);
  try {
    return (await launcher.summary).peers;
  } finally {
    clearInterval(reading);
  }
}

async function silosIn(folder, experiment, onReading) {
  const silos = await makeSilos(folder, experiment);
  const running = silos.map((silo) => ({ ...silo, ...grapevine('peer', silo.file) }));
  const reading = setInterval(() => {
    for (const { pid, name, runFolder } of running) {
      const round = lastRoundOf(join(runFolder, 'events.jsonl'));
      // Once it is done it waits for the others, and writes its model and its summary.
      if (round !== undefined && round < experiment.stop.rounds) onReading(pid, name, round, rssOf(pid));
    }
  }, READ_EVERY_MS);
  try {
    const summaries = await Promise.all(running.map(({ summary }) => summary));
    return summaries.flatMap(({ peers: [own] }) => own);
  } finally {
    clearInterval(reading);
    for (const { end } of running) end();
  }
}

/** A process of the command line, and the document it leaves on stdout. */
function grapevine(...args) {
  const child = spawn(process.execPath, [GRAPEVINE, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const summary = new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout));
      else reject(new Error(`grapevine ${args[0]} ended with ${code}: ${stderr.slice(-2_000)}`));
    });
  });
  return { pid: child.pid, summary, end: () => child.kill('SIGKILL') };
}

/** Processes that run a peer for the launcher. */
function peersOf(launcher) {
  return textOf(`/proc/${launcher}/task/${launcher}/children`)
    .split(' ')
    .filter((pid) => pid !== '' && textOf(`/proc/${pid}/cmdline`).includes('swarm-child'));
}

function rssOf(pid) {
  const found = /VmRSS:\s+(\d+) kB/.exec(textOf(`/proc/${pid}/status`));
  return found === null ? undefined : 1024 * Number(found[1]);
}

/** Of a log that is being written; undefined where no round is in its last bytes. */
function lastRoundOf(path) {
  let tail;
  try {
    const file = openSync(path, 'r');
    const size = fstatSync(file).size;
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    closeSync(file);
    tail = bytes.toString('utf8');
  } catch {
    return undefined;
  }
  return [...tail.matchAll(/"type":"round","peer":\d+,"round":(\d+)/g)]
    .map(([, round]) => Number(round))
    .at(-1);
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

/** Growth from the first to the last round of [round, value], by the line of least squares, over its value at the first. */
function growthOf(points) {
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const middle = mean(points.map(([round]) => round));
  const level = mean(points.map(([, value]) => value));
  const slope =
    mean(points.map(([round, value]) => (round - middle) * (value - level))) /
    mean(points.map(([round]) => (round - middle) ** 2));
  const [first, last] = [points[0][0], points.at(-1)[0]];
  return (slope * (last - first)) / (level - slope * (middle - first));
}

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);

const short = await runOf(Math.round(rounds / 10), () => undefined);
const readings = new Map();
const long = await runOf(rounds, (pid, name, round, rss) => {
  if (rss === undefined) return;
  if (!readings.has(pid)) readings.set(pid, { name, all: [] });
  readings.get(pid).all.push([round, rss]);
});
let isFine = true;
const rows = [];
for (const { name, all } of readings.values()) {
  const points = all.filter(([round]) => round >= warmUp);
  if (points.length < 10) throw new Error(`only ${points.length} readings of ${name} after round ${warmUp}`);
  const growth = growthOf(points);
  const [first, last] = [points[0], points.at(-1)];
  const most = Math.max(...points.map(([, rss]) => rss));
  rows.push({ process: name, readings: points.length, growth, first, last, most });
  if (name !== 'launcher') isFine &&= growth < GROWTH_MAX;
  console.log(
    `${name}: rounds ${first[0]} to ${last[0]}, ${points.length} readings, ${mib(first[1])} to ${mib(last[1])} MiB, most ${mib(most)}; growth ${(100 * growth).toFixed(2)} %`,
  );
}
for (const [index, { name, tensors }] of long.entries()) {
  const before = short[index].tensors;
  isFine &&= tensors === before;
  console.log(
    `${name}: ${before} tensors after ${Math.round(rounds / 10)} rounds, ${tensors} after ${rounds}`,
  );
}
console.log(
  `${isFine ? 'held' : 'NOT HELD'}: growth below ${100 * GROWTH_MAX} % after round ${warmUp}, no tensor left`,
);
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ rows, short, long }, null, 2)}\n`);
process.exitCode = isFine ? 0 : 1;
