import { afterEach, expect, test } from 'vitest';
import { GREETING, Witness } from './harness.ts';
import { makePeer, membersOf } from './libp2p-peers.ts';
const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => { await Promise.all(cleanUp.splice(0).map((a) => a())); });
test.each([0,1,2,3,4,5])('both dial %i', async () => {
  const members = await membersOf(2);
  const peers = await Promise.all([0, 1].map(async (self) => {
    const transport = makePeer(self, members, [[0, 1]], { dials: () => true, timing: { handshakeMsMax: 2000 } });
    const events: string[] = [];
    const witness = new Witness();
    const h = witness.handlers;
    cleanUp.push(() => transport.stop());
    const addresses = await transport.start(GREETING, { ...h, linkUp: (p, g) => { events.push(`up ${Math.round(performance.now())}`); h.linkUp(p, g); }, linkDown: (p, r) => { events.push('down ' + r); h.linkDown(p, r); } });
    return { transport, events, addresses, witness };
  }));
  const map = new Map(peers.map(({ addresses }, i) => [i, addresses]));
  for (const { transport } of peers) transport.connect(map);
  await Promise.all(peers.map(({ witness }) => witness.until('linkUp')));
  await new Promise((r) => setTimeout(r, 3000));
  (await import('node:fs')).appendFileSync('/tmp/both.log', JSON.stringify(peers.map(({ events }) => events)) + '\n');
}, 20000);
