import { expect, test } from 'vitest';
import type { Libp2pTransport } from '../../src/transport/libp2p/index.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { type Peer, patterned, startAll, type Witness } from './harness.ts';
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

const EVERYBODY = [0, 1, 2, 3];

test('models arrive around a cut link, and come from their origin', async () => {
  const edges = EVERYBODY.flatMap((a) => EVERYBODY.filter((b) => a < b).map((b) => [a, b] as const));
  const members = await membersOf(4);
  const transports = members.map((_, self) => makePeer(self, members, edges, { carrier: 'gossip' }));
  const peers = await startAll(transports, edges);
  const [origin, cutOff] = peers as [Peer, Peer];
  try {
    transports[0]!.block(1);
    transports[1]!.block(0);
    await Promise.all([origin.witness.until('linkDown'), cutOff.witness.until('linkDown')]);
    await Promise.all([meshReaches(peers, 0, 1), meshReaches(peers, 1, 0)]);
    const frame = patterned(600_000, 5);
    expect(await origin.witness.send(origin.transport, [1, 2, 3], frame)).toEqual(
      new Map([1, 2, 3].map((peer) => [peer, 'ok'])),
    );
    const [told] = await cutOff.witness.until('frame', ({ head }) => head[0] === 5);
    expect(told!.peer).toBe(0);
    expect(Buffer.compare(told!.body, frame.body[0]!)).toBe(0);
    // The way back is just as open, and nothing arrives twice.
    await cutOff.witness.send(cutOff.transport, [0, 2, 3], patterned(10, 6));
    await Promise.all(
      [0, 2, 3].map((peer) => peers[peer]!.witness.until('frame', ({ head }) => head[0] === 6)),
    );
    await Promise.all([2, 3].map((peer) => peers[peer]!.witness.until('frame', ({ head }) => head[0] === 5)));
    expect(peers.map(({ witness }) => numbersOf(witness))).toEqual([[6], [5], [5, 6], [5, 6]]);
  } finally {
    await Promise.all(transports.map((transport) => transport.stop()));
  }
});

/** The first byte of each frame that came, ascending; without those that only tried the way. */
function numbersOf({ told }: Witness): number[] {
  const heads = told.flatMap((one) => (one.kind === 'frame' ? [one.head[0] ?? -1] : []));
  return heads.filter((number) => number !== TRIAL).sort((a, b) => a - b);
}

/** Number of the frames that try the way; any number of them may still be under way later. */
const TRIAL = 1;

/** Meshes form with gossipsub's heartbeat: says something small until it has come around. */
async function meshReaches(peers: readonly Peer[], from: number, to: number): Promise<void> {
  const { transport, witness } = peers[from]!;
  let reached = false;
  const arrived = peers[to]!.witness.until('frame', ({ peer }) => peer === from).then(() => {
    reached = true;
  });
  const others = EVERYBODY.filter((peer) => peer !== from);
  while (!reached) {
    await witness.send(transport, others, patterned(8, TRIAL));
    await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
}
