/**
 * A whole peer from its job: key, files, Trainer, Transport and the node that drives the machine, put together and taken apart.
 * Implementations come in as makers, so that this file names none of them.
 */
import type { Clock } from '../base/clock.ts';
import { OperatingError } from '../base/errors.ts';
import { requireParamsFit } from '../exchange/length.ts';
import { type Identity, loadIdentity } from '../identity/keys.ts';
import { layoutDigest, precisionOf, type Vector, vectorDigest } from '../params/layout.ts';
import { encodeSafetensors } from '../params/safetensors.ts';
import type { AggregateReport, PeerConfig } from '../peer/machine.ts';
import { peerConfig } from '../peer/plan.ts';
import { messagesOf } from '../peer/telling.ts';
import { Recorder, type RecorderTotals } from '../record/recorder.ts';
import { RECORD_FORMAT, type RoundRecord } from '../record/records.ts';
import { rotatingLog } from '../storage/log.ts';
import type { Storage } from '../storage/storage.ts';
import { trainAlone } from '../train/baselines.ts';
import type { ModelShape, TrainerSpec } from '../train/spec.ts';
import type { EngineTrainer } from '../train/tfjs-trainer.ts';
import type { Evaluation } from '../train/trainer.ts';
import type { Transport, TransportCounters } from '../transport/transport.ts';
import type { WireBounds } from '../wire/message.ts';
import type { Checkpoint } from './checkpoint.ts';
import { newestCheckpoint } from './checkpoint-store.ts';
import { nextIncarnation } from './incarnation.ts';
import { type PeerJob, planFromJson } from './job.ts';
import { LatenessWatch } from './lateness-watch.ts';
import { PeerNode } from './node.ts';
import type { NodeOutcome } from './node-options.ts';
import { type OtherPeer, Presence, type Settled } from './presence.ts';

const EVENTS_FILE = 'events.jsonl';
export const PARAMS_FILE = 'params.safetensors';

export interface PeerMakers {
  readonly clock: Clock;
  storage(folder: string): Storage;
  trainer(spec: TrainerSpec): Promise<EngineTrainer>;
  /** `onFault`: told of what a fault schedule does to a link or a message. */
  transport(
    job: PeerJob,
    identity: Identity,
    config: PeerConfig,
    bounds: WireBounds,
    onFault: (fault: string, other: number) => void,
  ): Transport;
}

export interface PeerWatcher {
  /** A round is done; `params` are those after it. */
  onRound?(record: RoundRecord, params: Vector): void;
  onWaiting?(peers: readonly number[]): void;
  /** Something about another peer changed; only where the job shares a status. */
  onOthers?(others: readonly OtherPeer[]): void;
  onRefused?(from: number | undefined, reason: string, detail: string): void;
  /** A neighbour cannot be dialled, once per reason; it is tried again without end. */
  onUnreachable?(peer: number, reason: string): void;
  /** It would go on from a checkpoint, and nobody is there: it waits for somebody for as long as the job says, then stops. */
  onNobody?(): void;
  /** Something people should read, such as a checkpoint that was passed over. */
  onNote?(text: string): void;
}

/** What a peer knows of itself at its end. */
export interface PeerReport {
  readonly name: string;
  readonly reason: NodeOutcome['reason'];
  readonly round: number;
  /** That it went on from; 0 of one begun afresh. */
  readonly startRound: number;
  readonly samples: number;
  readonly backend: string;
  readonly own: Evaluation | undefined;
  readonly global: Evaluation | undefined;
  readonly paramsSha256: string;
  readonly totals: RecorderTotals;
  readonly aggregated: readonly AggregateReport[];
  readonly counters: TransportCounters;
  readonly wallMs: number;
  readonly cpuSeconds: number;
  readonly rssBytesMax: number;
  readonly eventLoopDelayP99Ms: number;
  readonly pid: number;
  /** That the engine holds at the end. */
  readonly tensors: number;
}

export interface MembershipUpdate {
  readonly shutOut: readonly number[];
  readonly letIn: readonly number[];
  /** Where the members listen whose addresses have changed. */
  readonly addresses: ReadonlyMap<number, readonly string[]>;
}

export class RunningPeer {
  readonly addresses: readonly string[];
  readonly backendNote: string;
  readonly #parts: Parts;
  readonly #startedMs: number;
  readonly #lateness: LatenessWatch;

  constructor(parts: Parts, addresses: readonly string[], startedMs: number) {
    this.#parts = parts;
    this.addresses = addresses;
    this.backendNote = parts.trainer.backendNote;
    this.#startedMs = startedMs;
    this.#lateness = new LatenessWatch(parts.clock);
  }

  connect(addresses: ReadonlyMap<number, readonly string[]>): void {
    this.#parts.node.connect(addresses);
  }

  /** A newer membership: who may connect, and where they listen. */
  follow({ shutOut, letIn, addresses }: MembershipUpdate): void {
    const { transport, job } = this.#parts;
    for (const peer of shutOut) if (peer !== job.self) transport.admit?.(peer, false);
    for (const peer of letIn) if (peer !== job.self) transport.admit?.(peer, true);
    transport.connect(addresses);
  }

  stop(reason: string): void {
    this.#parts.node.stop(reason);
  }

  /** Writes down what a fault schedule has done to this peer. */
  noteFault(fault: string): void {
    this.#parts.node.noteFault(fault);
  }

  get round(): number {
    return this.#parts.node.round;
  }

  /** Waits until no neighbour needs this finished peer any more; at once where the job shares no status. */
  async settled(limits: { lingerMs: number; awayMs: number }, signal: AbortSignal): Promise<Settled> {
    return (await this.#parts.presence?.settled(limits, signal)) ?? 'finished';
  }

  /** Waits for the peer's end and writes its params; the peer answers its neighbours until `close`. */
  async finished(): Promise<PeerReport> {
    const { node, trainer, storage, job, recorder, transport, clock } = this.#parts;
    const { reason, round, params, evaluation, aggregated } = await node.finished;
    const metadata = paramsMetadata(job, this.#name, round);
    await storage.write(PARAMS_FILE, encodeSafetensors({ layout: trainer.layout, params, metadata }));
    const paramsSha256 = vectorDigest(params);
    recorder.write({ type: 'end', peer: job.self, reason, round, paramsSha256 });
    const { user, system } = process.cpuUsage();
    return {
      name: this.#name,
      reason,
      round,
      startRound: this.#parts.startRound,
      samples: trainer.sampleCount,
      backend: trainer.backend,
      own: evaluation?.own,
      global: evaluation?.global,
      paramsSha256,
      totals: recorder.totals,
      aggregated,
      counters: transport.counters(),
      wallMs: clock.now() - this.#startedMs,
      cpuSeconds: (user + system) / 1e6,
      rssBytesMax: process.resourceUsage().maxRSS * 1024,
      eventLoopDelayP99Ms: this.#lateness.p99Ms,
      pid: process.pid,
      tensors: await trainer.tensorCount(),
    };
  }

  /** The same model trained on this silo's samples only, for as many rounds as the run had; after it, in the same Trainer. */
  async trainAlone(): Promise<{ own: Evaluation; global: Evaluation }> {
    const { trainer, config, node } = this.#parts;
    return trainAlone(trainer, node.round, config.stepsPerRound);
  }

  async close(): Promise<void> {
    this.#lateness.close();
    await this.#parts.node.close();
    await this.#parts.trainer.dispose();
  }

  get #name(): string {
    return nameOf(this.#parts.job);
  }
}

/** What a file of final params says about itself: whose they are, and which model they fit. */
export function paramsMetadata(
  {
    experimentName,
    experimentDigest,
    trainer: { model, featureShape, classCount },
  }: {
    readonly experimentName: string;
    readonly experimentDigest: string;
    readonly trainer: ModelShape;
  },
  peer: string,
  round: number,
): Record<string, string> {
  return {
    experiment: experimentName,
    experimentDigest,
    peer,
    round: String(round),
    model: JSON.stringify(model),
    featureShape: JSON.stringify(featureShape),
    classCount: String(classCount),
  };
}

interface Parts {
  readonly job: PeerJob;
  readonly config: PeerConfig;
  readonly node: PeerNode;
  readonly presence: Presence | undefined;
  readonly trainer: EngineTrainer;
  readonly storage: Storage;
  readonly recorder: Recorder;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly startRound: number;
}

/** Starts a peer: it listens when this resolves, and begins its rounds once it is told where its neighbours are. */
export async function runPeer(
  job: PeerJob,
  makers: PeerMakers,
  watcher: PeerWatcher = {},
): Promise<RunningPeer> {
  const { clock } = makers;
  const startedMs = clock.now();
  const storage = makers.storage(job.folder);
  const [identity, trainer] = await Promise.all([loadIdentity(job.keyPath), makers.trainer(job.trainer)]);
  const stepsPerRound = job.localWork.count * (job.localWork.kind === 'epochs' ? trainer.stepsPerEpoch : 1);
  const planned = peerConfig(planFromJson(job.plan), job.self, stepsPerRound);
  requireParamsFit(planned.rule, planned.context.options, trainer.layout.size);
  const digests = { experimentDigest: job.experimentDigest, layoutDigest: layoutDigest(trainer.layout) };
  const resumeFrom = await findCheckpoint(job, storage, digests, watcher);
  const config: PeerConfig = {
    ...planned,
    notExpected: job.revoked ?? [],
    ...(resumeFrom === undefined || job.aloneMs === undefined ? {} : { aloneMs: job.aloneMs }),
  };
  const incarnation = await nextIncarnation(storage, job.mode === 'peer' ? clock.calendar() : undefined);
  const params = await trainer.initialParams();
  const bounds: WireBounds = {
    layoutSize: trainer.layout.size,
    messages: messagesOf(config),
    params: precisionOf(params),
    roundsMax: config.rounds + 1,
  };
  const transport = makers.transport(job, identity, config, bounds, (fault, other) =>
    node.noteFault(fault, other),
  );
  const log = await rotatingLog(storage, EVENTS_FILE, job.log);
  const recorder = new Recorder({ peer: job.self, level: job.record }, (line) => log.append(line.trimEnd()));
  const checkpoints = { everyRounds: job.plan.checkpointEveryRounds, keep: job.checkpointsKept };
  const presence = presenceOf(job, config, transport, clock);
  presence?.subscribe(() => watcher.onOthers?.(presence.others()));
  const node: PeerNode = new PeerNode(
    {
      config,
      bounds,
      ...digests,
      incarnation,
      checkpoints,
      goal: job.goal,
      ...(job.withheld === undefined ? {} : { withheld: job.withheld }),
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
    },
    {
      transport,
      trainer,
      storage,
      recorder,
      clock,
      ...(presence === undefined ? {} : { presence }),
      onRefused: (from, reason, detail) => watcher.onRefused?.(from, reason, detail),
      onUnreachable: (peer, reason) => watcher.onUnreachable?.(peer, reason),
      onRound: (record, after) => watcher.onRound?.(record, after),
      onWaiting: (peers) => watcher.onWaiting?.(peers),
      onNobody: () => watcher.onNobody?.(),
    },
  );
  recorder.write(runInfo(job, trainer.backend, clock));
  if (job.silo !== undefined)
    recorder.write({ type: 'silo', peer: job.self, name: nameOf(job), ...job.silo });
  const addresses = await node.start();
  return new RunningPeer(
    {
      ...{ job, config, node, presence, trainer, storage, recorder, transport, clock },
      startRound: resumeFrom?.round ?? 0,
    },
    addresses,
    startedMs,
  );
}

function presenceOf(
  { shared }: PeerJob,
  { context, rounds }: PeerConfig,
  transport: Transport,
  clock: Clock,
): Presence | undefined {
  if (shared === undefined) return undefined;
  const neighbours = [...new Set([...context.inNeighbours, ...context.outNeighbours])];
  return new Presence(
    { neighbours, rounds, shared },
    { clock, publish: (message) => transport.publish(message) },
  );
}

async function findCheckpoint(
  job: PeerJob,
  storage: Storage,
  digests: { experimentDigest: string; layoutDigest: string },
  watcher: PeerWatcher,
): Promise<Checkpoint | undefined> {
  const { resume } = job;
  if (resume.kind === 'fresh' || (resume.kind === 'round' && resume.round === 0)) return undefined;
  const roundMax = resume.kind === 'round' ? resume.round : Number.POSITIVE_INFINITY;
  const { checkpoint, problems } = await newestCheckpoint(storage, digests, roundMax);
  for (const problem of problems) watcher.onNote?.(`${nameOf(job)}: ${problem}`);
  if (resume.kind === 'round' && checkpoint?.round !== resume.round) {
    throw new OperatingError(
      'checkpoint-missing',
      `${nameOf(job)} has no readable checkpoint of round ${resume.round} in ${job.folder}; start the run afresh in a new folder`,
      { peer: job.self, round: resume.round },
    );
  }
  return checkpoint;
}

function runInfo(job: PeerJob, backend: string, clock: Clock) {
  const startedAt = clock.calendar();
  return {
    type: 'run',
    format: RECORD_FORMAT,
    name: job.experimentName,
    mode: job.mode,
    seed: job.plan.seed,
    peer: job.self,
    backend,
    threads: job.trainer.threads ?? 1,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    versions: job.versions,
    ...(startedAt === undefined ? {} : { startedAt }),
  } as const;
}

function nameOf(job: PeerJob): string {
  return job.members[job.self]?.name ?? `peer ${job.self}`;
}
