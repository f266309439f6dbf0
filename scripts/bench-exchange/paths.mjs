/** The sending ends of the benchmark's paths: each resolves to `{send(body), socketBytes()}` once it is connected. */
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

export async function gossipPath(address, pieceBytes) {
  const node = await bareNode({ gossip: true });
  const { pubsub } = node.services;
  const subscribed = new Promise((resolve) =>
    pubsub.addEventListener('subscription-change', resolve, { once: true }),
  );
  await node.dial(multiaddr(address));
  await subscribed;
  return {
    send: async (body) => {
      for (let start = 0; start < body.byteLength; start += pieceBytes) {
        const { recipients } = await pubsub.publish('bench', body.subarray(start, start + pieceBytes));
        if (recipients.length !== 1) throw new Error(`gossipsub reached ${recipients.length} peers`);
      }
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
