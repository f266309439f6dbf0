/** A node drives its peer: checkpoints, logs, failures of disk and Trainer, hostile frames; over the memory network. */
import { describe, expect, test } from 'vitest';
import { checkpointRounds, newestCheckpoint } from '../../src/node/checkpoint-store.ts';
import { layoutDigest } from '../../src/params/layout.ts';
import { replay } from '../../src/simulate/index.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { encodePreamble } from '../../src/wire/framing.ts';
import { encodeEnvelope } from '../../src/wire/message.ts';
import { momentumTrainer, virtualPeers, virtualPlan } from '../peer/virtual.ts';
import { EVENTS, EXPERIMENT, logOf, recordsOf, testSwarm } from './nodes.ts';

/** Longer than any machine is busy: nobody is left out or asked again (after an eighth of it), and nobody begins without the others. */
const waits = { factor: 1.5, floorMs: 600_000, ceilingMs: 600_000, downGraceMs: 60_000 };
const patient = { deadline: waits, gatherMs: 60_000 };
const digests = { experimentDigest: EXPERIMENT, layoutDigest: layoutDigest(momentumTrainer(0).layout) };

describe('checkpoints', () => {
  test('are written at multiples and at the end; the last two common ones and the newest are kept', async () => {
    const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 14 }) });
    await swarm.start();
    await Promise.all(swarm.peers.map(({ node }) => node.finished));
    for (const { storage } of swarm.peers) expect(await checkpointRounds(storage)).toEqual([14, 12, 8]);
    await swarm.close();
  });

  test('a stopped swarm resumes from its common round and ends bit-equal to one never stopped, and its logs replay', async () => {
    const plan = virtualPlan({ ...patient, rounds: 20 });
    const whole = await testSwarm({ plan });
    await whole.start();
    const expected = await Promise.all(whole.peers.map(({ node }) => node.finished));
    await whole.close();

    const storages = plan.overlay.nodes.map(() => memoryStorage());
    const swarm = await testSwarm({
      plan,
      storages,
      onRound: (peer, round) => {
        if (peer === 3 && round === 10) for (const { node } of swarm.peers) node.stop('the test asks');
      },
    });
    await swarm.start();
    const stopped = await Promise.all(swarm.peers.map(({ node }) => node.finished));
    await swarm.close();
    for (const [peer, { reason, round }] of stopped.entries()) {
      expect(reason).toBe('stopped');
      expect((await checkpointRounds(storages[peer]!))[0]).toBe(round);
    }
    const held = await Promise.all(storages.map((storage) => checkpointRounds(storage)));
    const common = Math.max(...held[0]!.filter((round) => held.every((rounds) => rounds.includes(round))));
    expect(common).toBeGreaterThanOrEqual(8);

    const resumed = await testSwarm({ plan, storages, incarnation: 2, resumeRound: common });
    await resumed.start();
    const outcomes = await Promise.all(resumed.peers.map(({ node }) => node.finished));
    await resumed.close();
    expect(outcomes.map(({ params }) => params)).toEqual(expected.map(({ params }) => params));
    for (const { recorder } of resumed.peers) expect(recorder.totals.exclusions).toEqual({});

    const recorded = await Promise.all(
      virtualPeers(plan, momentumTrainer).map(async (peer, index) => ({
        ...peer,
        log: await logOf(storages[index]!),
      })),
    );
    const replayed = await replay(recorded);
    expect(replayed.map(({ params }) => params)).toEqual(outcomes.map(({ params }) => params));
  });

  test('a corrupt newest one is passed over, with a word about it', async () => {
    const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 12 }) });
    await swarm.start();
    await Promise.all(swarm.peers.map(({ node }) => node.finished));
    await swarm.close();
    const { storage } = swarm.peers[0]!;
    const bytes = (await storage.read('checkpoints/12.ckpt'))!;
    bytes[60]! ^= 1;
    await storage.write('checkpoints/12.ckpt', bytes);
    const found = await newestCheckpoint(storage, digests);
    expect(found.checkpoint?.round).toBe(8);
    expect(found.problems).toEqual([expect.stringContaining('round 12')]);
    expect(
      (await newestCheckpoint(storage, { ...digests, experimentDigest: 'other' })).checkpoint,
    ).toBeUndefined();
    expect((await newestCheckpoint(storage, { ...digests, layoutDigest: 'other' })).problems.length).toBe(2);
  });
});

describe('a failure', () => {
  test('of the disk ends the node with storage-full and leaves nothing half-written', async () => {
    const plan = virtualPlan({ ...patient, rounds: 400 });
    const storages = plan.overlay.nodes.map((_, peer) =>
      memoryStorage(peer === 2 ? { faults: { capacityBytes: 6000 } } : {}),
    );
    const swarm = await testSwarm({ plan, storages });
    await swarm.start();
    await expect(swarm.peers[2]!.node.finished).rejects.toMatchObject({ code: 'storage-full' });
    await swarm.close();
    const log = new TextDecoder().decode(await storages[2]!.read(EVENTS));
    expect(log.endsWith('\n')).toBe(true);
    for (const line of log.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    for (const round of await checkpointRounds(storages[2]!)) {
      expect((await newestCheckpoint(storages[2]!, digests, round)).checkpoint?.round).toBe(round);
    }
  });

  test.each(['train', 'snapshot', 'evaluate'] as const)(
    'of the Trainer in %s ends the node and says why',
    async (method) => {
      const broken = (peer: number): Trainer => {
        const trainer = momentumTrainer(peer);
        const fails = async () => {
          throw new Error('the device is gone');
        };
        return peer === 1 ? { ...trainer, [method]: fails } : trainer;
      };
      const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 8 }), trainer: broken });
      await swarm.start();
      await expect(swarm.peers[1]!.node.finished).rejects.toThrow('the device is gone');
      await swarm.close();
    },
  );

  test('of the training itself (NaN) ends the node before anybody is sent it or a checkpoint holds it', async () => {
    const plan = virtualPlan({ ...patient, rounds: 8, deadline: { ...waits, downGraceMs: 20 } });
    const diverges = (peer: number): Trainer => {
      const trainer = momentumTrainer(peer);
      if (peer !== 1) return trainer;
      return {
        ...trainer,
        async train(params, steps, key) {
          const result = await trainer.train(params, steps, key);
          if (key.firstStep >= 10) result.params[2] = Number.NaN;
          return result;
        },
      };
    };
    const swarm = await testSwarm({ plan, trainer: diverges });
    await swarm.start();
    await expect(swarm.peers[1]!.node.finished).rejects.toMatchObject({ code: 'training-diverged' });
    await swarm.peers[1]!.node.close();
    const others = swarm.peers.filter((_, peer) => peer !== 1);
    for (const { round } of await Promise.all(others.map(({ node }) => node.finished))) expect(round).toBe(8);
    for (const { recorder } of others) expect(recorder.totals.refusals['not-finite']).toBeUndefined();
    const { checkpoint } = await newestCheckpoint(swarm.peers[1]!.storage, digests);
    expect(checkpoint?.round).toBe(4);
    await Promise.all(others.map(({ node }) => node.close()));
  });

  test('is told when the checkpoint that is being written is out, and no further one is begun', async () => {
    const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 400 }) });
    const { storage, node } = swarm.peers[0]!;
    const write = storage.write.bind(storage);
    let writing = 0;
    let written = 0;
    const begun = new Promise<void>((resolve) => {
      storage.write = async (path, bytes) => {
        writing += 1;
        resolve();
        for (let turn = 0; turn < 50; turn++) await new Promise((next) => setImmediate(next));
        await write(path, bytes);
        writing -= 1;
        written += 1;
      };
    });
    await swarm.start();
    await begun;
    storage.append = () => {
      throw new Error('the disk is gone');
    };
    node.stop('to write a line');
    await expect(node.finished).rejects.toThrow('the disk is gone');
    expect({ writing, written }).toEqual({ writing: 0, written: 1 });
    await swarm.close();
    expect({ writing, written }).toEqual({ writing: 0, written: 1 });
  });

  test('is final: a failed node takes no further step', async () => {
    const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 8 }) });
    const { storage, node } = swarm.peers[0]!;
    await swarm.start();
    storage.setFaults({ readOnly: true });
    node.stop('to write a line');
    await expect(node.finished).rejects.toMatchObject({ code: 'storage-read-only' });
    storage.setFaults({});
    const before = storage.size(EVENTS);
    node.stop('again');
    expect(storage.size(EVENTS)).toBe(before);
    await swarm.close();
    expect(storage.size(EVENTS)).toBe(before);
  });
});

describe('the log', () => {
  test('has the line of an event before the frames that it caused leave', async () => {
    const plan = virtualPlan({ ...patient, rounds: 4 });
    const storages = plan.overlay.nodes.map(() => memoryStorage());
    let checked = 0;
    const sizes = storages.map(() => 0);
    const watched = (peer: number, transport: Transport): Transport => ({
      start: (greeting, handlers) => transport.start(greeting, handlers),
      connect: (addresses) => transport.connect(addresses),
      setRound: (round) => transport.setRound(round),
      publish: (message) => transport.publish(message),
      counters: () => transport.counters(),
      stop: () => transport.stop(),
      send(to, frame, settled) {
        const size = storages[peer]!.size(EVENTS);
        expect(size).toBeGreaterThan(sizes[peer]!);
        sizes[peer] = size;
        checked += 1;
        transport.send(to, frame, settled);
      },
    });
    const swarm = await testSwarm({ plan, storages, transport: watched });
    await swarm.start();
    await Promise.all(swarm.peers.map(({ node }) => node.finished));
    await swarm.close();
    expect(checked).toBeGreaterThanOrEqual(20);
  });

  test('a link that comes up before the node has started is an event after the start', async () => {
    const eager = (peer: number, transport: Transport): Transport =>
      peer !== 0
        ? transport
        : {
            start: async (greeting, handlers) => {
              const addresses = await transport.start(greeting, handlers);
              handlers.linkUp(1, { ...greeting, incarnation: 1 });
              return addresses;
            },
            connect: (addresses) => transport.connect(addresses),
            setRound: (round) => transport.setRound(round),
            send: (to, frame, settled) => transport.send(to, frame, settled),
            publish: (message) => transport.publish(message),
            counters: () => transport.counters(),
            stop: () => transport.stop(),
          };
    const swarm = await testSwarm({ plan: virtualPlan({ ...patient, rounds: 2 }), transport: eager });
    await swarm.start();
    await Promise.all(swarm.peers.map(({ node }) => node.finished));
    await swarm.close();
    const [first, second] = await logOf(swarm.peers[0]!.storage);
    expect(first!.event.kind).toBe('start');
    expect(second!.event).toMatchObject({ kind: 'linkUp', peer: 1 });
  });
});

describe('a hostile neighbour', () => {
  test('is refused, counted, and written down a bounded number of times', async () => {
    const plan = virtualPlan({ ...patient, rounds: 6 });
    const swarm = await testSwarm({
      plan,
      onRound: (peer, round) => {
        if (peer !== 0 || round !== 2) return;
        const junk = new TextEncoder().encode('not a frame at all, whatever it may look like');
        for (let times = 0; times < 150; times++) swarm.network.inject(1, 0, junk);
        swarm.network.inject(1, 0, encodePreamble(10, 2 ** 40));
      },
    });
    await swarm.start();
    const outcomes = await Promise.all(swarm.peers.map(({ node }) => node.finished));
    await swarm.close();
    expect(outcomes.map(({ round }) => round)).toEqual([6, 6, 6, 6, 6]);
    const { recorder, storage } = swarm.peers[0]!;
    expect(recorder.totals.refusals['frame-magic']).toBe(150);
    expect(recorder.totals.refusals['frame-too-large']).toBe(1);
    const lines = (await recordsOf(storage)).filter(
      ({ type, reason }) => type === 'refusal' && reason === 'frame-magic',
    );
    expect(lines.length).toBe(100);
  });

  test('that sends what the wire forbids changes nothing of the result', async () => {
    const plan = virtualPlan({ ...patient, rounds: 6 });
    const run = async (lies: boolean) => {
      const liar = (peer: number, transport: Transport): Transport =>
        peer !== 4 || !lies
          ? transport
          : {
              start: (greeting, handlers) => transport.start(greeting, handlers),
              connect: (addresses) => transport.connect(addresses),
              setRound: (round) => transport.setRound(round),
              publish: (message) => transport.publish(message),
              counters: () => transport.counters(),
              stop: () => transport.stop(),
              send(to, frame, settled) {
                const quiet = () => undefined;
                const params = Float32Array.of(1, 2, 3, 4, Number.NaN);
                const envelope = (message: Parameters<typeof encodeEnvelope>[0]['message']) =>
                  encodeEnvelope({ incarnation: 1, sequence: 900 + sequence++, message }, []);
                transport.send(to, envelope({ type: 'state', round: 5, params }), quiet);
                transport.send(to, envelope({ type: 'state', round: 5, params: new Float32Array(5) }), quiet);
                transport.send(to, envelope({ type: 'pull', round: 77 }), quiet);
                transport.send(to, { head: frame.head, body: [] }, quiet);
                transport.send(to, frame, settled);
                transport.send(to, frame, quiet);
              },
            };
      let sequence = 0;
      const swarm = await testSwarm({ plan, transport: liar });
      await swarm.start();
      const outcomes = await Promise.all(swarm.peers.map(({ node }) => node.finished));
      await swarm.close();
      return {
        params: outcomes.map(({ params }) => params),
        refusals: swarm.peers[0]!.recorder.totals.refusals,
      };
    };
    const honest = await run(false);
    const lying = await run(true);
    expect(lying.params).toEqual(honest.params);
    expect(honest.refusals).toEqual({});
    for (const reason of ['not-finite', 'unexpected', 'round-out-of-range', 'shape-mismatch', 'duplicate']) {
      expect(lying.refusals[reason]).toBeGreaterThan(0);
    }
  });
});
