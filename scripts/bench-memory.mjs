/**
 * npm run bench:memory -- [--rounds 10000] [--warm-up 1000] [--peers 3] [--rule dpsgd] [--json FILE]
 * What a long run keeps: real processes do many quick rounds (softmax on digits, one step each), and their resident memory is read from
 * the system as they go. Wanted: from the end of the warm-up to the end it grows by less than 5 %, and the engine holds as many tensors
 * after all rounds as after a tenth of them. Growth is that of a straight line through all readings after the warm-up (least squares),
 * over its value at the warm-up's end: single readings jump with every garbage collection. Linux only (/proc).
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

/** Runs a swarm; `onReading(pid, round, rssBytes)` as it goes. Resolves with its summary. */
async function swarm(roundCount, onReading) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-memory-'));
  const file = join(folder, 'experiment.json');
  const out = join(folder, 'run');
  writeFileSync(file, JSON.stringify(experimentOf(roundCount)));
  const child = spawn(process.execPath, [GRAPEVINE, 'swarm', '--json', '--out', out, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const reading = setInterval(() => {
    const round = lastRoundOf(join(out, 'peers', 'silo-0', 'events.jsonl'));
    if (round === undefined) return;
    onReading(child.pid, round, rssOf(child.pid));
    for (const pid of peersOf(child.pid)) onReading(pid, round, rssOf(pid));
  }, READ_EVERY_MS);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(reading);
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`the swarm ended with ${code}: ${stderr.slice(-2_000)}`);
  return JSON.parse(stdout);
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

const short = await swarm(Math.round(rounds / 10), () => undefined);
const readings = new Map();
let launcher;
const long = await swarm(rounds, (pid, round, rss) => {
  launcher ??= pid;
  if (rss === undefined) return;
  if (!readings.has(pid)) readings.set(pid, []);
  readings.get(pid).push([round, rss]);
});
let isFine = true;
const rows = [];
for (const [pid, all] of readings) {
  const points = all.filter(([round]) => round >= warmUp);
  if (points.length < 10)
    throw new Error(`only ${points.length} readings of process ${pid} after round ${warmUp}`);
  const growth = growthOf(points);
  const row = {
    process: pid === launcher ? 'launcher' : `peer ${pid}`,
    readings: points.length,
    growth,
    first: points[0],
    last: points.at(-1),
    most: Math.max(...points.map(([, rss]) => rss)),
  };
  rows.push(row);
  if (pid !== launcher) isFine &&= growth < GROWTH_MAX;
  console.log(
    `${row.process}: rounds ${row.first[0]} to ${row.last[0]}, ${points.length} readings, ${mib(row.first[1])} to ${mib(row.last[1])} MiB, most ${mib(row.most)}; growth ${(100 * growth).toFixed(2)} %`,
  );
}
for (const [index, { name, tensors }] of long.peers.entries()) {
  const before = short.peers[index].tensors;
  isFine &&= tensors === before;
  console.log(
    `${name}: ${before} tensors after ${Math.round(rounds / 10)} rounds, ${tensors} after ${rounds}`,
  );
}
console.log(
  `${isFine ? 'held' : 'NOT HELD'}: growth below ${100 * GROWTH_MAX} % after round ${warmUp}, no tensor left`,
);
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ rows, short: short.peers, long: long.peers }, null, 2)}\n`);
process.exitCode = isFine ? 0 : 1;
