import { expect, test } from 'vitest';
import type { Libp2pTransport } from '../../src/transport/libp2p/index.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { type Peer, patterned, startAll } from './harness.ts';
import { makePeer, membersOf } from './libp2p-peers.ts';
import { transportConformance } from './transport.conformance.ts';

transportConformance('libp2p, gossip carrier', {
  ordered: false,
  relays: true,
  make: async (count, edges) => {
    const members = await membersOf(count);
    return members.map((_, self) => makePeer(self, members, edges, { carrier: 'gossip' }));
  },
  cut: (transports, a, b) => libp2p(transports, a).block(b),
  heal: (transports, a, b) => libp2p(transports, a).unblock(b),
});

function libp2p(transports: readonly Transport[], peer: number): Libp2pTransport {
  return transports[peer] as Libp2pTransport;
}

test('models arrive around a cut link, and come from their origin', async () => {
  const edges = [0, 1, 2, 3].flatMap((a) => [0, 1, 2, 3].filter((b) => a < b).map((b) => [a, b] as const));
  const members = await membersOf(4);
  const transports = members.map((_, self) => makePeer(self, members, edges, { carrier: 'gossip' }));
  const peers = await startAll(transports, edges);
  const [origin, cutOff] = peers as [Peer, Peer];
  try {
    transports[0]!.block(1);
    transports[1]!.block(0);
    await Promise.all([origin.witness.until('linkDown'), cutOff.witness.until('linkDown')]);
    await meshReaches(origin, cutOff);
    const before = peers.map(({ witness }) => witness.count('frame'));
    const frame = patterned(600_000, 5);
    expect(await origin.witness.send(origin.transport, [1, 2, 3], frame)).toEqual(
      new Map([1, 2, 3].map((peer) => [peer, 'ok'])),
    );
    const [told] = await cutOff.witness.until('frame', ({ body }) => body.byteLength === 600_000);
    expect(Buffer.compare(told!.body, frame.body[0]!)).toBe(0);
    // The way back is just as open, and nothing arrives twice.
    await cutOff.witness.send(cutOff.transport, [0, 2, 3], patterned(10, 6));
    await origin.witness.until('frame', ({ peer }) => peer === 1);
    await Promise.all(
      [2, 3].map((peer) => peers[peer]!.witness.until('frame', () => true, before[peer]! + 2)),
    );
    const arrived = peers.map(({ witness }, peer) => witness.count('frame') - before[peer]!);
    expect(arrived).toEqual([1, 1, 2, 2]);
  } finally {
    await Promise.all(transports.map((transport) => transport.stop()));
  }
});

/** Meshes form with gossipsub's heartbeat: says something small until it has come around. */
async function meshReaches(origin: Peer, cutOff: Peer): Promise<void> {
  let reached = false;
  const arrived = cutOff.witness.until('frame').then(() => {
    reached = true;
  });
  while (!reached) {
    await origin.witness.send(origin.transport, [1, 2, 3], patterned(8));
    await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
}
