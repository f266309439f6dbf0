import { expect, test } from 'vitest';
import { memoryNetwork } from '../../src/transport/memory/index.ts';
import { type Peer, startAll } from './harness.ts';
import { LIMITS, neighboursOf } from './overlay.ts';
import { transportConformance } from './transport.conformance.ts';

let network = memoryNetwork({ limits: LIMITS });

transportConformance('memory', {
  ordered: true,
  relays: false,
  make: async (count, edges) => {
    network = memoryNetwork({ limits: LIMITS });
    return Array.from({ length: count }, (_, peer) => network.transport(peer, neighboursOf(peer, edges)));
  },
  cut: (_transports, a, b) => network.cut(a, b),
  heal: (_transports, a, b) => network.heal(a, b),
});

test('injected rubbish is refused with a reason and the link goes on', async () => {
  network = memoryNetwork({ limits: LIMITS });
  const transports = [network.transport(0, [1]), network.transport(1, [0])];
  const [, b] = (await startAll(transports, [[0, 1]])) as [Peer, Peer];
  network.inject(0, 1, new Uint8Array(64).fill(9));
  expect((await b.witness.until('refused'))[0]?.reason).toBe('frame-magic');
  expect((await b.witness.send(b.transport, [0], { head: new Uint8Array(1), body: [] })).get(0)).toBe('ok');
});
