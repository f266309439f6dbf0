/** What a libp2p transport refuses: strangers, second processes with one identity, and members that send rubbish. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { ConnectionGater, Libp2p, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import type { OperatingError } from '../../src/base/errors.ts';
import { FrameDigest } from '../../src/transport/frame-digest.ts';
import { encodeHello, type GreetingMessage, HelloReader } from '../../src/transport/libp2p/hello.ts';
import type { Libp2pTransport, Libp2pTransportOptions } from '../../src/transport/libp2p/index.ts';
import { encodePreamble, TRAILER_BYTES, trailerOf } from '../../src/wire/framing.ts';
import { freePorts } from './free-ports.ts';
import { GREETING, patterned, Witness } from './harness.ts';
import { makePeer, membersOf, seedOf } from './libp2p-peers.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((action) => action()));
});

interface Started {
  readonly transport: Libp2pTransport;
  readonly witness: Witness;
  readonly addresses: readonly string[];
}

async function started(transport: Libp2pTransport): Promise<Started> {
  const witness = new Witness();
  cleanUp.push(() => transport.stop());
  return { transport, witness, addresses: await transport.start(GREETING, witness.handlers) };
}

/** A libp2p node that has member `index`'s key and none of our manners. */
async function bareNode(index: number, connectionGater: ConnectionGater = {}): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seedOf(index)),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionGater,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ runOnConnectionOpen: false }) },
  });
  cleanUp.push(() => node.stop() as Promise<void>);
  await node.handle('/grapevine/4/data', (stream) => stream.addEventListener('message', () => undefined));
  return node;
}

/** Member 0 of two with a hostile member 1; member 0 waits to be dialled. */
async function victim(changes: Partial<Libp2pTransportOptions> = {}): Promise<Started> {
  return started(makePeer(0, await membersOf(2), [[0, 1]], { dials: () => false, ...changes }));
}

function hostileGreeting(changes: Partial<GreetingMessage> = {}): GreetingMessage {
  const { experimentDigest, layoutDigest } = GREETING;
  const digests = { experimentDigest, layoutDigest };
  return {
    ...{
      type: 'greeting',
      versions: [4],
      index: 1,
      name: 'silo-1',
      instance: 'abc',
      incarnation: 1,
      round: 0,
    },
    ...digests,
    ...changes,
  };
}

/** Greets member 0 and resolves with its answer. */
async function greet(node: Libp2p, to: Started, bytes: Uint8Array): Promise<unknown> {
  const control = await node.dial(multiaddr(to.addresses[0]!), { force: true });
  const hello = await control.newStream('/grapevine/1/hello');
  const reader = new HelloReader();
  const answer = new Promise((resolve) => {
    hello.addEventListener('message', ({ data }) => {
      const [first] = reader.push(data.subarray()) ?? [];
      if (first !== undefined) resolve(first);
    });
    hello.addEventListener('close', () => resolve('closed'));
  });
  hello.send(bytes);
  return answer;
}

async function dataStream(node: Libp2p, to: Started): Promise<Stream> {
  const data = await node.dial(multiaddr(to.addresses[0]!), { force: true });
  return data.newStream('/grapevine/4/data');
}

function closed(stream: Stream): Promise<void> {
  return new Promise((resolve) => stream.addEventListener('close', () => resolve()));
}

describe('members that send rubbish', () => {
  const preamble = encodePreamble(3, 100_000);
  const whole = Buffer.concat([preamble, new Uint8Array(100_003), new Uint8Array(TRAILER_BYTES)]);
  test.each([
    ['rubbish', new Uint8Array(4096).fill(7), 'frame-magic'],
    ['an oversize announcement', encodePreamble(3, 2 ** 40), 'frame-too-large'],
    ['an oversize head', encodePreamble(5000, 3), 'frame-too-large'],
    ['a wrong digest', whole, 'frame-digest'],
  ] as const)(
    '%s resets the stream, is counted, and takes no memory for good',
    async (_what, bytes, reason) => {
      const target = await victim();
      const node = await bareNode(1);
      expect(await greet(node, target, encodeHello(hostileGreeting()))).toMatchObject({ type: 'greeting' });
      const stream = await dataStream(node, target);
      const reset = closed(stream);
      stream.send(bytes);
      const [told] = await target.witness.until('refused');
      expect([told?.peer, told?.reason]).toEqual([1, reason]);
      await reset;
      // The link survives: the next stream carries a proper frame.
      const second = await node.getConnections().at(-1)!.newStream('/grapevine/4/data');
      const good = Buffer.concat([encodePreamble(1, 8), Uint8Array.of(1), new Uint8Array(8)]);
      second.send(Buffer.concat([good, trailerOf(new FrameDigest().update(good))]));
      expect((await target.witness.until('frame'))[0]?.body.byteLength).toBe(8);
    },
  );

  test('connections without end are refused', async () => {
    const target = await victim();
    const node = await bareNode(1);
    for (let count = 0; count < 12; count++) {
      await node.dial(multiaddr(target.addresses[0]!), { force: true }).catch(() => undefined);
    }
    const [told] = await target.witness.until('refused');
    expect([told?.peer, told?.reason]).toEqual([1, 'too-many-connections']);
  });

  test('a frame cut off is refused as truncated', async () => {
    const target = await victim();
    const node = await bareNode(1);
    await greet(node, target, encodeHello(hostileGreeting()));
    const stream = await dataStream(node, target);
    stream.send(whole.subarray(0, 50_000));
    await stream.close();
    expect((await target.witness.until('refused'))[0]?.reason).toBe('frame-truncated');
  });

  test('a frame that stops half-way is given up after the stall time', async () => {
    const target = await victim({ timing: { stallMsMax: 200, heartbeatMs: 50 } });
    const node = await bareNode(1);
    await greet(node, target, encodeHello(hostileGreeting()));
    // Something small and proper first: the link is up from then on.
    const stream = await dataStream(node, target);
    const good = Buffer.concat([encodePreamble(1, 0), Uint8Array.of(1)]);
    stream.send(Buffer.concat([good, trailerOf(new FrameDigest().update(good))]));
    stream.send(whole.subarray(0, 50_000));
    const [told] = await target.witness.until('refused');
    expect(told).toMatchObject({ reason: 'frame-truncated', detail: 'stalled for 200 ms' });
  });

  test('frames beyond the inbound budget are refused', async () => {
    const target = await victim({ inboundBytesMax: 50_000 });
    const node = await bareNode(1);
    await greet(node, target, encodeHello(hostileGreeting()));
    (await dataStream(node, target)).send(preamble);
    expect((await target.witness.until('refused'))[0]?.reason).toBe('inbound-budget');
  });

  test.each([
    ['no JSON', encodeHello({ type: 'ping' }).map((byte) => byte ^ (byte > 32 ? 1 : 0)), 'bad-greeting'],
    ['an endless greeting', Uint8Array.of(255, 255, 255, 127, 1), 'bad-greeting'],
    ['another member’s index', encodeHello(hostileGreeting({ index: 0 })), 'bad-greeting'],
    ['an unknown version', encodeHello(hostileGreeting({ versions: [99] })), 'protocol-version'],
  ] as const)('a greeting with %s is refused', async (_what, bytes, reason) => {
    const target = await victim();
    const answer = await greet(await bareNode(1), target, bytes);
    expect((await target.witness.until('refused'))[0]?.reason).toBe(reason);
    expect(['closed', reason]).toContain((answer as { reason?: string }).reason ?? answer);
  });

  test('a data stream without a handshake is dropped', async () => {
    const target = await victim();
    const stream = await dataStream(await bareNode(1), target).catch(() => undefined);
    if (stream !== undefined && stream.status === 'open') await closed(stream);
    expect(target.witness.count('linkUp')).toBe(0);
  });
});

describe('who may connect', () => {
  test('a stranger that dials is refused before it can speak, and counted', async () => {
    const target = await victim();
    const stranger = await bareNode(7);
    const connection = await stranger.dial(multiaddr(target.addresses[0]!)).catch(() => undefined);
    await connection?.newStream('/grapevine/1/hello').catch(() => undefined);
    const [told] = await target.witness.until('refused');
    expect([told?.peer, told?.reason]).toEqual([undefined, 'unknown-peer']);
  });

  test('a member that is no neighbour here is refused too', async () => {
    const members = await membersOf(3);
    const target = await started(makePeer(0, members, [[0, 1]], { dials: () => false }));
    const other = await started(makePeer(2, members, [[0, 2]], { dials: () => true }));
    other.transport.connect(new Map([[0, target.addresses]]));
    expect((await target.witness.until('refused'))[0]).toMatchObject({ peer: 2, reason: 'unknown-peer' });
  });

  test('whoever answers at a neighbour’s address with another key gets no link', async () => {
    const members = await membersOf(2);
    let left: () => void = () => undefined;
    const dialledAndLeft = new Promise<void>((resolve) => {
      left = resolve;
    });
    const impostor = await bareNode(7, {
      denyInboundConnection: (connection) => {
        connection.addEventListener('close', () => left());
        return false;
      },
    });
    const dialler = await started(makePeer(0, members, [[0, 1]], { dials: () => true }));
    const address = impostor
      .getMultiaddrs()[0]!
      .toString()
      .replace(/\/p2p\/.*/, '');
    dialler.transport.connect(new Map([[1, [address]]]));
    await dialledAndLeft;
    const [told] = await dialler.witness.until('unreachable');
    expect(told).toMatchObject({
      peer: 1,
      reason: `at ${address}: another peer id answers there than the membership names`,
    });
    expect(dialler.witness.count('linkUp')).toBe(0);
  });

  test('a second process with one identity is refused and told; the first keeps its link', async () => {
    const members = await membersOf(2);
    const timing = { probeMsMax: 60_000 };
    const target = await started(makePeer(0, members, [[0, 1]], { dials: () => false, timing }));
    const first = await started(makePeer(1, members, [[0, 1]], { dials: () => true }));
    first.transport.connect(new Map([[0, target.addresses]]));
    await Promise.all([first.witness.until('linkUp'), target.witness.until('linkUp')]);
    const second = await started(makePeer(1, members, [[0, 1]], { dials: () => true }));
    second.transport.connect(new Map([[0, target.addresses]]));
    const [told] = await second.witness.until('refused');
    expect(told?.reason).toBe('identity-in-use');
    expect((await target.witness.until('refused'))[0]?.reason).toBe('identity-in-use');
    await first.witness.send(first.transport, [0], patterned(100));
    await target.witness.until('frame');
    expect(target.witness.count('linkDown')).toBe(0);
  });

  test('who is shut out loses its link, is refused, and is let in again', async () => {
    const members = await membersOf(2);
    const timing = { backoffMsMin: 5, backoffMsMax: 10 };
    const target = await started(makePeer(0, members, [[0, 1]], { dials: () => false }));
    const peer = await started(makePeer(1, members, [[0, 1]], { dials: () => true, timing }));
    peer.transport.connect(new Map([[0, target.addresses]]));
    await target.witness.until('linkUp');
    target.transport.admit(1, false);
    await target.witness.until('linkDown');
    const [refused] = await target.witness.until('refused');
    expect(refused).toMatchObject({ reason: 'unknown-peer', detail: expect.stringContaining('shut out') });
    target.transport.admit(1, true);
    await target.witness.until('linkUp', () => true, 2);
  });

  test('who was shut out before the start is refused from the beginning', async () => {
    const members = await membersOf(2);
    const shut = makePeer(0, members, [[0, 1]], { dials: () => false });
    shut.admit(1, false);
    const target = await started(shut);
    const peer = await started(makePeer(1, members, [[0, 1]], { dials: () => true }));
    peer.transport.connect(new Map([[0, target.addresses]]));
    const [refused] = await target.witness.until('refused');
    expect(refused).toMatchObject({ reason: 'unknown-peer', detail: expect.stringContaining('shut out') });
    expect(target.witness.count('linkUp')).toBe(0);
  });

  test('a restarted peer gets its link back', async () => {
    const members = await membersOf(2);
    const target = await started(makePeer(0, members, [[0, 1]], { dials: () => false }));
    for (const ups of [1, 2]) {
      const peer = await started(makePeer(1, members, [[0, 1]], { dials: () => true }));
      peer.transport.connect(new Map([[0, target.addresses]]));
      await Promise.all([peer.witness.until('linkUp'), target.witness.until('linkUp', () => true, ups)]);
      await peer.transport.stop();
    }
  });
});

describe('neighbours that cannot be dialled', () => {
  const edges = [[0, 1]] as const;

  test('a closed port is told with its address, and anew after the link was up', async () => {
    const members = await membersOf(2);
    const timing = { backoffMsMin: 5, backoffMsMax: 10 };
    const [port] = await freePorts(1);
    const listen = [`/ip4/127.0.0.1/tcp/${port}`];
    const dialler = await started(makePeer(0, members, edges, { dials: () => true, timing }));
    dialler.transport.connect(new Map([[1, listen]]));
    const reason = `at ${listen[0]}: connection refused: nothing listens there`;
    expect((await dialler.witness.until('unreachable'))[0]).toMatchObject({ peer: 1, reason });
    const back = await started(makePeer(1, members, edges, { dials: () => false, listen }));
    await dialler.witness.until('linkUp');
    const refusals = (): number =>
      dialler.witness.told.filter((told) => told.kind === 'unreachable' && told.reason === reason).length;
    expect(refusals()).toBe(1);
    await back.transport.stop();
    await dialler.witness.until('unreachable', (told) => told.reason === reason, 2);
    expect(refusals()).toBe(2);
  });

  test('a reason is told once, however often the dial fails for it', async () => {
    let attempts = 0;
    const server = createServer((socket) => {
      attempts += 1;
      socket.on('error', () => undefined).destroy();
      server.emit('attempt', attempts);
    }).listen(0, '127.0.0.1');
    cleanUp.push(async () => void server.close());
    const fourth = new Promise<void>((resolve) => {
      server.on('attempt', (count: number) => (count === 4 ? resolve() : undefined));
    });
    await once(server, 'listening');
    const timing = { backoffMsMin: 5, backoffMsMax: 10 };
    const dialler = await started(makePeer(0, await membersOf(2), edges, { dials: () => true, timing }));
    const { port } = server.address() as AddressInfo;
    dialler.transport.connect(new Map([[1, [`/ip4/127.0.0.1/tcp/${port}`]]]));
    await fourth;
    expect(dialler.witness.count('unreachable')).toBe(1);
  });

  test('a neighbour without an address, and one that denies us, are told', async () => {
    const members = await membersOf(3);
    const denies = await started(makePeer(1, members, [[1, 2]], { dials: () => false }));
    const dialler = await started(
      makePeer(
        0,
        members,
        [
          [0, 1],
          [0, 2],
        ],
        { dials: () => true },
      ),
    );
    dialler.transport.connect(
      new Map([
        [1, denies.addresses],
        [2, []],
      ]),
    );
    const [unknown] = await dialler.witness.until('unreachable', ({ peer }) => peer === 2);
    expect(unknown?.reason).toContain('no address of it is known');
    const [denied] = await dialler.witness.until('unreachable', ({ peer }) => peer === 1);
    expect(denied?.reason).toMatch(/: it closed the connection/);
  });
});

test('a port in use is an operating fault that names the address', async () => {
  const members = await membersOf(2);
  const holder = await started(makePeer(0, members, [[0, 1]]));
  const listen = [holder.addresses[0]!.replace(/\/p2p\/.*/, '')];
  const failure = await makePeer(1, members, [[0, 1]], { listen })
    .start(GREETING, new Witness().handlers)
    .catch((error: unknown) => error as OperatingError);
  expect(failure).toMatchObject({ category: 'operation', code: 'port-in-use' });
  expect((failure as OperatingError).message).toContain(listen[0]);
});

test('no more frames than allowed wait for a neighbour', async () => {
  const members = await membersOf(2);
  const peers = await Promise.all(
    [0, 1].map((self) => started(makePeer(self, members, [[0, 1]], { queueFramesMax: 2 }))),
  );
  for (const { transport } of peers)
    transport.connect(new Map(peers.map(({ addresses }, i) => [i, addresses])));
  await Promise.all(peers.map(({ witness }) => witness.until('linkUp')));
  const [a] = peers as [Started, Started];
  const sends = Array.from({ length: 6 }, () => a.witness.send(a.transport, [1], patterned(1_000_000)));
  const outcomes = (await Promise.all(sends)).map((outcome) => outcome.get(1));
  expect(outcomes).toEqual(['ok', 'ok', 'ok', 'queue-full', 'queue-full', 'queue-full']);
});
