/** From a silo's own file, its experiment and the membership to the job of one long-running peer with data of its own. */
import { present } from './base/assert.ts';
import { InputError } from './base/errors.ts';
import { goalOf, localWorkOf, planOf, trainSpec } from './compose.ts';
import { describeSilo, holdOut, openDataset, type SiloDescription } from './data/index.ts';
import { type Experiment, experimentDigest, type Silo } from './experiment/index.ts';
import { type Membership, revokedMembers } from './identity/index.ts';
import { type PeerJob, planToJson } from './node/job.ts';
import type { RunPlan } from './peer/plan.ts';
import type { TrainerSpec } from './train/spec.ts';

/** A silo's own data, described; the samples themselves are read where they are trained on. */
export interface SiloOwnData {
  readonly trainer: TrainerSpec['data'];
  readonly featureShape: readonly number[];
  readonly classNames: readonly string[];
  readonly description: SiloDescription;
  readonly testSamples: number;
  /** Samples of the test set that the silo file declares beside its data, such as one that all silos have; 0 for none. */
  readonly sharedTestSamples: number;
  readonly notes: readonly string[];
}

/** Reads labels and shapes of a silo's data, and holds its own test share out. Errors as openDataset. */
export async function siloOwnData(silo: Silo, { seed }: Experiment, self: number): Promise<SiloOwnData> {
  const dataset = await openDataset(silo.data.dataset, { baseFolder: '.' });
  const labels = await dataset.labels('train');
  const { train, test } = holdOut([...labels.keys()], silo.data.testShare, seed, self);
  return {
    trainer: {
      dataset: silo.data.dataset,
      train: { split: 'train', indices: train },
      own: { split: 'train', indices: test },
      ...(dataset.testCount > 0 ? { global: { split: 'test', indices: 'all' } } : {}),
    },
    featureShape: dataset.featureShape,
    classNames: dataset.classNames,
    description: describeSilo(labels, train, dataset.classCount),
    testSamples: test.length,
    sharedTestSamples: dataset.testCount,
    notes: dataset.notes,
  };
}

export interface SiloJobOptions {
  readonly silo: Silo;
  readonly experiment: Experiment;
  readonly membership: Membership;
  /** This silo's index in the membership. */
  readonly self: number;
  readonly data: SiloOwnData;
  readonly versions: Readonly<Record<string, string>>;
  /** How long to wait for all neighbours before the first round. */
  readonly gatherMs: number;
  /** Going on from a checkpoint with nobody there: how long to wait on before it stops; absent: it goes on alone. */
  readonly aloneMs: number | undefined;
}

/** InputError `objective-needs-sizes`, `silos-unreachable`. */
export function siloJob(options: SiloJobOptions): PeerJob {
  const { silo, experiment, membership, self, data, versions, gatherMs, aloneMs } = options;
  if (experiment.train.objective === 'samples') {
    throw new InputError(
      'objective-needs-sizes',
      "train.objective is samples, which needs every silo's size, and silos keep that to themselves; set it to uniform",
    );
  }
  const plan = { ...planOf(experiment), gatherMs };
  const { description, classNames } = data;
  const { sizes, labelHistogram, accuracy } = silo.share;
  return {
    self,
    members: membership.members.map(({ name, peerId }) => ({ name, peerId })),
    revoked: revokedMembers(membership),
    experimentName: experiment.name,
    experimentDigest: experimentDigest(experiment, classNames),
    versions,
    plan: planToJson(plan),
    trainer: siloTrainerSpec(options),
    silo: {
      samples: description.samples,
      testSamples: data.testSamples,
      labelCounts: description.labelHistogram,
    },
    shared: {
      accuracy,
      ...(sizes ? { samples: description.samples } : {}),
      ...(labelHistogram ? { labelCounts: description.labelHistogram } : {}),
    },
    withheld: [...(sizes ? [] : ['samples']), ...(accuracy ? [] : ['ownTest'])],
    localWork: localWorkOf(experiment),
    folder: silo.runFolder,
    keyPath: silo.key,
    listen: silo.listen,
    announce: silo.announce,
    dials: neighboursToDial(plan, membership, self, silo.listen),
    record: experiment.record,
    mode: 'peer',
    ...(aloneMs === undefined ? {} : { aloneMs }),
    controlMessagesPerSecond: silo.limits.controlMessagesPerSecond,
    log: { segmentBytesMax: silo.limits.logBytesMax, segmentsMax: silo.limits.logFilesKept + 1 },
    checkpointsKept: experiment.checkpoint.keep,
    goal: goalOf(experiment),
    resume: { kind: 'newest' },
  };
}

function siloTrainerSpec({ silo, experiment, self, data }: SiloJobOptions): TrainerSpec {
  return {
    model: experiment.model,
    featureShape: data.featureShape,
    classCount: data.classNames.length,
    baseFolder: '.', // all paths are absolute
    seed: experiment.seed,
    peerIndex: self,
    backend: experiment.train.backend,
    threads: silo.limits.threads,
    train: trainSpec(experiment),
    data: data.trainer,
  };
}

/** Where the other members listen, by index. */
export function memberAddresses({ members }: Membership): Map<number, readonly string[]> {
  return new Map(members.map(({ addresses = [] }, index) => [index, addresses]));
}

/**
 * Who dials on each of this silo's links, a function of the membership, so that both ends agree: the one that has no address
 * there (it only dials out), else the lower peer id. InputError `silos-unreachable` for a link between two that only dial out.
 */
export function neighboursToDial(
  { overlay }: Pick<RunPlan, 'overlay'>,
  { members }: Membership,
  self: number,
  listen: readonly string[],
): number[] {
  const own = present(members[self], `member ${self}`);
  const isListed = (own.addresses ?? []).length > 0;
  if (isListed && listen.length === 0) {
    throw new InputError(
      'listen-missing',
      `the membership tells others to dial ${own.name} at ${own.addresses?.join(', ')}, but its silo file listens nowhere; set listen, or have the addresses taken out of the membership`,
    );
  }
  const neighbours = new Set(overlay.arcs.filter((arc) => arc.includes(self)).flat());
  neighbours.delete(self);
  return [...neighbours]
    .sort((a, b) => a - b)
    .filter((peer) => {
      const other = present(members[peer], `member ${peer}`);
      const otherIsListed = (other.addresses ?? []).length > 0;
      if (isListed !== otherIsListed) return otherIsListed;
      if (!isListed) {
        throw new InputError(
          'silos-unreachable',
          `${own.name} and ${other.name} are to exchange models, but the membership has an address of neither; have one of them listen, or choose another topology`,
          { silos: [own.name, other.name] },
        );
      }
      return own.peerId < other.peerId;
    });
}
