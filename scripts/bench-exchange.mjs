/**
 * npm run bench:exchange — how fast models travel between two processes on loopback, all ways in one run:
 * raw TCP, a bare libp2p noise stream, our data plane (SHA-256 included), bare gossipsub in 1 MB pieces; then our two
 * carriers, `stream` and `gossip`, with time, CPU of both processes and bytes on the socket. Repetitions are interleaved,
 * medians reported; ratios say more than absolute figures. `--json` prints one JSON document on stdout.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { gossipPath, ourPath, rawStreamPath, tcpPath } from './bench-exchange/paths.mjs';

const MB = 1024 * 1024;
const GOSSIP_PIECE_BYTES = MB;
const json = process.argv.includes('--json');
const say = (line) => (json ? process.stderr : process.stdout).write(`${line}\n`);

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

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

/** Runs every path `repetitions` times, one after another, after one round that does not count. */
async function interleaved(paths, repetitions, measure) {
  const samples = new Map(paths.map((path) => [path, []]));
  for (let round = -1; round < repetitions; round++) {
    for (const path of paths) {
      const sample = await measure(path);
      if (round >= 0) samples.get(path).push(sample);
    }
  }
  return samples;
}

async function throughput(receiver, paths) {
  const rows = [];
  for (const [megabytes, repetitions] of [
    [1, 31],
    [16, 11],
    [64, 5],
  ]) {
    const bytes = megabytes * MB;
    const body = new Uint8Array(bytes).fill(megabytes);
    const names =
      megabytes === 16 ? [...paths.keys()] : [...paths.keys()].filter((name) => name !== 'gossipsub');
    const samples = await interleaved(names, repetitions, (name) =>
      receiver.timed(name, bytes, () => paths.get(name).send(body)),
    );
    for (const [path, all] of samples) {
      const wallMs = median(all.map((sample) => sample.wallMs));
      const cpuMs = median(all.map((sample) => sample.cpuMs));
      rows.push({
        megabytes,
        path,
        wallMs,
        mbPerSecond: (megabytes / wallMs) * 1000,
        cpuMsPerMb: cpuMs / megabytes,
      });
    }
  }
  return rows;
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
  ]);
  const rows = await throughput(receiver, paths);
  const carrierRows = await carriers(receiver, ours, oursGossip);
  const rate = (path, megabytes) =>
    rows.find((row) => row.path === path && row.megabytes === megabytes)?.mbPerSecond ?? Number.NaN;
  const ratios = {
    oursToNoise: Object.fromEntries(
      [1, 16, 64].map((size) => [size, rate('ours', size) / rate('noise', size)]),
    ),
    oursToTcp: Object.fromEntries([1, 16, 64].map((size) => [size, rate('ours', size) / rate('tcp', size)])),
    oursToGossipsub: rate('ours', 16) / rate('gossipsub', 16),
  };
  say('     size  path           ms      MB/s  CPU ms/MB (both ends)');
  for (const { megabytes, path, wallMs, mbPerSecond, cpuMsPerMb } of rows) {
    const columns = [
      wallMs.toFixed(2).padStart(9),
      mbPerSecond.toFixed(0).padStart(8),
      cpuMsPerMb.toFixed(2).padStart(8),
    ];
    say(`${String(megabytes).padStart(6)} MB  ${path.padEnd(10)} ${columns.join('')}`);
  }
  for (const size of [1, 16, 64]) {
    say(
      `ours / bare noise stream at ${size} MB: ${ratios.oursToNoise[size].toFixed(2)}${size === 16 ? ' (goal ≥ 0.85)' : ''}`,
    );
  }
  say(`ours / gossipsub in 1 MB pieces at 16 MB: ${ratios.oursToGossipsub.toFixed(1)} (goal ≥ 4)`);
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
