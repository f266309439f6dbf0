import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import type { Fault } from '../../src/faults/fault.ts';
import type { PeerJob } from '../../src/node/job.ts';
import type { PeerReport } from '../../src/node/run-peer.ts';
import type { ChildHandlers, Launcher } from '../../src/swarm/launcher.ts';
import type { FromChild, ToChild } from '../../src/swarm/protocol.ts';
import { runSwarm } from '../../src/swarm/swarm.ts';

/** A child that does what the test says. */
class Puppet {
  readonly orders: ToChild[] = [];
  killed = false;
  /** What was done to the process. */
  readonly signals: string[] = [];
  /** The process takes its time to be gone when it is killed. */
  lingers = false;
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

  finishes(reason: PeerReport['reason'] = 'rounds'): void {
    this.says({ kind: 'finished', report: { name: 'x', reason, round: 9 } as PeerReport });
  }

  get job(): PeerJob | undefined {
    const order = this.orders.find(({ kind }) => kind === 'run');
    return order?.kind === 'run' ? order.job : undefined;
  }

  get resumes(): string | undefined {
    return this.job?.resume.kind;
  }
}

/** Two peers played by puppets; time passes only when a timer is fired. */
function stage(restartsMax = 1, ...faults: Fault[]) {
  const puppets: Puppet[] = [];
  const timers: { delayMs: number; dueMs: number; fire: () => void }[] = [];
  let nowMs = 0;
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
          if (!puppet.lingers) puppet.dies('SIGKILL');
        },
        pause: () => puppet.signals.push('stop'),
        resume: () => puppet.signals.push('continue'),
      };
    },
    close: () => undefined,
  };
  const clock: Clock = {
    now: () => nowMs,
    calendar: () => undefined,
    after: (delayMs, fire) => {
      const timer = { delayMs, dueMs: nowMs + delayMs, fire };
      timers.push(timer);
      return { cancel: () => timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const members = [
    { name: 'a', peerId: 'A' },
    { name: 'b', peerId: 'B' },
  ];
  const jobs = members.map((_, self) => ({
    self,
    members,
    plan: { rounds: 9, gatherMs: 120_000 },
    resume: { kind: 'fresh' },
    ...(faults.length === 0 ? {} : { faults: { schedule: { seed: 1, faults }, lives: 0 } }),
  }));
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
  /** Lets time pass, and whatever it brings be done. */
  const pass = async (untilMs: number): Promise<void> => {
    for (;;) {
      const due = timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      timers.splice(timers.indexOf(due), 1);
      nowMs = due.dueMs;
      due.fire();
      await Promise.resolve();
    }
    nowMs = untilMs;
  };
  return { puppets, timers, troubles, interruption, outcome, pass };
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

describe('a launcher under a fault schedule', () => {
  it('kills a peer and starts it again in its next life at the instants planned, and no restart is used up', async () => {
    const { puppets, outcome, pass } = stage(0, { kind: 'crash', peer: 1, atMs: 100, restartMs: 300 });
    const [a, b] = puppets as Pair;
    a.comesUp();
    await pass(50);
    b.comesUp();
    await pass(149);
    expect(b.killed).toBe(false);
    await pass(150);
    expect(b.killed).toBe(true);
    await pass(349);
    expect(puppets.length).toBe(2);
    await pass(350);
    const again = puppets[2] as Puppet;
    again.comesUp();
    expect(again.job).toMatchObject({ resume: { kind: 'newest' }, faults: { lives: 1, beganAgoMs: 300 } });
    expect([a.job?.plan.gatherMs, again.job?.plan.gatherMs]).toEqual([120_000, 3_000]);
    expect(again.orders).toContainEqual({ kind: 'fault', fault: 'restart' });
    a.finishes();
    again.finishes();
    expect((await outcome).faults).toEqual([{}, { crash: 1, restart: 1 }]);
  });

  it('starts a killed peer again when its process is gone, and not twice where it was killed once more meanwhile', async () => {
    const { puppets, outcome, pass, troubles } = stage(
      0,
      { kind: 'crash', peer: 1, atMs: 100, restartMs: 101 },
      { kind: 'crash', peer: 1, atMs: 102, restartMs: 103 },
    );
    const [a, b] = puppets as Pair;
    b.lingers = true;
    a.comesUp();
    b.comesUp();
    await pass(200);
    expect(puppets.length).toBe(2);
    b.dies('SIGKILL');
    await pass(201);
    expect(puppets.length).toBe(3);
    expect(troubles.join()).not.toContain('died');
    const again = puppets[2] as Puppet;
    again.comesUp();
    a.finishes();
    again.finishes();
    expect((await outcome).faults).toEqual([{}, { crash: 2, restart: 2 }]);
  });

  it('starts a late peer late, without keeping the others waiting, and tells everybody where it listens', async () => {
    const { puppets, outcome, pass } = stage(1, { kind: 'join', peer: 1, atMs: 200 });
    const [a] = puppets as Pair;
    expect(puppets.length).toBe(1);
    a.comesUp();
    expect(a.orders.at(-1)?.kind).toBe('addresses');
    await pass(200);
    const late = puppets[1] as Puppet;
    late.comesUp();
    expect(late.job).toMatchObject({ resume: { kind: 'fresh' }, faults: { lives: 0, beganAgoMs: 200 } });
    expect(a.orders.at(-1)).toMatchObject({
      kind: 'addresses',
      addresses: [
        [0, expect.anything()],
        [1, expect.anything()],
      ],
    });
    a.finishes();
    late.finishes();
    expect((await outcome).faults).toEqual([{}, { join: 1 }]);
  });

  it('stops and continues a peer, and lets one leave: its process ends, and the run is that of the others', async () => {
    const { puppets, outcome, pass } = stage(
      1,
      { kind: 'pause', peer: 0, fromMs: 10, toMs: 20 },
      { kind: 'leave', peer: 1, atMs: 30 },
    );
    const [a, b] = puppets as Pair;
    a.comesUp();
    b.comesUp();
    await pass(20);
    expect(a.signals).toEqual(['stop', 'continue']);
    await pass(30);
    expect(b.orders.at(-1)).toMatchObject({ kind: 'stop' });
    b.finishes('stopped');
    expect(b.orders.at(-1)).toEqual({ kind: 'exit' });
    a.finishes();
    expect(await outcome).toMatchObject({ faults: [{ pause: 1 }, { leave: 1 }], interrupted: false });
  });

  it('does not wait for a peer that is crashed or stopped for good, and leaves no stopped process', async () => {
    const { puppets, outcome, pass } = stage(1, { kind: 'pause', peer: 1, fromMs: 10 });
    const [a, b] = puppets as Pair;
    a.comesUp();
    b.comesUp();
    await pass(10);
    a.finishes();
    const { reports } = await outcome;
    expect([reports[1], b.signals, b.killed]).toEqual([undefined, ['stop'], true]);

    const crashed = stage(1, { kind: 'crash', peer: 1, atMs: 10 });
    const [c, d] = crashed.puppets as Pair;
    c.comesUp();
    d.comesUp();
    await crashed.pass(10);
    c.finishes();
    expect((await crashed.outcome).reports[1]).toBeUndefined();
    expect(crashed.puppets.length).toBe(2);
  });

  it('plans nothing more once the user stops it, and lets stopped peers go on to save their work', async () => {
    const { puppets, outcome, pass, interruption } = stage(
      1,
      { kind: 'pause', peer: 0, fromMs: 10, toMs: 9_000 },
      { kind: 'crash', peer: 1, atMs: 20, restartMs: 9_000 },
    );
    const [a, b] = puppets as Pair;
    a.comesUp();
    b.comesUp();
    await pass(20);
    interruption.abort();
    expect(a.signals).toEqual(['stop', 'continue']);
    a.finishes('stopped');
    expect(await outcome).toMatchObject({ interrupted: true });
    expect(puppets.length).toBe(2);
  });
});
