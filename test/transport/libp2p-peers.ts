/** Builds libp2p transports on loopback for tests: identities from small seeds, an overlay from edges. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { realClock } from '../../src/base/clock.ts';
import {
  type Libp2pTransport,
  type Libp2pTransportOptions,
  libp2pTransport,
  type TransportMember,
} from '../../src/transport/libp2p/index.ts';
import { LIMITS, neighboursOf } from './overlay.ts';

export function seedOf(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1);
}

export async function membersOf(count: number): Promise<TransportMember[]> {
  const indices = Array.from({ length: count }, (_, index) => index);
  return Promise.all(
    indices.map(async (index) => {
      const key = await generateKeyPairFromSeed('Ed25519', seedOf(index));
      return { name: `silo-${index}`, peerId: peerIdFromPrivateKey(key).toString() };
    }),
  );
}

export function makePeer(
  self: number,
  members: readonly TransportMember[],
  edges: readonly (readonly [number, number])[],
  changes: Partial<Libp2pTransportOptions> = {},
): Libp2pTransport {
  const neighbours = neighboursOf(self, edges);
  const options: Libp2pTransportOptions = {
    self,
    members,
    privateKeySeed: seedOf(self),
    outNeighbours: neighbours,
    inNeighbours: neighbours,
    carrier: 'stream',
    limits: LIMITS,
    ...changes,
  };
  return libp2pTransport(options, { clock: realClock });
}
