/** A swarm of real processes that a test starts, watches by its own words and files, hurts and takes up again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  parseRecord,
  parseSummary,
  type RoundRecord,
  type RunRecord,
  type RunSummary,
} from '../../src/record/index.ts';

const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
export const isBuilt = existsSync(BUILT);

/** Small enough that five processes of it are quick, with an optimiser that has a state to lose. */
export const TINY = `
name: tiny
seed: 1
data: {dataset: digits, silos: 5, partition: {kind: dirichlet, alpha: 0.5}, testShare: 0.2}
model: softmax
train: {optimizer: momentum, learningRate: 0.05, batchSize: 16, localSteps: 4, backend: cpu}
topology: {kind: ring}
exchange: {deadline: {floorMs: 60000, ceilingMs: 60000}}
evaluate: {everyRounds: 4}
checkpoint: {everyRounds: 5, keep: 3}
stop: {rounds: 40}
`;

/**
 * For runs whose messages are counted: a late one is asked for again after an eighth of the deadline, which no machine is too busy for.
 */
export const PATIENT = ['--set', 'exchange.deadline={floorMs: 600000, ceilingMs: 600000}'];

/** A folder with an experiment in it, the swarms run on it, and what they leave; `clean` ends and removes all of it. */
export class Bench {
  readonly folder: string;
  readonly #swarms: Swarm[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  static async open(experiment = TINY): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), 'grapevine-process-'));
    await writeFile(join(folder, 'tiny.yaml'), experiment);
    return new Bench(folder);
  }

  run(name: string): string {
    return join(this.folder, name);
  }

  /** A new run in the folder `name`. */
  start(name: string, ...options: string[]): Swarm {
    return this.#keep(
      new Swarm(this.run(name), [join(this.folder, 'tiny.yaml'), '--out', this.run(name), ...options]),
    );
  }

  /** A new run on a disk that is full once any file has so many blocks of 512 bytes. */
  startOnFullDisk(name: string, blocksMax: number, command: 'swarm' | 'simulate' = 'swarm'): Swarm {
    const options = [join(this.folder, 'tiny.yaml'), '--out', this.run(name)];
    return this.#keep(new Swarm(this.run(name), options, `ulimit -f ${blocksMax}; `, command));
  }

  resume(name: string, ...options: string[]): Swarm {
    return this.#keep(new Swarm(this.run(name), ['--resume', this.run(name), ...options]));
  }

  async clean(): Promise<void> {
    for (const swarm of this.#swarms) swarm.kill();
    await Promise.all(this.#swarms.map(({ exited }) => exited));
    // A peer that was just being started when its launcher was killed ends by itself, and may write until it has.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }

  #keep(swarm: Swarm): Swarm {
    this.#swarms.push(swarm);
    return swarm;
  }
}

/** `grapevine swarm`, or a simulation, as a process of its own. */
export class Swarm {
  readonly folder: string;
  stdout = '';
  stderr = '';
  readonly process: ChildProcess;
  readonly exited: Promise<number | string | null>;
  readonly #listeners = new Set<() => void>();
  /** Every process of the swarm that a test has looked up. */
  readonly #known = new Set<number>();

  /** `before`: shell commands that set limits for the process. */
  constructor(
    folder: string,
    options: readonly string[],
    before = '',
    subcommand: 'swarm' | 'simulate' = 'swarm',
  ) {
    this.folder = folder;
    const command = [process.execPath, BUILT, subcommand, '--json', ...options];
    this.process = spawn('/bin/sh', ['-c', `${before}exec "$@"`, 'sh', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      for (const look of this.#listeners) look();
    });
    this.exited = new Promise((resolve) =>
      this.process.on('close', (code, signal) => resolve(code ?? signal)),
    );
  }

  /** Resolves when people have been told so. */
  says(pattern: RegExp): Promise<void> {
    return this.#until(
      `said ${pattern}`,
      () => pattern.test(this.stderr),
      (look) => {
        this.#listeners.add(look);
        return () => this.#listeners.delete(look);
      },
    );
  }

  /** Resolves with the first record of a peer that is as wanted. */
  records<Kind extends RunRecord>(peer: string, wanted: (entry: RunRecord) => entry is Kind): Promise<Kind> {
    return this.finds(peer, (entries) => entries.find(wanted));
  }

  /** Resolves with what `find` finds in a peer's records, as soon as it finds something. */
  async finds<Found>(
    peer: string,
    find: (entries: readonly RunRecord[]) => Found | undefined,
  ): Promise<Found> {
    await this.says(/record in/);
    let found: Found | undefined;
    await this.#until(
      `${peer} recorded it`,
      () => {
        found = find(recordsOf(this.folder, peer));
        return found !== undefined;
      },
      (look) => {
        const watcher = watch(join(this.folder, 'peers', peer), look);
        return () => watcher.close();
      },
    );
    return found as Found;
  }

  completes(peer: string, round: number): Promise<RoundRecord> {
    return this.records(
      peer,
      (entry): entry is RoundRecord => entry.type === 'round' && entry.round >= round,
    );
  }

  /** Process ids of the peers in the order they were started, the newest last; Linux only, as the project's machines are. */
  peerPids(): number[] {
    const children = childrenOf(this.process.pid ?? 0).filter(({ command }) =>
      command.includes('swarm-child'),
    );
    const pids = children.sort((a, b) => a.started - b.started || a.pid - b.pid).map(({ pid }) => pid);
    for (const pid of pids) this.#known.add(pid);
    return pids;
  }

  /** Sends a signal to the process of the peer in this place; false where there is none. */
  signal(peer: number, signal: NodeJS.Signals): boolean {
    const pid = this.peerPids()[peer];
    return pid !== undefined && process.kill(pid, signal);
  }

  summary(): RunSummary {
    return parseSummary(this.stdout, 'stdout');
  }

  /** Ends what a test left running. */
  kill(): void {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.peerPids();
      this.process.kill('SIGKILL');
    }
    for (const pid of this.#known) if (isPeer(pid)) process.kill(pid, 'SIGKILL');
  }

  async #until(
    what: string,
    holds: () => boolean,
    subscribe: (look: () => void) => () => void,
  ): Promise<void> {
    let unsubscribe = (): void => undefined;
    const met = new Promise<true>((resolve) => {
      const look = (): void => {
        if (holds()) resolve(true);
      };
      unsubscribe = subscribe(look) as () => void;
      look();
    });
    const outcome = await Promise.race([met, this.exited]);
    unsubscribe();
    if (outcome !== true && !holds())
      throw new Error(`ended with ${outcome} before it ${what}:\n${this.stderr}`);
  }
}

/** Runs that may be over before a test comes to them, one after another. */
const ATTEMPTS_MAX = 10;

/**
 * A run to which something was done while it was under way. On a busy machine a short run may be over before the test comes to it:
 * such a one shows nothing, and another is made. `act` says whether it came in time.
 */
export async function midway(
  start: (attempt: number) => Swarm,
  act: (swarm: Swarm) => Promise<boolean>,
): Promise<Swarm> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const swarm = start(attempt);
    if (await act(swarm)) return swarm;
    swarm.kill();
    await swarm.exited;
  }
  throw new Error(`${ATTEMPTS_MAX} runs were over before anything could be done to them`);
}

/** Whether the peer had well more than a round to do when it wrote last. */
export function isMidway(folder: string, peer: string, rounds: number): boolean {
  return (roundsOf(folder, peer).at(-1)?.round ?? 0) < rounds - 5;
}

/** All records that a peer has written so far. */
export function recordsOf(folder: string, peer: string): RunRecord[] {
  const path = join(folder, 'peers', peer, 'events.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(parseRecord)
    .filter((line) => line.ok)
    .map(({ record }) => record);
}

export function roundsOf(folder: string, peer: string): RoundRecord[] {
  return recordsOf(folder, peer).filter((entry) => entry.type === 'round');
}

export function digests({ peers }: RunSummary): string[] {
  return peers.map(({ paramsSha256 }) => paramsSha256);
}

/** Resolves when none of the processes is left. */
export async function allGone(pids: readonly number[]): Promise<void> {
  // tail ends when the process it watches has; nothing on Linux tells this about a process that is nobody's child.
  await Promise.all(
    pids.map(
      (pid) =>
        new Promise((resolve) =>
          spawn('tail', [`--pid=${pid}`, '-s', '0.1', '-f', '/dev/null'], { stdio: 'ignore' }).on(
            'exit',
            resolve,
          ),
        ),
    ),
  );
}

export function isPeer(pid: number): boolean {
  return commandOf(pid)?.includes('swarm-child') === true;
}

interface Found {
  readonly pid: number;
  readonly command: string;
  readonly started: number;
}

function childrenOf(parent: number): Found[] {
  const found: Found[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const fields = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (fields === undefined || Number(fields[1]) !== parent || fields[0] === 'Z') continue;
    found.push({ pid, command: commandOf(pid) ?? '', started: Number(fields[19]) });
  }
  return found;
}

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined;
  }
}

export async function readSummary(folder: string): Promise<RunSummary> {
  return parseSummary(await readFile(join(folder, 'summary.json'), 'utf8'), folder);
}
