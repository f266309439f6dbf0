/**
 * npm run bench:exchange — how fast models travel between two processes on loopback, all ways in one run:
 * raw TCP, a bare libp2p noise stream, our data plane (SHA-256 included), bare gossipsub in 1 MB pieces, and the same with what a sender
 * of models needs on top (pieces joined into one model, SHA-256 checked); then our two carriers, `stream` and `gossip`, with
 * time, CPU of both processes and bytes on the socket. Repetitions are interleaved, every other one in reverse order. Times
 * are medians; a ratio is the median over the repetitions of the ratio within one, which what else the machine does moves least.
 * `--json` prints one JSON document on stdout.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { gossipModelPath, gossipPath, ourPath, rawStreamPath, tcpPath } from './bench-exchange/paths.mjs';

const MB = 1024 * 1024;
const GOSSIP_PIECE_BYTES = MB;
const WARM_UP_ROUNDS = 3;
const json = process.argv.includes('--json');
const say = (line) => (json ? process.stderr : process.stdout).write(`${line}\n`);

/** The share `share` of the values is below it. @param {number[]} values */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

/** @param {number[]} values */
const median = (values) => quantile(values, 0.5);

/** The other process: asks go out by name, answers come back in order. */
class Receiver {
  constructor() {
    const script = fileURLToPath(new URL('./bench-exchange/receiver.mjs', import.meta.url));
    this.child = fork(script, { stdio: 'inherit' });
  }

  async ask(message) {
    this.child.send(message);
    const [answer] = await once(this.child, 'message');
    return answer;
  }

  /** Runs `send` and waits until the receiver has `bytes` on this path. Milliseconds and CPU of both ends. */
  async timed(path, bytes, send) {
    const before = await this.ask({ kind: 'expect', path, bytes });
    const arrived = once(this.child, 'message');
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    await send();
    const [after] = await arrived;
    const wallMs = performance.now() - startMs;
    const own = process.cpuUsage(cpu);
    const cpuMs = (own.user + own.system + after.cpuMicros - before.cpuMicros) / 1000;
    return { wallMs, cpuMs, receiverSocketBytes: after.socketBytes - before.socketBytes };
  }
}

/** Runs every path `repetitions` times, one after another, after rounds that do not count: all code is compiled by then. */
async function interleaved(paths, repetitions, measure) {
  const samples = new Map(paths.map((path) => [path, []]));
  for (let round = -WARM_UP_ROUNDS; round < repetitions; round++) {
    for (const path of round % 2 === 0 ? paths : [...paths].reverse()) {
      const sample = await measure(path);
      if (round >= 0) samples.get(path).push(sample);
    }
  }
  return samples;
}

async function throughput(receiver, paths) {
  const rows = [];
  const ratios = new Map();
  for (const [megabytes, repetitions] of [
    [1, 31],
    [16, 21],
    [64, 7],
  ]) {
    const bytes = megabytes * MB;
    const body = new Uint8Array(bytes).fill(megabytes);
    const names =
      megabytes === 16
        ? [...paths.keys()]
        : [...paths.keys()].filter((name) => !name.startsWith('gossipsub'));
    const samples = await interleaved(names, repetitions, (name) =>
      receiver.timed(name, bytes, () => paths.get(name).send(body)),
    );
    const ours = samples.get('ours');
    for (const [path, all] of samples) {
      const wallMs = median(all.map((sample) => sample.wallMs));
      const cpuMs = median(all.map((sample) => sample.cpuMs));
      const faster = all.map((sample, round) => sample.wallMs / ours[round].wallMs);
      ratios.set(
        `${path} ${megabytes}`,
        [0.5, 0.25, 0.75].map((share) => quantile(faster, share)),
      );
      rows.push({
        megabytes,
        path,
        wallMs,
        mbPerSecond: (megabytes / wallMs) * 1000,
        cpuMsPerMb: cpuMs / megabytes,
      });
    }
  }
  return { rows, ratios };
}

async function carriers(receiver, stream, gossip) {
  const rows = [];
  for (const megabytes of [0.2, 1, 4]) {
    const bytes = Math.round(megabytes * MB);
    const body = new Uint8Array(bytes).fill(3);
    const sent = new Map();
    const paths = new Map([
      ['stream', stream],
      ['gossip', gossip],
    ]);
    const samples = await interleaved(['stream', 'gossip'], 15, async (name) => {
      const path = paths.get(name);
      const before = path.socketBytes();
      const sample = await receiver.timed(name === 'stream' ? 'ours' : 'ours-gossip', bytes, () =>
        path.send(body),
      );
      sent.set(name, path.socketBytes() - before + sample.receiverSocketBytes);
      return sample;
    });
    for (const [carrier, all] of samples) {
      rows.push({
        megabytes,
        carrier,
        wallMs: median(all.map((sample) => sample.wallMs)),
        cpuMs: median(all.map((sample) => sample.cpuMs)),
        socketBytes: sent.get(carrier),
      });
    }
  }
  return rows;
}

const receiver = new Receiver();
try {
  const { addresses } = await receiver.ask({ kind: 'start' });
  const ours = await ourPath('stream', addresses.ours);
  const oursGossip = await ourPath('gossip', addresses['ours-gossip']);
  const paths = new Map([
    ['tcp', await tcpPath(addresses.tcp)],
    ['noise', await rawStreamPath(addresses.noise)],
    ['ours', ours],
    ['gossipsub', await gossipPath(addresses.gossipsub, GOSSIP_PIECE_BYTES)],
    ['gossipsub model', await gossipModelPath(addresses['gossipsub model'], GOSSIP_PIECE_BYTES)],
  ]);
  const { rows, ratios: quartiles } = await throughput(receiver, paths);
  const carrierRows = await carriers(receiver, ours, oursGossip);
  const to = (path) =>
    Object.fromEntries(
      [1, 16, 64].flatMap((size) => {
        const found = quartiles.get(`${path} ${size}`);
        return found === undefined ? [] : [[size, found]];
      }),
    );
  /** How many times as fast ours is: median, lower and upper quartile. */
  const ratios = Object.fromEntries(
    [...paths.keys()].filter((path) => path !== 'ours').map((path) => [path, to(path)]),
  );
  say('     size  path                ms      MB/s  CPU ms/MB (both ends)');
  for (const { megabytes, path, wallMs, mbPerSecond, cpuMsPerMb } of rows) {
    const columns = [
      wallMs.toFixed(2).padStart(9),
      mbPerSecond.toFixed(0).padStart(8),
      cpuMsPerMb.toFixed(2).padStart(8),
    ];
    say(`${String(megabytes).padStart(6)} MB  ${path.padEnd(15)} ${columns.join('')}`);
  }
  const goals = { 'noise 16': '≥ 0.85', 'gossipsub 16': '≥ 4' };
  for (const [path, sizes] of Object.entries(ratios)) {
    for (const [size, [middle, low, high]] of Object.entries(sizes)) {
      const goal = goals[`${path} ${size}`];
      const spread = `${middle.toFixed(2)} (half of them ${low.toFixed(2)} to ${high.toFixed(2)})`;
      say(`ours / ${path} at ${size} MB: ${spread}${goal === undefined ? '' : `, goal ${goal}`}`);
    }
  }
  say('     size  carrier        ms    CPU ms   socket bytes');
  for (const { megabytes, carrier, wallMs, cpuMs, socketBytes } of carrierRows) {
    const columns = [
      wallMs.toFixed(2).padStart(9),
      cpuMs.toFixed(2).padStart(10),
      String(socketBytes).padStart(14),
    ];
    say(`${String(megabytes).padStart(6)} MB  ${carrier.padEnd(10)} ${columns.join('')}`);
  }
  if (json)
    process.stdout.write(
      `${JSON.stringify({ node: process.version, rows, carriers: carrierRows, ratios }, null, 2)}\n`,
    );
} finally {
  receiver.child.kill();
  process.exit();
}
