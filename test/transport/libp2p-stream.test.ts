import type { Libp2pTransport } from '../../src/transport/libp2p/index.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { makePeer, membersOf } from './libp2p-peers.ts';
import { transportConformance } from './transport.conformance.ts';

transportConformance('libp2p, stream carrier', {
  ordered: true,
  relays: true,
  make: async (count, edges) => {
    const members = await membersOf(count);
    return members.map((_, self) => makePeer(self, members, edges));
  },
  cut: (transports, a, b) => libp2p(transports, a).block(b),
  heal: (transports, a, b) => libp2p(transports, a).unblock(b),
});

function libp2p(transports: readonly Transport[], peer: number): Libp2pTransport {
  return transports[peer] as Libp2pTransport;
}
