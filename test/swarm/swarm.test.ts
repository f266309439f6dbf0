import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import type { PeerJob } from '../../src/node/job.ts';
import type { PeerReport } from '../../src/node/run-peer.ts';
import type { ChildHandlers, Launcher } from '../../src/swarm/launcher.ts';
import type { FromChild, ToChild } from '../../src/swarm/protocol.ts';
import { runSwarm } from '../../src/swarm/swarm.ts';

/** A child that does what the test says. */
class Puppet {
  readonly orders: ToChild[] = [];
  killed = false;
  readonly #handlers: ChildHandlers;

  constructor(handlers: ChildHandlers) {
    this.#handlers = handlers;
  }

  says(message: FromChild): void {
    this.#handlers.message(message);
  }

  dies(signal: string): void {
    this.#handlers.exited({ code: null, signal });
  }

  /** Comes up and listens. */
  comesUp(): void {
    this.says({ kind: 'hello' });
    this.says({ kind: 'listening', addresses: ['/ip4/127.0.0.1/tcp/1'], backendNote: 'cpu runs' });
  }

  fails(category: 'input' | 'operation', code: string): void {
    this.says({ kind: 'failed', category, code, message: `told ${code}` });
  }

  finishes(): void {
    this.says({ kind: 'finished', report: { name: 'x' } as PeerReport });
  }

  get resumes(): string | undefined {
    const order = this.orders.find(({ kind }) => kind === 'run');
    return order?.kind === 'run' ? order.job.resume.kind : undefined;
  }
}

/** Two peers played by puppets; time passes only when a timer is fired. */
function stage(restartsMax = 1) {
  const puppets: Puppet[] = [];
  const timers: { delayMs: number; fire: () => void }[] = [];
  const troubles: string[] = [];
  const interruption = new AbortController();
  const launcher: Launcher = {
    start(handlers) {
      const puppet = new Puppet(handlers);
      puppets.push(puppet);
      return {
        pid: puppets.length,
        send: (order) => {
          puppet.orders.push(order);
          if (order.kind === 'exit') puppet.dies('exit');
        },
        kill: () => {
          if (puppet.killed) return;
          puppet.killed = true;
          puppet.dies('SIGKILL');
        },
      };
    },
    close: () => undefined,
  };
  const clock: Clock = {
    now: () => 0,
    calendar: () => undefined,
    after: (delayMs, fire) => {
      const timer = { delayMs, fire };
      timers.push(timer);
      return { cancel: () => timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const members = [
    { name: 'a', peerId: 'A' },
    { name: 'b', peerId: 'B' },
  ];
  const jobs = members.map((_, self) => ({ self, members, plan: { rounds: 9 }, resume: { kind: 'fresh' } }));
  const outcome = runSwarm(
    {
      jobs: jobs as unknown as PeerJob[],
      restartsMax,
      baselines: { alone: false, pooled: undefined },
      baselineProcessesMax: 1,
    },
    {
      launcher,
      clock,
      interruption: interruption.signal,
      onStanding: () => undefined,
      onNote: () => undefined,
      onTrouble: (text) => troubles.push(text),
    },
  );
  outcome.catch(() => undefined);
  return { puppets, timers, troubles, interruption, outcome };
}

type Pair = [Puppet, Puppet];

describe('a launcher of peers', () => {
  it('tells all where all listen once the last one does, and whoever is started again after that', async () => {
    const { puppets, outcome } = stage();
    const [a, b] = puppets as Pair;
    a.comesUp();
    expect(a.orders.map(({ kind }) => kind)).toEqual(['run']);
    b.comesUp();
    expect([a, b].map(({ orders }) => orders.at(-1)?.kind)).toEqual(['addresses', 'addresses']);
    b.dies('SIGKILL');
    const again = puppets[2] as Puppet;
    again.comesUp();
    expect(again.resumes).toBe('newest');
    expect(again.orders.at(-1)?.kind).toBe('addresses');
    a.finishes();
    again.finishes();
    expect((await outcome).reports).toHaveLength(2);
  });

  it('goes on without a peer that has died too often', async () => {
    const { puppets, troubles, outcome } = stage(1);
    const [a, b] = puppets as Pair;
    a.comesUp();
    b.comesUp();
    b.dies('SIGKILL');
    puppets[2]?.comesUp();
    puppets[2]?.dies('SIGSEGV');
    expect(puppets).toHaveLength(3);
    a.finishes();
    const { reports, interrupted } = await outcome;
    expect(reports.map((report) => report !== undefined)).toEqual([true, false]);
    expect(interrupted).toBe(false);
    expect(troubles).toEqual([
      'b died (SIGKILL)',
      'b is started again from its newest checkpoint',
      'b died (SIGSEGV)',
    ]);
  });

  it('does not start a peer again on a full disk, and says what the last one said when all are dead', async () => {
    const { puppets, outcome } = stage(5);
    for (const puppet of puppets.slice()) puppet.comesUp();
    for (const puppet of puppets.slice()) puppet.fails('operation', 'storage-full');
    expect(puppets).toHaveLength(2);
    await expect(outcome).rejects.toMatchObject({
      code: 'swarm-died',
      category: 'operation',
      message: expect.stringContaining('told storage-full'),
    });
  });

  it('ends with the input error of a peer that cannot start, in its name', async () => {
    const { puppets, outcome } = stage();
    puppets[1]?.says({ kind: 'hello' });
    puppets[1]?.fails('input', 'backend-unavailable');
    await expect(outcome).rejects.toMatchObject({
      code: 'backend-unavailable',
      category: 'input',
      message: 'b: told backend-unavailable',
    });
  });

  it('gives up a peer that does not come up in time, by name', async () => {
    const { puppets, timers, outcome } = stage();
    puppets[0]?.comesUp();
    timers[0]?.fire();
    await expect(outcome).rejects.toMatchObject({ code: 'swarm-start-timeout', details: { late: ['b'] } });
  });

  it('interrupted, stops all, starts nobody again, and kills who does not obey in time', async () => {
    const { puppets, timers, interruption, outcome } = stage(5);
    const [a, b] = puppets as Pair;
    a.comesUp();
    b.comesUp();
    b.dies('SIGKILL');
    interruption.abort();
    expect(a.orders.at(-1)).toMatchObject({ kind: 'stop' });
    // It had been started again just before: it gets no work any more.
    puppets[2]?.says({ kind: 'hello' });
    expect(puppets[2]).toMatchObject({ killed: true, orders: [{ kind: 'stop' }] });
    expect(puppets).toHaveLength(3);
    timers.at(-1)?.fire();
    expect(a.killed).toBe(true);
    await expect(outcome).rejects.toMatchObject({ code: 'swarm-died' });
  });

  it('interrupted before all listen, says that no round was begun', async () => {
    const { interruption, outcome } = stage();
    interruption.abort();
    await expect(outcome).rejects.toMatchObject({ code: 'interrupted' });
  });
});
