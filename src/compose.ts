/**
 * The one place that names implementations: from a validated experiment to plans and jobs, and from a job to a running peer.
 * Heavy parts are imported when they are needed, so that checking loads no libp2p and simulating loads no sockets.
 */
import { present } from './base/assert.ts';
import { realClock } from './base/clock.ts';
import type { DataPlan, SiloDescription } from './data/silo.ts';
import { findExchangeRule } from './exchange/registry.ts';
import { type Experiment, optimizerOf } from './experiment/experiment.ts';
import { type PeerJob, planToJson } from './node/job.ts';
import type { PeerMakers, PeerWatcher, RunningPeer } from './node/run-peer.ts';
import type { RunPlan } from './peer/plan.ts';
import type { PooledJob } from './swarm/protocol.ts';
import { mixingMatrices } from './topology/schedule.ts';
import type { ModelShape, SampleSelection, TrainerSpec, TrainSpec } from './train/spec.ts';
import { frameLimits } from './wire/message.ts';

/** Rounds of a run that ends by time or goal only: more than any will reach. */
const ROUNDS_UNBOUNDED = 2 ** 31 - 1;
const GATHER_MS = 120_000;
/** How long answers to a request for state are waited for: no longer than a neighbour is, where that is less, and at least a second. */
const PULL_TIMEOUT_MIN_MS = 1_000;
const PULL_TIMEOUT_MAX_MS = 5_000;
const MIB = 2 ** 20;
/** A replay needs every event: such a log never drops a segment within any run that fits the disk. */
const COMPLETE_LOG = { segmentBytesMax: 1024 * MIB, segmentsMax: 1024 };
const BOUNDED_LOG = { segmentBytesMax: 16 * MIB, segmentsMax: 4 };

/** The overlay, weights and rule of an experiment, as peers are told them. */
export function planOf(experiment: Experiment): RunPlan {
  const { overlay, exchange, seed, stop, checkpoint, evaluate } = experiment;
  return {
    seed,
    overlay,
    matrices: mixingMatrices(overlay, exchange.weights),
    rule: present(findExchangeRule(exchange.rule, exchange.encoding), `exchange rule ${exchange.rule}`),
    ruleOptions: exchange.options,
    carrier: exchange.carrier,
    deadline: exchange.deadline,
    rounds: stop.rounds ?? ROUNDS_UNBOUNDED,
    checkpointEveryRounds: checkpoint.everyRounds,
    evaluateEveryRounds: evaluate.everyRounds,
    gatherMs: GATHER_MS,
    pullTimeoutMs: Math.min(PULL_TIMEOUT_MAX_MS, Math.max(PULL_TIMEOUT_MIN_MS, exchange.deadline.ceilingMs)),
    ...(experiment.aggregate === undefined ? {} : { aggregate: experiment.aggregate }),
  };
}

/** Everything about the data that the swarm's launcher knows: who holds what. */
export interface SwarmData {
  readonly plan: DataPlan;
  readonly shape: ModelShape;
  /** What each silo trains on, by silo. */
  readonly descriptions: readonly SiloDescription[];
  readonly classNames: readonly string[];
  readonly notes: readonly string[];
}

export async function swarmData(experiment: Experiment): Promise<SwarmData> {
  const { describeSilo, openDataset, planData } = await import('./data/index.ts');
  const { data, seed, model } = experiment;
  const baseFolder = '.'; // paths of a parsed experiment are absolute
  const dataset = await openDataset(data.dataset, { baseFolder });
  const { partition, testShare, silos: siloCount } = data;
  const plan = await planData(dataset, { partition, testShare, siloCount, seed, baseFolder });
  const { classCount, featureShape, classNames, notes } = dataset;
  const labels = await dataset.labels('train');
  const descriptions = plan.silos.map(({ train }) => describeSilo(labels, train, classCount));
  return { plan, shape: { model, featureShape, classCount, baseFolder }, descriptions, classNames, notes };
}

/** What silo `peerIndex` trains with where one machine holds all data. */
export function siloTrainer(
  experiment: Experiment,
  data: SwarmData,
  peerIndex: number,
  threads: number,
): TrainerSpec {
  const silo = present(data.plan.silos[peerIndex], `silo ${peerIndex}`);
  const gradientScale = objectiveScale(experiment, silo.train.length, data);
  return {
    ...trainerBase(experiment, data, peerIndex, threads),
    train: { ...trainSpec(experiment), ...(gradientScale === 1 ? {} : { gradientScale }) },
    data: {
      dataset: experiment.data.dataset,
      train: { split: 'train', indices: silo.train },
      own: { split: 'train', indices: silo.test },
      global: globalSelection(data),
    },
  };
}

/** One model on all silos' training samples in one place, for comparison. */
function pooledTrainer(experiment: Experiment, data: SwarmData, threads: number): TrainerSpec {
  const indices = data.plan.silos.flatMap(({ train }) => train);
  return {
    ...trainerBase(experiment, data, data.plan.silos.length, threads),
    train: trainSpec(experiment),
    data: {
      dataset: experiment.data.dataset,
      train: { split: 'train', indices },
      global: globalSelection(data),
    },
  };
}

function trainerBase({ train, seed }: Experiment, { shape }: SwarmData, peerIndex: number, threads: number) {
  return { ...shape, seed, peerIndex, threads, backend: train.backend } as const;
}

function globalSelection({ plan: { globalTest } }: SwarmData): SampleSelection {
  return globalTest;
}

/** Objective by samples: silo i counts n_i / mean(n) through its gradient; uniform: each silo counts alike. */
function objectiveScale(experiment: Experiment, own: number, { plan: { silos } }: SwarmData): number {
  if (experiment.train.objective === 'uniform') return 1;
  return (own * silos.length) / silos.reduce((sum, { train }) => sum + train.length, 0);
}

export function trainSpec({ train }: Experiment): TrainSpec {
  const { learningRate, batchSize, clipNorm, weightDecay, schedule } = train;
  return {
    optimizer: optimizerOf(train),
    learningRate,
    batchSize,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
    ...(schedule === undefined ? {} : { schedule: schedule as NonNullable<TrainSpec['schedule']> }),
  };
}

/** What ends the run before its last round. */
export function goalOf({ stop: { seconds, targetAccuracy } }: Experiment): PeerJob['goal'] {
  return {
    ...(seconds === undefined ? {} : { seconds }),
    ...(targetAccuracy === undefined ? {} : { targetAccuracy }),
  };
}

export function localWorkOf({ train }: Experiment): PeerJob['localWork'] {
  if (train.localSteps !== undefined) return { kind: 'steps', count: train.localSteps };
  return { kind: 'epochs', count: train.localEpochs ?? 1 };
}

export interface JobOptions {
  /** Name, peer id, folder and key of each peer, in the order of the silos. */
  readonly members: readonly {
    readonly name: string;
    readonly peerId: string;
    readonly folder: string;
    readonly keyPath: string;
  }[];
  readonly experimentDigest: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Threads that one peer's training may use. */
  readonly threads: number;
  readonly resume: PeerJob['resume'];
}

/** One job per silo for a swarm on this machine: every peer listens on loopback and a free port. */
export function swarmJobs(experiment: Experiment, data: SwarmData, options: JobOptions): PeerJob[] {
  const { members, threads, ...shared } = options;
  const plan = planToJson(planOf(experiment));
  return members.map(({ folder, keyPath }, self) => ({
    ...shared,
    self,
    members: members.map(({ name, peerId }) => ({ name, peerId })),
    experimentName: experiment.name,
    plan,
    trainer: siloTrainer(experiment, data, self, threads),
    silo: siloRecordOf(data, self),
    localWork: localWorkOf(experiment),
    folder,
    keyPath,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    record: experiment.record,
    mode: 'swarm',
    log: experiment.record === 'all' ? COMPLETE_LOG : BOUNDED_LOG,
    checkpointsKept: experiment.checkpoint.keep,
    goal: goalOf(experiment),
    ...(experiment.faults === undefined ? {} : { faults: { schedule: experiment.faults, lives: 0 } }),
  }));
}

/** What the record says about a silo's data. */
export function siloRecordOf({ plan, descriptions }: SwarmData, self: number): NonNullable<PeerJob['silo']> {
  const { test } = present(plan.silos[self], `silo ${self}`);
  const { samples, labelHistogram } = present(descriptions[self], `description of silo ${self}`);
  return { samples, testSamples: test.length, labelCounts: labelHistogram };
}

/** The pooled baseline: in each round as many passes over the pooled samples as each silo makes over its own. */
export function pooledJob(experiment: Experiment, data: SwarmData, threads: number): PooledJob {
  const { kind, count } = localWorkOf(experiment);
  const silos = kind === 'steps' ? data.plan.silos.length : 1;
  return { trainer: pooledTrainer(experiment, data, threads), perRound: { kind, count: count * silos } };
}

/** A peer over libp2p and TCP, training in a worker, with its files in its folder. */
export async function startPeer(job: PeerJob, watcher: PeerWatcher = {}): Promise<RunningPeer> {
  const [{ runPeer }, { underFaults }, { workerTrainer }, { libp2pTransport }, { fileStorage }] =
    await Promise.all([
      import('./node/run-peer.ts'),
      import('./node/under-faults.ts'),
      import('./train/worker-trainer.ts'),
      import('./transport/libp2p/index.ts'),
      import('./storage/files.ts'),
    ]);
  const makers: PeerMakers = {
    clock: realClock,
    storage: fileStorage,
    trainer: (spec) => workerTrainer(spec),
    transport: (
      { self, members, listen, announce, plan, dials, revoked = [], controlMessagesPerSecond },
      { seed },
      { context },
      bounds,
    ) => {
      const transport = libp2pTransport(
        {
          self,
          members,
          privateKeySeed: seed,
          outNeighbours: context.outNeighbours,
          inNeighbours: context.inNeighbours,
          carrier: plan.carrier,
          limits: frameLimits(bounds),
          listen,
          announce,
          ...(controlMessagesPerSecond === undefined
            ? {}
            : { controlRate: { perSecond: controlMessagesPerSecond, burst: 4 * controlMessagesPerSecond } }),
          ...(dials === undefined ? {} : { dials: (peer) => dials.includes(peer) }),
        },
        { clock: realClock },
      );
      for (const peer of revoked) transport.admit(peer, false);
      return transport;
    },
  };
  return runPeer(job, underFaults(makers, job), watcher);
}
