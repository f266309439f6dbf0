/**
 * Makes the libp2p node: TCP, noise, yamux, nothing else; only overlay neighbours get past the gater, in both directions.
 * The settings that differ from libp2p's defaults are there because the defaults were measured to fail: five inbound connections
 * a second, and connections killed after 15 s of saturation or of a blocked event loop.
 */
import '../../base/runtime.ts';
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { type Identify, identify } from '@libp2p/identify';
import type { ConnectionGater, Libp2p, MultiaddrConnection, PeerId, PrivateKey } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { describeError, OperatingError } from '../../base/errors.ts';
import { identityOfSeed } from '../../identity/keys.ts';
import { CONNECTIONS_PER_PEER_MAX, type Libp2pTransportOptions } from './options.ts';

export type GrapevineNode = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

export interface NodeHooks {
  readonly allowed: (peerId: PeerId) => boolean;
  readonly onDenied: (peerId: PeerId) => void;
  /** Whether this neighbour has as many connections to us as it may. */
  readonly crowded: (peerId: PeerId) => boolean;
  readonly onSocketBytes: (bytes: number) => void;
}

export async function createNode(options: Libp2pTransportOptions, hooks: NodeHooks): Promise<GrapevineNode> {
  const neighbours = new Set([...options.inNeighbours, ...options.outNeighbours]).size;
  return createLibp2p({
    start: false,
    nodeInfo: { name: 'grapevine', userAgent: 'grapevine' },
    privateKey: privateKeyOf(options.privateKeySeed),
    addresses: {
      listen: [...(options.listen ?? ['/ip4/127.0.0.1/tcp/0'])],
      ...(options.announce === undefined ? {} : { announce: [...options.announce] }),
    },
    transports: [tcp({ inboundSocketInactivityTimeout: 300_000, outboundSocketInactivityTimeout: 300_000 })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: gater(hooks),
    connectionManager: {
      maxConnections: CONNECTIONS_PER_PEER_MAX * neighbours + 100,
      inboundConnectionThreshold: 1000,
      maxIncomingPendingConnections: 200,
      maxParallelDials: 50,
      inboundUpgradeTimeout: 15_000,
    },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify({ runOnConnectionOpen: false }),
      pubsub: gossipsub(gossipOptions(options)),
    },
  });
}

/** With its public half from Node's own crypto: from the seed alone libp2p derives it in JavaScript, in 50 ms. */
function privateKeyOf(seed: Uint8Array): PrivateKey {
  return privateKeyFromRaw(Buffer.concat([seed, identityOfSeed(seed).publicKey]));
}

/** Small meshes over an overlay that the connections themselves enforce. */
function gossipOptions({ carrier }: Libp2pTransportOptions): Parameters<typeof gossipsub>[0] {
  return {
    globalSignaturePolicy: 'StrictSign',
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    floodPublish: true,
    batchPublish: true,
    emitSelf: false,
    doPX: false,
    tagMeshPeers: false,
    maxOutboundBufferSize: 64 * 1024 * 1024,
    // Every address is 127.0.0.1 in a local swarm, and few silos share an address elsewhere.
    scoreParams: { IPColocationFactorWeight: 0 },
    // Meshes, which carry models around a broken link, form with the heartbeat.
    // A model's chunks are never offered again: an answer to IWANT would put many into one RPC, beyond the 4 MiB cap.
    ...(carrier === 'gossip'
      ? { heartbeatInterval: 500, D: 4, Dlo: 3, Dhi: 8, Dout: 1, Dlazy: 0, gossipFactor: 0 }
      : {}),
  };
}

function gater({ allowed, crowded, onDenied, onSocketBytes }: NodeHooks): ConnectionGater {
  return {
    denyDialPeer: (peerId) => !allowed(peerId),
    denyDialMultiaddr: () => false,
    denyOutboundConnection: (_peerId, connection) => {
      countSent(connection, onSocketBytes);
      return false;
    },
    denyInboundConnection: (connection) => {
      countSent(connection, onSocketBytes);
      return false;
    },
    denyInboundEncryptedConnection: (peerId) => {
      const denied = !allowed(peerId) || crowded(peerId);
      if (denied) onDenied(peerId);
      return denied;
    },
    denyOutboundEncryptedConnection: (peerId) => !allowed(peerId),
  };
}

/** The gater sees each raw connection before anything is sent on it: the one place to count what leaves the socket. */
function countSent(connection: MultiaddrConnection, onSocketBytes: (bytes: number) => void): void {
  const send = connection.send.bind(connection);
  connection.send = (data) => {
    onSocketBytes(data.byteLength);
    return send(data);
  };
}

/** Starts listening; a taken port is an operating fault that says which. */
export async function startNode(node: GrapevineNode, listen: readonly string[]): Promise<void> {
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    const detail = describeError(error);
    if (detail.includes('EADDRINUSE')) {
      const remedy = 'end the other process or choose another port (tcp/0 takes a free one)';
      throw new OperatingError(
        'port-in-use',
        `cannot listen on ${listen.join(', ')}: the port is taken; ${remedy}`,
        {
          listen,
        },
      );
    }
    throw new OperatingError(
      'listen-failed',
      `cannot listen on ${listen.join(', ')}: ${detail}`,
      { listen },
      { cause: error },
    );
  }
}
