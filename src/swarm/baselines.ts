/**
 * What a run is compared with, computed after it: each silo alone (in its own process, which has its data), and all data pooled
 * in one place (in a process of its own). A few at a time, so that they do not fight for the cores.
 */
import type { Child, Launcher } from './launcher.ts';
import type { BaselineResult, PooledJob } from './protocol.ts';

export interface Baselines {
  /** By peer; empty where not asked for, an empty result where the peer was gone. */
  readonly alone: readonly BaselineResult[];
  readonly pooled: BaselineResult | undefined;
}

export interface BaselineWork {
  /** The peers' processes, by peer. */
  readonly alone: readonly (Child | undefined)[];
  readonly pooled: PooledJob | undefined;
  /** Rounds that the run did: the comparisons do as many. */
  readonly rounds: number;
  readonly processesMax: number;
}

export interface BaselineDependencies {
  readonly launcher: Launcher;
  readonly onNote: (text: string) => void;
  readonly onTrouble: (text: string) => void;
  /** Tells whenever a peer's process has its baseline, or is gone. */
  readonly subscribe: (listener: (peer: number, result: BaselineResult) => void) => void;
}

export async function runBaselines(
  work: BaselineWork,
  dependencies: BaselineDependencies,
): Promise<Baselines> {
  const alone: BaselineResult[] = work.alone.map(() => ({}));
  const answers = new Map<number, (result: BaselineResult) => void>();
  dependencies.subscribe((peer, result) => answers.get(peer)?.(result));
  let pooled: BaselineResult | undefined;
  const tasks: (() => Promise<void>)[] = [];
  const { pooled: pooledJob } = work;
  if (pooledJob !== undefined) {
    dependencies.onNote('training on all data pooled in one place, for comparison');
    tasks.push(async () => {
      pooled = await runPooled(pooledJob, work.rounds, dependencies);
    });
  }
  if (work.alone.length > 0) dependencies.onNote('training each silo alone, for comparison');
  for (const [peer, child] of work.alone.entries()) {
    if (child === undefined) continue;
    tasks.push(async () => {
      alone[peer] = await new Promise((resolve) => {
        answers.set(peer, resolve);
        child.send({ kind: 'alone' });
      });
    });
  }
  await Promise.all(Array.from({ length: work.processesMax }, () => drain(tasks)));
  return { alone, pooled };
}

async function drain(tasks: (() => Promise<void>)[]): Promise<void> {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) await task();
}

function runPooled(
  job: PooledJob,
  rounds: number,
  { launcher, onTrouble }: BaselineDependencies,
): Promise<BaselineResult | undefined> {
  return new Promise((resolve) => {
    const child = launcher.start({
      message: (message) => {
        if (message.kind === 'hello') child.send({ kind: 'pooled', job, rounds });
        if (message.kind === 'baseline') {
          resolve(message.result);
          child.send({ kind: 'exit' });
        }
        if (message.kind === 'failed') {
          onTrouble(`no comparison with pooled data: ${message.message}`);
          child.kill();
        }
      },
      exited: () => resolve(undefined),
    });
  });
}
