/**
 * Runs many peers as processes of a Launcher and watches them: starts them, tells each where the others listen, restarts what
 * dies, shows where the run stands, and ends all of them whatever happens. It takes no part in the training.
 */
import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { type GrapevineError, InputError, OperatingError } from '../base/errors.ts';
import type { PeerJob } from '../node/job.ts';
import type { PeerReport } from '../node/run-peer.ts';
import { type BaselineDependencies, type Baselines, runBaselines } from './baselines.ts';
import { count, type MemberUnderFaults, perform } from './deeds.ts';
import type { Child, Launcher } from './launcher.ts';
import type { FromChild, PooledJob } from './protocol.ts';
import { RoundBoard, type Standing } from './round-board.ts';
import { ScheduledFaults } from './scheduled-faults.ts';

export interface SwarmOptions {
  readonly jobs: readonly PeerJob[];
  /** How often a peer that dies is started again from its newest checkpoint. */
  readonly restartsMax: number;
  readonly baselines: { readonly alone: boolean; readonly pooled: PooledJob | undefined };
  /** Processes that may compute a baseline at the same time. */
  readonly baselineProcessesMax: number;
}

export interface SwarmDependencies {
  readonly launcher: Launcher;
  readonly clock: Clock;
  /** Aborted when the user wants the run to stop where it is. */
  readonly interruption: AbortSignal;
  /** Where the run stands, whenever that changes. */
  readonly onStanding: (standing: Standing) => void;
  /** One line for people: which engine runs, what is computed now. */
  readonly onNote: (text: string) => void;
  /** One line for people about what went wrong and what is done about it. */
  readonly onTrouble: (text: string) => void;
}

export interface SwarmOutcome {
  readonly interrupted: boolean;
  /** One per job; undefined for a peer that died and was not started again. */
  readonly reports: readonly (PeerReport | undefined)[];
  readonly baselines: Baselines;
  /** What the fault schedule has done to each peer, by kind; absent where there was none. */
  readonly faults?: readonly Readonly<Record<string, number>>[];
  /** From the first process's start to the last peer's end, baselines apart. */
  readonly wallMs: number;
}

/** A process that does not come up or does not obey within this time is given up. */
const START_MS_MAX = 180_000;
const STOP_MS_MAX = 30_000;
/** A peer that starts while the others run does not wait longer for neighbours that are not there. */
const GATHER_AGAIN_MS = 3_000;

/** Rejects with the first failure of a peer that cannot start, or `swarm-died` when no peer is left. */
export async function runSwarm(
  options: SwarmOptions,
  dependencies: SwarmDependencies,
): Promise<SwarmOutcome> {
  const swarm = new Swarm(options, dependencies);
  try {
    return await swarm.run();
  } finally {
    dependencies.launcher.close();
  }
}

interface Member extends MemberUnderFaults {
  readonly index: number;
  child: Child | undefined;
  addresses: readonly string[] | undefined;
  report: PeerReport | undefined;
  restarts: number;
  /** Died for good. */
  lost: boolean;
  failure: (FromChild & { kind: 'failed' }) | undefined;
  /** Resolves when the process that now runs is gone. */
  gone: Promise<void>;
}

class Swarm {
  readonly #options: SwarmOptions;
  readonly #with: SwarmDependencies;
  readonly #members: readonly Member[];
  readonly #board: RoundBoard;
  #phase: 'starting' | 'running' | 'ending' = 'starting';
  #interrupted = false;
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  readonly #faults: ScheduledFaults | undefined;
  readonly #backendNotes = new Set<string>();
  #onBaseline: ((member: Member, result: Baselines['alone'][number]) => void) | undefined;

  constructor(options: SwarmOptions, dependencies: SwarmDependencies) {
    this.#options = options;
    this.#with = dependencies;
    this.#members = options.jobs.map(({ members, self }, index) => ({
      index,
      name: present(members[self], `member ${self}`).name,
      child: undefined,
      addresses: undefined,
      report: undefined,
      restarts: 0,
      lost: false,
      away: undefined,
      lives: 0,
      faults: {},
      failure: undefined,
      gone: Promise.resolve(),
    }));
    this.#board = new RoundBoard(options.jobs.length, options.jobs[0]?.plan.rounds ?? 0);
    this.#faults = this.#scheduledFaults();
  }

  async run(): Promise<SwarmOutcome> {
    const { clock, interruption } = this.#with;
    const startedMs = clock.now();
    const ended = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const interrupt = (): void => this.#interrupt();
    interruption.addEventListener('abort', interrupt);
    const patience = clock.after(START_MS_MAX, () => this.#giveUpStarting());
    for (const member of this.#members)
      if (member.away !== 'joins late') this.#start(member, this.#job(member).resume);
    if (interruption.aborted) interrupt();
    try {
      await ended;
    } finally {
      this.#faults?.close();
      patience.cancel();
      interruption.removeEventListener('abort', interrupt);
    }
    const wallMs = clock.now() - startedMs;
    this.#phase = 'ending';
    const baselines = await this.#baselines();
    await this.#exitAll();
    const reports = this.#members.map(({ report }) => report);
    const faults = this.#members.map((member) => member.faults);
    return { interrupted: this.#interrupted, reports, baselines, faults, wallMs };
  }

  #scheduledFaults(): ScheduledFaults | undefined {
    const schedule = this.#options.jobs[0]?.faults?.schedule;
    if (schedule === undefined) return undefined;
    const at = (peer: number): Member => present(this.#members[peer], `peer ${peer}`);
    const faults = new ScheduledFaults(schedule, this.#members.length, this.#with.clock, {
      join: (peer) => this.#join(at(peer)),
      perform: (deed) => {
        const member = at(deed.peer);
        perform(deed, member, {
          tell: (text) => this.#with.onTrouble(text),
          startAgain: () => void member.gone.then(() => this.#startAgain(member)),
          giveUp: () => this.#lose(member),
        });
      },
    });
    for (const member of this.#members) if (faults.joinsLate(member.index)) member.away = 'joins late';
    return faults;
  }

  #join(member: Member): void {
    member.away = undefined;
    count(member, 'join');
    this.#with.onTrouble(`${member.name} joins by the fault schedule`);
    this.#start(member, this.#job(member).resume);
  }

  /** The run may have ended while the old process was going, or the peer have been killed once more. */
  #startAgain(member: Member): void {
    if (member.away !== 'starts again') return;
    member.away = undefined;
    if (this.#phase === 'running' && !this.#interrupted) this.#start(member, { kind: 'newest' });
  }

  #job({ index, lives }: Member): PeerJob {
    const job = present(this.#options.jobs[index], `job ${index}`);
    const { faults } = job;
    const { gatherMs } = job.plan;
    const isLate = this.#phase === 'running' && gatherMs > GATHER_AGAIN_MS;
    const timely = isLate ? { ...job, plan: { ...job.plan, gatherMs: GATHER_AGAIN_MS } } : job;
    if (faults === undefined) return timely;
    const beganAgoMs = this.#faults?.beganAgoMs;
    return { ...timely, faults: { ...faults, lives, ...(beganAgoMs === undefined ? {} : { beganAgoMs }) } };
  }

  #start(member: Member, resume: PeerJob['resume']): void {
    member.gone = new Promise((resolve) => {
      const child = this.#with.launcher.start({
        message: (message) => {
          if (message.kind !== 'hello') this.#message(member, message);
          else if (this.#interrupted) child.kill();
          else child.send({ kind: 'run', job: { ...this.#job(member), resume } });
        },
        exited: ({ code, signal }) => {
          this.#exited(member, signal ?? `exit code ${code}`);
          resolve();
        },
      });
      member.child = child;
    });
  }

  #message(member: Member, message: FromChild): void {
    switch (message.kind) {
      case 'listening':
        return this.#listening(member, message.addresses, message.backendNote);
      case 'round':
        this.#board.round(member.index, message.record, message.sketch);
        return this.#show();
      case 'waiting':
        this.#board.waiting(member.index, message.peers);
        return this.#show();
      case 'note':
        return this.#with.onTrouble(message.text);
      case 'finished':
        member.report = message.report;
        if (member.away === 'leaving') member.child?.send({ kind: 'exit' });
        return this.#checkEnd();
      case 'failed':
        member.failure = message;
        member.child?.kill();
        return;
      case 'baseline':
        return this.#onBaseline?.(member, message.result);
      case 'hello':
        return;
    }
  }

  #listening(member: Member, addresses: readonly string[], backendNote: string): void {
    member.addresses = addresses;
    if (!this.#backendNotes.has(backendNote)) {
      this.#backendNotes.add(backendNote);
      this.#with.onNote(backendNote);
    }
    const known = this.#members.filter(({ addresses: listening }) => listening !== undefined);
    const awaited = this.#members.filter(({ away }) => away !== 'joins late');
    if (this.#phase === 'starting' && known.length < awaited.length) return;
    this.#phase = 'running';
    this.#faults?.begin();
    for (const fault of ['join', 'restart']) {
      if (member.faults[fault] !== undefined) member.child?.send({ kind: 'fault', fault });
    }
    const book = known.map(({ index, addresses: listening = [] }) => [index, listening] as const);
    for (const { child } of known) child?.send({ kind: 'addresses', addresses: book });
  }

  #exited(member: Member, how: string): void {
    member.child = undefined;
    member.addresses = undefined;
    this.#onBaseline?.(member, {});
    if (this.#phase === 'ending' || member.report !== undefined) return;
    if ((member.away === 'crashed' || member.away === 'starts again') && !this.#interrupted) return;
    if (member.away === 'crashed for good') return this.#lose(member);
    if (this.#phase === 'starting' || member.failure?.category === 'input') {
      return this.#settle?.reject(failureOf(member, how));
    }
    this.#with.onTrouble(`${member.name} died (${member.failure?.message ?? how})`);
    const { restartsMax } = this.#options;
    if (!this.#interrupted && member.restarts < restartsMax && !isDiskFault(member)) {
      member.failure = undefined;
      member.restarts += 1;
      this.#with.onTrouble(`${member.name} is started again from its newest checkpoint`);
      return this.#start(member, { kind: 'newest' });
    }
    this.#lose(member);
  }

  #lose(member: Member): void {
    member.lost = true;
    this.#board.lost(member.index);
    this.#checkEnd();
  }

  #checkEnd(): void {
    if (!this.#members.every(isOver)) return;
    if (this.#members.every(({ lost }) => lost)) {
      const told = this.#members.flatMap(({ failure }) => failure?.message ?? []);
      const message = `every peer of the swarm died${told.length === 0 ? '' : `; the last of them said: ${told.at(-1)}`}`;
      this.#settle?.reject(new OperatingError('swarm-died', message));
    } else {
      this.#settle?.resolve();
    }
  }

  #interrupt(): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    this.#faults?.close();
    for (const { child, away } of this.#members) {
      if (away === 'paused') child?.resume();
      child?.send({ kind: 'stop', reason: 'interrupted' });
    }
    this.#with.clock.after(STOP_MS_MAX, () => {
      for (const { child, report } of this.#members) if (report === undefined) child?.kill();
    });
    if (this.#phase === 'starting') return this.#settle?.reject(new InterruptedError());
    for (const member of this.#members) if (member.child === undefined && !isOver(member)) this.#lose(member);
  }

  #giveUpStarting(): void {
    if (this.#phase !== 'starting') return;
    const late = this.#members
      .filter(({ addresses, away }) => addresses === undefined && away !== 'joins late')
      .map(({ name }) => name);
    const message = `${late.join(', ')} did not start within ${START_MS_MAX / 1000} s; is the machine overloaded?`;
    this.#settle?.reject(new OperatingError('swarm-start-timeout', message, { late }));
  }

  #show(): void {
    this.#with.onStanding(this.#board.standing(this.#members.map(({ name }) => name)));
  }

  /** Cut short where the user stops them: the run itself is complete. */
  async #baselines(): Promise<Baselines> {
    const { baselines, baselineProcessesMax } = this.#options;
    const { launcher, interruption, onNote, onTrouble } = this.#with;
    const none: Baselines = { alone: [], pooled: undefined };
    if (this.#interrupted) return none;
    const cut = new Promise<Baselines>((resolve) => {
      interruption.addEventListener('abort', () => {
        onNote('the comparison is cut short');
        for (const { child } of this.#members) child?.kill();
        resolve(none);
      });
    });
    const work = {
      alone: baselines.alone ? this.#members.map(({ child }) => child) : [],
      pooled: baselines.pooled,
      rounds: Math.min(
        ...this.#members.flatMap(({ report }) =>
          report === undefined || report.reason === 'stopped' ? [] : [report.round],
        ),
      ),
      processesMax: baselineProcessesMax,
    };
    const subscribe: BaselineDependencies['subscribe'] = (listener) => {
      this.#onBaseline = ({ index }, result) => listener(index, result);
    };
    return Promise.race([cut, runBaselines(work, { launcher, onNote, onTrouble, subscribe })]);
  }

  /** Ends the processes; those that do not obey in time are killed when the launcher closes. */
  async #exitAll(): Promise<void> {
    for (const { child, lost } of this.#members) {
      if (lost) child?.kill();
      else child?.send({ kind: 'exit' });
    }
    const patience = new Promise<void>((resolve) => this.#with.clock.after(STOP_MS_MAX, resolve));
    await Promise.race([patience, Promise.all(this.#members.map(({ gone }) => gone))]);
  }
}

function isOver({ report, lost }: Member): boolean {
  return report !== undefined || lost;
}

/** A full or read-only disk is as full at the next start. */
function isDiskFault({ failure }: Member): boolean {
  return failure?.code === 'storage-full' || failure?.code === 'storage-read-only';
}

/** The user asked to stop before the run had begun. */
export class InterruptedError extends OperatingError<'interrupted'> {
  constructor() {
    super('interrupted', 'stopped before the first round');
  }
}

function failureOf({ name, failure }: Member, how: string): GrapevineError {
  if (failure === undefined)
    return new OperatingError('peer-died', `${name} died while starting (${how})`, { name });
  const { category, code, message } = failure;
  if (category === 'input') return new InputError(code, `${name}: ${message}`);
  return new OperatingError(code, `${name}: ${message}`, { bug: category === 'bug' });
}
