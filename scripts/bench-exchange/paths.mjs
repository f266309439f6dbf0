/** The sending ends of the benchmark's paths: each resolves to `{send(body), socketBytes()}` once it is connected. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { bareNode, MEMBERS, transportFor } from './peers.mjs';

/** Sends of the bare stream: 256 KiB were measured faster than 64 KiB. */
const SEND_BYTES = 256 * 1024;

export async function tcpPath(port) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return {
    send: async (body) => {
      if (!socket.write(body)) await once(socket, 'drain');
    },
  };
}

export async function rawStreamPath(address) {
  const node = await bareNode();
  const connection = await node.dial(multiaddr(address));
  const stream = await connection.newStream('/bench/1');
  return {
    send: async (body) => {
      for (let start = 0; start < body.byteLength; start += SEND_BYTES) {
        // onDrain() of libp2p 3.3.11 works only once: wait for the event.
        if (!stream.send(body.subarray(start, start + SEND_BYTES))) {
          await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }));
        }
      }
    },
  };
}

/** A node that publishes to the one peer at `address`, which subscribes to the topic. */
async function publisher(address, topic) {
  const node = await bareNode({ gossip: true });
  const { pubsub } = node.services;
  const subscribed = new Promise((resolve) =>
    pubsub.addEventListener('subscription-change', resolve, { once: true }),
  );
  await node.dial(multiaddr(address));
  await subscribed;
  return async (message) => {
    const { recipients } = await pubsub.publish(topic, message);
    if (recipients.length !== 1) throw new Error(`gossipsub reached ${recipients.length} peers`);
  };
}

export async function gossipPath(address, pieceBytes) {
  const publish = await publisher(address, 'bench');
  return {
    send: async (body) => {
      for (let start = 0; start < body.byteLength; start += pieceBytes) {
        await publish(body.subarray(start, start + pieceBytes));
      }
    },
  };
}

/** As a model has to travel: each piece says where it belongs, and a digest of all follows. */
export async function gossipModelPath(address, pieceBytes) {
  const publish = await publisher(address, 'bench-model');
  return {
    send: async (body) => {
      const hash = createHash('sha256');
      for (let start = 0; start < body.byteLength; start += pieceBytes) {
        const piece = body.subarray(start, start + pieceBytes);
        hash.update(piece);
        const message = new Uint8Array(16 + piece.byteLength);
        new BigUint64Array(message.buffer, 0, 2).set([BigInt(start), BigInt(body.byteLength)]);
        message.set(piece, 16);
        await publish(message);
      }
      await publish(hash.digest());
    },
  };
}

export async function ourPath(carrier, addresses) {
  const transport = await transportFor(0, carrier);
  const up = new Promise((resolve, reject) => {
    const ignore = () => undefined;
    const refused = (_from, reason, detail) => reject(new Error(`${reason}: ${detail}`));
    const handlers = { linkUp: resolve, linkDown: ignore, frame: ignore, control: ignore, refused };
    transport
      .start(MEMBERS.greeting, handlers)
      .then(() => transport.connect(new Map([[1, addresses]])), reject);
  });
  await up;
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        transport.send([1], { head: new Uint8Array(64), body: [body] }, (_peer, outcome) =>
          outcome.ok ? resolve() : reject(new Error(outcome.reason)),
        );
      }),
    socketBytes: () => transport.counters().socketBytesSent,
  };
}
