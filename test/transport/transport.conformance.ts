/** What every Transport promises (src/transport/transport.ts), whatever carries its bytes. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Transport } from '../../src/transport/transport.ts';
import { GREETING, type Peer, patterned, startAll, Witness } from './harness.ts';

export type Edges = readonly (readonly [number, number])[];

/** How the suite gets its transports, and the two ways in which carriers may differ. */
export interface TransportRig {
  /** Transports of peers 0 to count − 1 with a link per edge; bodies up to 8 MiB, heads up to 4 KiB. */
  make(count: number, edges: Edges): Promise<Transport[]>;
  cut(transports: readonly Transport[], a: number, b: number): void;
  heal(transports: readonly Transport[], a: number, b: number): void;
  /** Frames of one sender arrive in the order sent (the gossip carrier does not promise it). */
  readonly ordered: boolean;
  /** Control messages go from peer to peer, and who passes one on counts it (memory hands them to all at once). */
  readonly relays: boolean;
}

export function transportConformance(name: string, rig: TransportRig): void {
  describe(`${name} keeps the Transport contract`, () => {
    let running: Transport[] = [];
    const begin = async (count: number, edges: Edges): Promise<Peer[]> => {
      running = await rig.make(count, edges);
      return startAll(running, edges);
    };
    const pair = async (): Promise<[Peer, Peer]> => (await begin(2, [[0, 1]])) as [Peer, Peer];
    afterEach(async () => {
      await Promise.all(running.map((transport) => transport.stop()));
      running = [];
    });

    frameTests(pair, rig);
    linkTests(rig, pair, (transports) => {
      running = transports;
    });

    test('a control message reaches peers beyond the neighbours and names its originator', async () => {
      const [first, middle, last] = (await begin(3, [
        [0, 1],
        [1, 2],
      ])) as [Peer, Peer, Peer];
      // Gossip is best effort while subscriptions spread: say it until it is heard.
      let heard = false;
      const arrived = last.witness
        .until('control', ({ peer }) => peer === 0)
        .then((told) => {
          heard = true;
          return told;
        });
      while (!heard) {
        first.transport.publish(Uint8Array.of(7, 7));
        await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 100))]);
      }
      expect((await arrived)[0]?.message).toEqual(expect.objectContaining({ 0: 7, 1: 7 }));
      const forwarded = middle.transport.counters().controlMessagesForwarded;
      if (rig.relays) expect(forwarded).toBeGreaterThanOrEqual(1);
      else expect(forwarded).toBe(0);
      expect(last.transport.counters().controlMessagesForwarded).toBe(0);
    });
  });
}

function frameTests(pair: () => Promise<[Peer, Peer]>, rig: TransportRig): void {
  test('frames of every size arrive whole, in one piece aligned to 8 bytes, from the proven sender', async () => {
    const [a, b] = await pair();
    for (const [index, bytes] of [0, 1, 7, 4096, 300_001, 2_000_003].entries()) {
      const frame = patterned(bytes, index);
      const halves = [frame.body[0]!.subarray(0, bytes >> 1), frame.body[0]!.subarray(bytes >> 1)];
      const sent = a.witness.send(a.transport, [1], { head: frame.head, body: halves });
      const told = await b.witness.until('frame', () => true, index + 1);
      const { peer, head, body } = told[index]!;
      expect(await sent).toEqual(new Map([[1, 'ok']]));
      expect([peer, [...head], body.byteLength, body.byteOffset % 8]).toEqual([0, [...frame.head], bytes, 0]);
      expect(Buffer.compare(body, frame.body[0]!)).toBe(0);
    }
    expect(a.transport.counters().framesSent).toBe(6);
    expect(b.transport.counters().framesReceived).toBe(6);
    expect(b.transport.counters().dataBytesReceived).toBeGreaterThanOrEqual(2_304_108);
  });

  test('a frame that arrived is the receiver’s memory: writing into it changes neither what was sent nor what comes next', async () => {
    const [a, b] = await pair();
    const frame = patterned(5000, 3);
    const intact = Buffer.from(frame.body[0]!);
    for (const count of [1, 2]) {
      await a.witness.send(a.transport, [1], frame);
      const told = await b.witness.until('frame', () => true, count);
      expect(Buffer.compare(told[count - 1]!.body, intact)).toBe(0);
      told[count - 1]!.body.fill(255);
      expect(Buffer.compare(frame.body[0]!, intact)).toBe(0);
    }
  });

  test.skipIf(!rig.ordered)('frames of one sender arrive in the order sent, each once', async () => {
    const [a, b] = await pair();
    const sends = Array.from({ length: 40 }, (_, index) =>
      a.witness.send(a.transport, [1], patterned(index * 997, index)),
    );
    const told = await b.witness.until('frame', () => true, 40);
    expect(told.map(({ head }) => head[0])).toEqual(Array.from({ length: 40 }, (_, index) => index));
    expect((await Promise.all(sends)).every((outcomes) => outcomes.get(1) === 'ok')).toBe(true);
    expect(b.witness.count('frame')).toBe(40);
  });

  test('each send settles once per peer and never before send has returned', async () => {
    const [a, b] = await pair();
    let returned = false;
    const settled: [number, boolean, string][] = [];
    const done = new Promise<void>((resolve) => {
      a.transport.send([1, 5], patterned(10), (peer, outcome) => {
        settled.push([peer, outcome.ok, outcome.ok ? '' : outcome.reason]);
        expect(returned).toBe(true);
        if (settled.length === 2) resolve();
      });
    });
    returned = true;
    await Promise.all([done, b.witness.until('frame')]);
    expect(settled.sort((x, y) => x[0] - y[0])).toEqual([
      [1, true, ''],
      [5, false, 'not-a-neighbour'],
    ]);
  });

  test('a frame above the limits is not sent', async () => {
    const [a] = await pair();
    const tooLarge = patterned(8 * 1024 * 1024 + 1);
    expect(await a.witness.send(a.transport, [1], tooLarge)).toEqual(new Map([[1, 'frame-too-large']]));
  });

  test('a handler that sends is not entered again before it returns', async () => {
    const [a, b] = await pair();
    let depth = 0;
    const original = b.witness.handlers.frame;
    const deepest: number[] = [];
    b.witness.handlers.frame = (from, frame) => {
      deepest.push(++depth);
      b.transport.send([0], patterned(5, 9), () => undefined);
      original(from, frame);
      depth -= 1;
    };
    await Promise.all([1, 2, 3].map((seed) => a.witness.send(a.transport, [1], patterned(64, seed))));
    await a.witness.until('frame', () => true, 3);
    expect(deepest).toEqual([1, 1, 1]);
  });
}

function linkTests(
  rig: TransportRig,
  pair: () => Promise<[Peer, Peer]>,
  remember: (transports: Transport[]) => void,
): void {
  test('a cut link is reported at both ends, sends over it fail, and it heals by itself', async () => {
    const [a, b] = await pair();
    b.transport.setRound(17);
    rig.cut([a.transport, b.transport], 0, 1);
    await Promise.all([a.witness.until('linkDown'), b.witness.until('linkDown')]);
    const outcome = (await a.witness.send(a.transport, [1], patterned(10))).get(1);
    expect(['link-down', 'no-recipients']).toContain(outcome);
    rig.heal([a.transport, b.transport], 0, 1);
    const ups = await a.witness.until('linkUp', () => true, 2);
    await b.witness.until('linkUp', () => true, 2);
    expect(ups[1]?.greeting).toEqual({ ...GREETING, round: 17 });
    expect((await a.witness.send(a.transport, [1], patterned(10))).get(1)).toBe('ok');
    await b.witness.until('frame');
  });

  test.each([
    ['experimentDigest', 'experiment-mismatch'],
    ['layoutDigest', 'layout-mismatch'],
  ] as const)('another %s is refused and both ends are told', async (field, reason) => {
    const transports = await rig.make(2, [[0, 1]]);
    remember(transports);
    const [a, b] = [new Witness(), new Witness()];
    const addresses = [
      await transports[0]!.start(GREETING, a.handlers),
      await transports[1]!.start({ ...GREETING, [field]: 'other' }, b.handlers),
    ];
    for (const transport of transports) transport.connect(new Map(addresses.entries()));
    const refused = await Promise.all([a.until('refused'), b.until('refused')]);
    expect(refused.map(([told]) => [told?.peer, told?.reason])).toEqual([
      [1, reason],
      [0, reason],
    ]);
    expect(a.count('linkUp') + b.count('linkUp')).toBe(0);
  });

  test('stopping ends the links of the others, calls no handler afterwards and can be repeated', async () => {
    const [a, b] = await pair();
    await a.transport.stop();
    const silent = a.witness.told.length;
    await b.witness.until('linkDown');
    await a.transport.stop();
    expect(a.witness.told.length).toBe(silent);
  });
}
