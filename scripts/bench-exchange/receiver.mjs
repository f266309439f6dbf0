/** The receiving process of the benchmark: counts what arrives on each path and says when a path has what was expected. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { bareNode, MEMBERS, transportFor } from './peers.mjs';

let expected = { path: '', bytes: 0 };
const transports = [];

function report() {
  const { user, system } = process.cpuUsage();
  const socketBytes = transports.reduce((sum, transport) => sum + transport.counters().socketBytesSent, 0);
  process.send({ cpuMicros: user + system, socketBytes });
}

function arrived(path, bytes) {
  if (path !== expected.path) return;
  expected.bytes -= bytes;
  if (expected.bytes === 0) report();
}

async function listenTcp() {
  const server = createServer((socket) => socket.on('data', (data) => arrived('tcp', data.byteLength)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

async function listenNoise() {
  const node = await bareNode({ listen: ['/ip4/127.0.0.1/tcp/0'] });
  await node.handle('/bench/1', (stream) => {
    stream.addEventListener('message', ({ data }) => arrived('noise', data.byteLength));
  });
  return node.getMultiaddrs()[0].toString();
}

async function listenGossip(topic, onMessage) {
  const node = await bareNode({ listen: ['/ip4/127.0.0.1/tcp/0'], gossip: true });
  node.services.pubsub.addEventListener('message', ({ detail }) => onMessage(detail.data));
  node.services.pubsub.subscribe(topic);
  return node.getMultiaddrs()[0].toString();
}

/** Joins the pieces of one model after another; the last message is their digest. */
function joined(onModel) {
  let model;
  let hash;
  return (message) => {
    if (message.byteLength === 32) {
      if (!hash.digest().equals(message)) throw new Error('the digest does not match');
      onModel(model);
      model = undefined;
      return;
    }
    const [start, total] = new BigUint64Array(message.slice(0, 16).buffer);
    if (model === undefined) {
      model = new Uint8Array(Number(total));
      hash = createHash('sha256');
    }
    const piece = message.subarray(16);
    model.set(piece, Number(start));
    hash.update(piece);
  };
}

async function listenOurs(carrier, path) {
  const transport = await transportFor(1, carrier);
  transports.push(transport);
  const ignore = () => undefined;
  return transport.start(MEMBERS.greeting, {
    linkUp: ignore,
    linkDown: ignore,
    control: ignore,
    refused: (_from, reason, detail) => process.stderr.write(`refused: ${reason} ${detail}\n`),
    frame: (_from, frame) => arrived(path, frame.body[0].byteLength),
  });
}

process.on('message', async (message) => {
  if (message.kind === 'expect') {
    expected = { path: message.path, bytes: message.bytes };
    return report();
  }
  const addresses = {
    tcp: await listenTcp(),
    noise: await listenNoise(),
    gossipsub: await listenGossip('bench', (data) => arrived('gossipsub', data.byteLength)),
    'gossipsub model': await listenGossip(
      'bench-model',
      joined((model) => arrived('gossipsub model', model.byteLength)),
    ),
    ours: await listenOurs('stream', 'ours'),
    'ours-gossip': await listenOurs('gossip', 'ours-gossip'),
  };
  process.send({ addresses });
});
process.on('disconnect', () => process.exit());
