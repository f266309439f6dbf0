/** `grapevine peer SILO.yaml`: one silo with data of its own, as one of the members, for as long as the run takes. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { SiloOwnData } from '../compose-silo.ts';
import type { Experiment } from '../experiment/index.ts';
import type { EditionChange } from '../identity/index.ts';
import type { PeerReport, RunningPeer } from '../node/run-peer.ts';
import type { RunSummary } from '../record/index.ts';
import { designFolder, readExperiment } from './designing.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Host } from './host.ts';
import type { MembershipWatch } from './membership-watch.ts';
import { PeerStatusLine, percent } from './peer-status.ts';
import type { Progress } from './progress.ts';
import type { Session } from './session.ts';
import type { SiloSetup } from './silo-setup.ts';
import { keepHeapSteady } from './steady-heap.ts';
import { grapevineVersion } from './version.ts';

const EXAMPLES = `
Examples:
  grapevine check silo.yaml                    is everything in order? nothing leaves this machine
  grapevine peer silo.yaml                     take part; the same command goes on after Ctrl-C, a crash or a power cut
  grapevine peer silo.yaml --gather 600        begin after ten minutes even if some neighbour is missing

Data stay where they are: models go to the neighbours, and to nobody else. Whoever is not in the signed membership is refused.
docs/OWN-DATA.md walks through it; docs/OPERATIONS.md is for those who keep it running.`;

/** A neighbour away for so long is not waited for when the own rounds are done. */
const AWAY_MS = 30_000;
const GATHER_SECONDS = 3_600;
const GATHER_AGAIN_SECONDS = 120;
const PLAIN_INTERVAL_MS = 3_000;
/** Longer waits do not fit a timer. */
const SECONDS_MAX = 1_000_000;

interface PeerCommandOptions {
  readonly linger: string;
  readonly gather?: string;
  readonly alone?: boolean;
}

export function declarePeer(program: Command, host: Host): void {
  program
    .command('peer')
    .description('take part in an experiment with your own data, as one silo of the membership')
    .argument('<silo>', 'the silo file')
    .option(
      '--linger <seconds>',
      'when done, stay so long at most for neighbours that are not (they may need this model)',
      '60',
    )
    .option(
      '--gather <seconds>',
      `wait so long at most for all neighbours before the first round (default: ${GATHER_SECONDS}, and ${GATHER_AGAIN_SECONDS} when going on)`,
    )
    .option(
      '--alone',
      'when going on and no neighbour is there after --gather, do the other rounds alone; else it waits as long again (default: an hour), then stops',
    )
    .addHelpText('after', EXAMPLES)
    .action(host.run<PeerCommandOptions>(peer));
}

interface Prepared extends SiloSetup {
  readonly data: SiloOwnData;
  readonly lingerMs: number;
  readonly gatherMs: number | undefined;
  readonly goesOnAlone: boolean;
}

async function peer(
  session: Session,
  [path = '']: readonly string[],
  options: PeerCommandOptions,
): Promise<ExitCode | undefined> {
  const lingerMs = millisecondsOf('--linger', options.linger);
  const gatherMs = options.gather === undefined ? undefined : millisecondsOf('--gather', options.gather);
  const { loadSiloSetup } = await import('./silo-setup.ts');
  const setup = await loadSiloSetup(path, session.overrides, ({ experiment, runFolder }) =>
    readExperiment(session, experiment, [], designFolder(join(runFolder, 'designs'))),
  );
  const { siloOwnData } = await import('../compose-silo.ts');
  const { lockFolder } = await import('../storage/lock.ts');
  const { siloWarnings } = await import('../data/index.ts');
  const { silo, experiment, place } = setup;
  const data = await siloOwnData(silo, experiment, place.index);
  for (const note of data.notes) session.say(`note: ${note}`);
  for (const warning of siloWarnings(silo.name, data.description, data.classNames)) session.warn(warning);
  const lock = await lockFolder(silo.runFolder);
  try {
    if (lock.tookOver)
      session.say(`an earlier process of this silo ended without a word; its folder is taken over`);
    return await takePart(
      session,
      { ...setup, data, lingerMs, gatherMs, goesOnAlone: options.alone === true },
      path,
    );
  } finally {
    await lock.release();
  }
}

async function takePart(session: Session, prepared: Prepared, path: string): Promise<ExitCode | undefined> {
  const { silo, experiment, membership, place, data, lingerMs } = prepared;
  const { siloJob, memberAddresses } = await import('../compose-silo.ts');
  const { startPeer } = await import('../compose.ts');
  const { keepEdition, watchMembership } = await import('./membership-watch.ts');
  const checkpoints = await openOwnFolder(silo.runFolder, experiment);
  await keepEdition(silo, membership);
  const gatherMs = prepared.gatherMs ?? 1000 * (checkpoints > 0 ? GATHER_AGAIN_SECONDS : GATHER_SECONDS);
  const self = place.index;
  const aloneMs = prepared.goesOnAlone ? undefined : (prepared.gatherMs ?? 1000 * GATHER_SECONDS);
  const of = { silo, experiment, membership, self, data, versions: versions() };
  const job = siloJob({ ...of, gatherMs, aloneMs });
  const interruption = session.io.interruption();
  const progress = session.progress(PLAIN_INTERVAL_MS);
  const names = membership.members.map(({ name }) => name);
  const status = new PeerStatusLine(names, experiment.stop.rounds, progress);
  const running = await startPeer(job, status);
  // What the build keeps of a run (scripts/set-up/bundle.mjs) is of use only to processes with the flags that Node began with.
  if (session.io.env.GRAPEVINE_CODE_CACHE !== 'write') keepHeapSteady();
  let watch: MembershipWatch | undefined;
  try {
    status.startsAt(running.round);
    session.say(announcement(prepared, running));
    const ifNobody = checkpoints > 0 && aloneMs !== undefined ? ', and not at all where nobody comes' : '';
    session.say(
      `waits for ${place.neighbours.join(', ')}; begins without who is missing after ${minutes(gatherMs)}${ifNobody}`,
    );
    const onInterruption = (): void => running.stop('interrupted');
    interruption.addEventListener('abort', onInterruption, { once: true });
    if (interruption.aborted) onInterruption();
    running.connect(memberAddresses(membership));
    watch = watchMembership(silo, membership, session.io.clock, {
      changed: (change) => follow(running, change, self, session),
      refused: (reason) => session.warn(`the membership stays as it was: ${reason}`),
    });
    const report = await running.finished();
    if (report.reason !== 'stopped') await linger(running, lingerMs, progress, interruption);
    await running.close();
    progress.done();
    const isAlone = status.nobody && !interruption.aborted;
    return await finish(session, prepared, report, closingLines(prepared, report, path, isAlone));
  } catch (error) {
    await running.close().catch(() => undefined);
    throw error;
  } finally {
    watch?.close();
  }
}

/** A newer edition: links are cut and let up at once; who is shut out itself saves its work and stops. */
function follow(
  running: RunningPeer,
  { membership, shutOut, letIn, moved, afterRestart }: EditionChange,
  self: number,
  session: Session,
): void {
  const { members, sequence } = membership;
  const named = (peers: readonly number[]): string =>
    peers.map((peer) => members[peer]?.name ?? `peer ${peer}`).join(', ');
  const addresses = new Map(moved.map((peer) => [peer, members[peer]?.addresses ?? []]));
  running.follow({ shutOut, letIn, addresses });
  const said = [
    ...(shutOut.length === 0 ? [] : [`shut out: ${named(shutOut)}`]),
    ...(letIn.length === 0 ? [] : [`let in: ${named(letIn)}`]),
    ...(moved.length === 0 ? [] : [`new addresses: ${named(moved)}`]),
    ...(afterRestart.length === 0 ? [] : [`after a restart of this silo: ${afterRestart.join(', ')}`]),
  ];
  session.say(`membership edition ${sequence} is in force; ${said.join('; ') || 'nothing changes here'}`);
  if (shutOut.includes(self)) running.stop('shut out by the membership');
}

/**
 * The folder's experiment, written, or compared where checkpoints belong to it (a start that failed leaves none); how many
 * checkpoints there are. InputError `run-folder-taken`.
 */
async function openOwnFolder(folder: string, experiment: Experiment): Promise<number> {
  const { experimentDigest, parseExperiment, resolveExperiment } = await import('../experiment/index.ts');
  const { EXPERIMENT_FILE, writeRunFile } = await import('../swarm/run-folder.ts');
  const { checkpointRounds } = await import('../node/checkpoint-store.ts');
  const { fileStorage } = await import('../storage/index.ts');
  const storage = fileStorage(folder);
  const bytes = await storage.read(EXPERIMENT_FILE);
  const checkpoints = (await checkpointRounds(storage)).length;
  if (bytes !== undefined && checkpoints > 0) {
    const file = `${folder}/${EXPERIMENT_FILE}`;
    const earlier = parseExperiment(new TextDecoder().decode(bytes), { file });
    if (experimentDigest(earlier) !== experimentDigest(experiment)) {
      throw new InputError(
        'run-folder-taken',
        `${folder} holds a run of ${earlier.name} with other settings; give this run a runFolder of its own, or move the old one away`,
        { folder },
      );
    }
  }
  await writeRunFile(folder, EXPERIMENT_FILE, resolveExperiment(experiment, versions()));
  return checkpoints;
}

async function linger(
  running: RunningPeer,
  lingerMs: number,
  progress: Progress,
  interruption: AbortSignal,
): Promise<void> {
  progress.note(`done; staying up to ${lingerMs / 1000} s for neighbours that are not`);
  const why = await running.settled({ lingerMs, awayMs: AWAY_MS }, interruption);
  progress.note(
    {
      finished: 'all neighbours are done too',
      away: 'the neighbours that are not done are away',
      waited: 'not all neighbours are done; a later start of this silo helps them to catch up',
    }[why],
  );
}

async function finish(
  session: Session,
  prepared: Prepared,
  report: PeerReport,
  closing: string,
): Promise<ExitCode | undefined> {
  const { silo, experiment } = prepared;
  const { formatSummary } = await import('../record/index.ts');
  const { SUMMARY_FILE, writeRunFile } = await import('../swarm/run-folder.ts');
  const { describeRun, loadRun } = await import('../report/index.ts');
  const summary = await summaryOf(prepared, report);
  await writeRunFile(silo.runFolder, SUMMARY_FILE, formatSummary(summary));
  const run = await loadRun(silo.runFolder);
  session.answer(summary, `\n${describeRun(run, session.style)}\n${closing}`);
  const { targetAccuracy } = experiment.stop;
  const missed = targetAccuracy !== undefined && summary.endReason !== 'target-accuracy';
  return report.reason === 'stopped' || missed ? exitCodes.goalMissed : undefined;
}

async function summaryOf({ silo, experiment, data }: Prepared, report: PeerReport): Promise<RunSummary> {
  const { summarise } = await import('../swarm/summary.ts');
  const summary = await summarise({
    name: experiment.name,
    seed: experiment.seed,
    hasGlobalTest: data.sharedTestSamples > 0,
    members: [{ name: silo.name, folder: silo.runFolder, samples: data.description.samples }],
    outcome: {
      reports: [report],
      baselines: { alone: [], pooled: undefined },
      interrupted: report.reason === 'stopped',
      wallMs: report.wallMs,
    },
    isResumed: true, // where there is a checkpoint, it goes on from it
    launcherCpuSeconds: 0,
  });
  return { ...summary, mode: 'peer' };
}

function announcement({ silo, experiment, place, membership }: Prepared, running: RunningPeer): string {
  const { members } = membership;
  const listening =
    running.addresses.length === 0 ? 'dials out only' : `listens on ${running.addresses.join(', ')}`;
  return [
    `${silo.name}: member ${place.index} of ${members.length} in ${experiment.name}; ${listening}`,
    `exchanges models with ${place.neighbours.join(', ')}; record in ${silo.runFolder}${running.round > 0 ? `; goes on from round ${running.round}` : ''}`,
  ].join('\n');
}

function closingLines(
  { silo, experiment, place }: Prepared,
  report: PeerReport,
  path: string,
  isAlone: boolean,
): string {
  const where = experiment.stop.rounds === undefined ? '' : ` of ${experiment.stop.rounds}`;
  if (report.reason === 'stopped' && isAlone) {
    return [
      `None of ${place.neighbours.join(', ')} was there: they have ended, or cannot be reached. The model is that of round ${report.round}${where}: ${silo.runFolder}/params.safetensors`,
      `Go on when one of them is back: grapevine peer ${path}; or without them: grapevine peer ${path} --alone`,
    ].join('\n');
  }
  if (report.reason === 'stopped') {
    return `Stopped in round ${report.round}${where}; a checkpoint is saved. Go on: grapevine peer ${path}`;
  }
  const { own } = report;
  const accuracy =
    own?.accuracy === undefined ? '' : `, right on ${percent(own.accuracy)} of this silo's own test data`;
  return [
    `Done after ${report.round} rounds${accuracy}. The model: ${silo.runFolder}/params.safetensors`,
    `  grapevine evaluate --params ${silo.runFolder}/params.safetensors --data ${path}   how good it is, class by class`,
    `  grapevine export ${silo.runFolder} --format layers --out model   for TensorFlow.js`,
  ].join('\n');
}

function minutes(durationMs: number): string {
  return durationMs < 120_000 ? `${durationMs / 1000} s` : `${Math.round(durationMs / 60_000)} min`;
}

function millisecondsOf(option: string, text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= SECONDS_MAX) return Math.round(1000 * seconds);
  throw new InputError('usage', `${option} is ${text}; it takes seconds from 0 to ${SECONDS_MAX}`);
}

function versions(): Record<string, string> {
  return { grapevine: grapevineVersion() };
}
