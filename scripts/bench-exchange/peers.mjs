/** What both processes of the benchmark make: bare libp2p nodes, and Grapevine transports for members 0 and 1. */
import '../../dist/base/runtime.js';
import { gossipsub } from '@chainsafe/libp2p-gossipsub';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { realClock } from '../../dist/base/clock.js';
import { libp2pTransport } from '../../dist/transport/libp2p/index.js';

const seeds = [0, 1].map((index) => new Uint8Array(32).fill(index + 1));

export const MEMBERS = {
  greeting: { experimentDigest: 'bench', layoutDigest: 'bench', incarnation: 1, round: 0 },
};

export async function transportFor(self, carrier) {
  const keys = await Promise.all(seeds.map((seed) => generateKeyPairFromSeed('Ed25519', seed)));
  const members = keys.map((key, index) => ({
    name: `bench-${index}`,
    peerId: peerIdFromPrivateKey(key).toString(),
  }));
  const neighbours = [1 - self];
  const options = {
    self,
    members,
    privateKeySeed: seeds[self],
    outNeighbours: neighbours,
    inNeighbours: neighbours,
    carrier,
    limits: { headBytesMax: 4096, bodyBytesMax: 128 * 1024 * 1024 },
    dials: () => self === 0,
  };
  return libp2pTransport(options, { clock: realClock });
}

export async function bareNode({ listen = [], gossip = false } = {}) {
  const services = gossip
    ? {
        identify: identify(),
        pubsub: gossipsub({
          allowPublishToZeroTopicPeers: true,
          scoreParams: { IPColocationFactorWeight: 0 },
        }),
      }
    : {};
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services,
  });
}
