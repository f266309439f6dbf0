import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { newIdentity } from '../../src/identity/index.ts';
import { libp2pTransport } from '../../src/transport/libp2p/index.ts';
import { BUILT, checkpointOf, type OwnData, ownData, Running, SILOS, summaryOf } from './own-data.ts';
import { run } from './run.ts';

const ROUNDS = 120;

describe.skipIf(!existsSync(BUILT))(
  'silos as processes of their own (skipped where dist/ is not built)',
  () => {
    let own: OwnData;
    let running: Running[];

    const start = (name: string, ...options: string[]): Running => {
      const peer = new Running('peer', own.silo(name), ...options);
      running.push(peer);
      return peer;
    };

    /** Starts all three and kills dream in the middle. On a busy machine a run may be over before the test comes to it: another is made then. */
    const startAndKillDream = async (): Promise<[biscoe: Running, torgersen: Running]> => {
      const [biscoe, dream, torgersen] = SILOS.map((name) => start(name)) as [Running, Running, Running];
      await dream.says(/listens on/);
      await checkpointOf(own.runFolder('dream'), 20);
      dream.kill('SIGKILL');
      if ((await dream.exited) === null) return [biscoe, torgersen];
      await Promise.all([biscoe.exited, torgersen.exited]);
      for (const name of SILOS) await rm(own.runFolder(name), { recursive: true });
      return startAndKillDream();
    };

    beforeEach(async () => {
      own = await ownData();
      running = [];
    });

    afterEach(async () => {
      for (const peer of running) peer.kill('SIGKILL');
      await Promise.all(running.map(({ exited }) => exited));
      await own.remove();
    });

    it('finish together after one was killed, its newest checkpoint broken, and started again', async () => {
      await own.edit('experiment.yaml', 'rounds: 30', `rounds: ${ROUNDS}`);
      const [biscoe, torgersen] = await startAndKillDream();
      const checkpoints = readdirSync(join(own.runFolder('dream'), 'checkpoints'));
      const newest = Math.max(...checkpoints.map((name) => Number.parseInt(name, 10)));
      await writeFile(join(own.runFolder('dream'), 'checkpoints', `${newest}.ckpt`), 'broken');
      // On a busy machine the others may have gone by then: it does not wait for them as long as it would, and goes on.
      const again = start('dream', '--alone', '--gather', '10');

      expect(await Promise.all([biscoe, again, torgersen].map(({ exited }) => exited))).toEqual([0, 0, 0]);
      expect(again.output).toMatch(/an earlier process of this silo ended without a word/);
      expect(again.output).toMatch(new RegExp(`checkpoint of round ${newest} is passed over`));
      expect(again.output).toMatch(/goes on from round \d+/);
      const summaries = await Promise.all(SILOS.map((name) => summaryOf(own.runFolder(name))));
      expect(summaries.map(({ rounds }) => rounds)).toEqual([ROUNDS, ROUNDS, ROUNDS]);
      expect(summaries.map(({ mode }) => mode)).toEqual(['peer', 'peer', 'peer']);
      // Torgersen has Adélie penguins only (0.44 alone), and yet knows what Biscoe's are. Dream's are known as
      // well where it came back before the others had done their rounds, which they do not wait for.
      expect(summaries[2]?.peers[0]?.globalTest).toBeGreaterThan(0.7);
    });

    it('refuse a stranger, and follow a newer membership: who is shut out stops, the others go on without it; an older one is refused', async () => {
      await own.edit('experiment.yaml', 'rounds: 30', 'rounds: 1000000');
      const [biscoe, dream, torgersen] = SILOS.map((name) => start(name)) as [Running, Running, Running];
      await Promise.all([biscoe, dream, torgersen].map((peer) => peer.says(/listens on/)));
      const stranger = await dialAsStranger(own);
      await biscoe.says(/refused: unknown-peer/);
      await stranger.stop();
      await checkpointOf(own.runFolder('biscoe'), 10);
      const members = join(own.folder, 'members.yaml');
      const first = await readFile(members, 'utf8');
      await own.edit('members.yaml', '- name: dream\n', '- name: dream\n    revoked: true\n');
      const key = join(own.folder, 'keys/operator.pem');
      expect((await run('membership', 'sign', members, '--key', key)).exitCode).toBe(0);
      await biscoe.says(/membership edition 2 is in force; shut out: dream/);
      await dream.says(/membership edition 2 is in force; shut out: dream/);
      expect(await dream.exited).toBe(4);
      // A round that waited for dream records an exclusion; one between two rounds has nothing to record. What must
      // hold either way: the others go on mixing without it.
      const checkpoints = readdirSync(join(own.runFolder('biscoe'), 'checkpoints'));
      const newest = Math.max(...checkpoints.map((name) => Number.parseInt(name, 10)));
      await Promise.all(
        ['biscoe', 'torgersen'].map((name) => checkpointOf(own.runFolder(name), newest + 50)),
      );
      expect((await run('check', own.silo('dream'))).stderr).toContain('shuts dream out');
      await writeFile(members, first);
      await torgersen.says(/the membership stays as it was: .* is edition 1, and edition 2 is in force/);
      const others = [biscoe, torgersen];
      for (const peer of others) peer.kill('SIGTERM');
      expect(await Promise.all(others.map(({ exited }) => exited))).toEqual([4, 4]);
      const { rounds, peers } = await summaryOf(own.runFolder('biscoe'));
      expect(rounds).toBeGreaterThanOrEqual(newest + 50);
      expect(peers[0]?.refusals['unknown-peer']).toBeGreaterThan(0);
    });

    it('says that its port is taken, that its folder is in use, and how to go on after SIGTERM', async () => {
      const squatter = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => squatter.listen(own.ports.dream, '127.0.0.1', resolve));
      const [biscoe, dream] = [start('biscoe'), start('dream')];
      await biscoe.says(/listens on/);
      const second = start('biscoe');
      expect(await dream.exited).toBe(3);
      expect(dream.output).toMatch(/the port is taken/);
      expect(await second.exited).toBe(3);
      expect(second.output).toMatch(new RegExp(`is in use by process ${biscoe.child.pid}`));
      biscoe.kill('SIGTERM');
      expect(await biscoe.exited).toBe(4);
      expect(biscoe.output).toMatch(
        /Stopped in round 0 of 30; a checkpoint is saved\. Go on: grapevine peer/,
      );
      expect(await summaryOf(own.runFolder('biscoe'))).toMatchObject({ endReason: 'interrupted', rounds: 0 });
      expect(existsSync(join(own.runFolder('biscoe'), 'lock'))).toBe(false);
      await new Promise((resolve) => squatter.close(resolve));
    });
  },
);

/** Dials biscoe with a key that is not in the membership. */
async function dialAsStranger({ peerIds, ports }: OwnData) {
  const { seed, peerId } = newIdentity();
  const transport = libp2pTransport(
    {
      self: 0,
      members: [
        { name: 'stranger', peerId },
        { name: 'biscoe', peerId: peerIds.biscoe as string },
      ],
      privateKeySeed: seed,
      outNeighbours: [1],
      inNeighbours: [1],
      carrier: 'stream',
      limits: { headBytesMax: 4096, bodyBytesMax: 65_536 },
      dials: () => true,
    },
    { clock: realClock },
  );
  const nothing = () => undefined;
  await transport.start(
    { experimentDigest: 'e', layoutDigest: 'l', incarnation: 1, round: 0 },
    { linkUp: nothing, linkDown: nothing, frame: nothing, control: nothing, refused: nothing },
  );
  transport.connect(new Map([[1, [`/ip4/127.0.0.1/tcp/${ports.biscoe}`]]]));
  return transport;
}
