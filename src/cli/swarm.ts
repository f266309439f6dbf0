/** `grapevine swarm EXPERIMENT.yaml`: the experiment as processes on this machine. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import { programUrl } from '../base/programs.ts';
import type { SwarmData } from '../compose.ts';
import type { Experiment } from '../experiment/index.ts';
import type { PeerJob } from '../node/job.ts';
import type { RunSummary } from '../record/index.ts';
import type { RunMember } from '../swarm/run-folder.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Host } from './host.ts';
import { reachedItsGoal, readData, readNew, readResumed, versions } from './run-setup.ts';
import type { Session } from './session.ts';
import { closingLines, howToResume, standingLine } from './swarm-text.ts';

const EXAMPLES = `
Examples:
  grapevine swarm topologies/mnist-eleven-silos.yaml
  grapevine swarm topologies/penguins-by-island.yaml --set stop.rounds=50 --out runs/penguins
  grapevine swarm --resume runs/penguins          go on where Ctrl-C, a crash or a power cut ended a run
  grapevine swarm topologies/common-job.yaml --json | jq .accuracy

Each silo is a process of its own with its own key and data; they listen on loopback, on free ports. Ctrl-C ends them all and
leaves a run that --resume takes up. A peer that dies is started again from its newest checkpoint.`;

interface SwarmCommandOptions {
  readonly resume?: string;
  readonly restarts: string;
}

export function declareSwarm(program: Command, host: Host): void {
  program
    .command('swarm')
    .description('run an experiment as processes on this machine, one per silo')
    .argument('[experiment]', 'the experiment file')
    .option('--resume <run-dir>', 'go on with the run in this directory')
    .option('--restarts <count>', 'how often a peer that dies is started again', '2')
    .addHelpText('after', EXAMPLES)
    .action(host.run<SwarmCommandOptions>(swarm));
}

interface Prepared {
  readonly experiment: Experiment;
  readonly data: SwarmData;
  readonly folder: string;
  readonly members: readonly RunMember[];
  readonly digest: string;
  readonly resume: PeerJob['resume'];
}

async function swarm(
  session: Session,
  [path]: readonly string[],
  options: SwarmCommandOptions,
): Promise<ExitCode | undefined> {
  const restartsMax = restartsOf(options.restarts);
  const prepared = await (options.resume === undefined
    ? prepareNew(session, path)
    : prepareResumed(session, path, options.resume));
  try {
    return await finish(session, prepared, await execute(session, prepared, restartsMax));
  } catch (error) {
    return stoppedEarly(session, prepared, error);
  }
}

/** Ctrl-C before the first round leaves a run that can be taken up; bad input that only the peers could see leaves nothing. */
async function stoppedEarly(
  session: Session,
  { experiment, folder, resume }: Prepared,
  error: unknown,
): Promise<ExitCode> {
  const { InterruptedError } = await import('../swarm/swarm.ts');
  if (error instanceof InterruptedError) {
    session.answer(
      { name: experiment.name, endReason: 'interrupted', rounds: 0, folder },
      `${error.message}. ${howToResume(folder)}`,
    );
    return exitCodes.goalMissed;
  }
  const { removeRunFolder } = await import('../swarm/run-folder.ts');
  if (error instanceof InputError && resume.kind === 'fresh') await removeRunFolder(folder);
  throw error;
}

async function prepareNew(session: Session, path: string | undefined): Promise<Prepared> {
  const { createRunFolder } = await import('../swarm/run-folder.ts');
  const { resolved, ...run } = await readNew(session, path);
  const names = run.data.plan.silos.map(({ name }) => name);
  const members = await createRunFolder(run.folder, names, resolved);
  return { ...run, members, resume: { kind: 'fresh' } };
}

async function prepareResumed(session: Session, path: string | undefined, folder: string): Promise<Prepared> {
  const { experiment, digest } = await readResumed(session, path, folder);
  const { openRunFolder, requireRunBy, resumePoint } = await import('../swarm/run-folder.ts');
  const data = await readData(session, experiment);
  requireRunBy('swarm', folder, data.plan.silos[0]?.name);
  const members = await openRunFolder(
    folder,
    data.plan.silos.map(({ name }) => name),
  );
  const { everyRounds, keep } = experiment.checkpoint;
  const { resume, problems } = await resumePoint(members, { experimentDigest: digest }, everyRounds * keep);
  for (const problem of problems) session.warn(problem);
  const from =
    resume.kind === 'round'
      ? `round ${resume.round}, the last that all ${members.length} peers have saved`
      : 'the newest checkpoint of each peer; those behind catch up';
  session.say(`going on with ${folder} from ${from}`);
  return { experiment, data, folder, members, digest, resume };
}

/** What is written for simulations has no say over sockets and processors. */
async function sayWhatIsIgnored(session: Session, experiment: Experiment): Promise<void> {
  const { simulationSettings } = await import('../experiment/index.ts');
  const ignored = simulationSettings(experiment);
  if (ignored.length === 0) return;
  session.say(
    `note: a swarm passes over ${ignored.join(', ')}: its links and times are those of this machine; grapevine simulate models them`,
  );
}

async function execute(session: Session, prepared: Prepared, restartsMax: number): Promise<RunSummary> {
  const { experiment, data, members, digest, resume } = prepared;
  await sayWhatIsIgnored(session, experiment);
  const { pooledJob, swarmJobs } = await import('../compose.ts');
  const { processLauncher } = await import('../swarm/launcher.ts');
  const { runSwarm } = await import('../swarm/swarm.ts');
  const { summarise } = await import('../swarm/summary.ts');
  const cores = availableParallelism();
  const threads = Math.max(1, Math.floor(cores / members.length));
  const jobs = swarmJobs(experiment, data, {
    members,
    experimentDigest: digest,
    versions: versions(),
    threads,
    resume,
  });
  const interruption = session.io.interruption();
  session.say(announcement(prepared));
  const progress = session.progress();
  const cpuBefore = process.cpuUsage();
  const outcome = await runSwarm(
    {
      jobs,
      restartsMax,
      baselines: {
        alone: experiment.baselines.includes('alone'),
        pooled: experiment.baselines.includes('pooled') ? pooledJob(experiment, data, 1) : undefined,
      },
      baselineProcessesMax: cores,
    },
    {
      launcher: processLauncher({
        entry: fileURLToPath(programUrl('cli/swarm-child.js')),
        env: process.env,
        onOutput: (_pid, text) => progress.trouble(text.trimEnd()),
      }),
      clock: session.io.clock,
      interruption,
      onStanding: (standing) => progress.update(standingLine(standing, experiment.stop.rounds)),
      onNote: (text) => progress.note(text),
      onTrouble: (text) => progress.trouble(text),
    },
  );
  progress.done();
  const { user, system } = process.cpuUsage(cpuBefore);
  return summarise({
    name: experiment.name,
    seed: experiment.seed,
    hasGlobalTest: data.plan.globalTest.indices.length > 0,
    members: members.map((member, silo) => ({
      ...member,
      samples: data.plan.silos[silo]?.train.length ?? 0,
    })),
    outcome,
    isResumed: resume.kind !== 'fresh',
    launcherCpuSeconds: (user + system) / 1e6,
  });
}

async function finish(
  session: Session,
  { experiment, folder }: Prepared,
  summary: RunSummary,
): Promise<ExitCode | undefined> {
  const { formatSummary } = await import('../record/index.ts');
  const { SUMMARY_FILE, writeRunFile } = await import('../swarm/run-folder.ts');
  const { describeRun, loadRun, renderHtml } = await import('../report/index.ts');
  await writeRunFile(folder, SUMMARY_FILE, formatSummary(summary));
  const run = await loadRun(folder);
  await writeRunFile(folder, 'report.html', renderHtml([run]));
  session.answer(summary, `\n${describeRun(run, session.style)}\n${closingLines(folder, summary)}`);
  const { goneForGood } = await import('../faults/deeds.ts');
  const planned = goneForGood(experiment.faults ?? { seed: 0, faults: [] });
  const everybodyEnded = summary.peers.every(
    ({ paramsSha256 }, peer) => paramsSha256 !== '' || planned.has(peer),
  );
  return reachedItsGoal(summary, experiment) && everybodyEnded ? undefined : exitCodes.goalMissed;
}

function announcement({ experiment, folder, members }: Prepared): string {
  const { overlay, exchange } = experiment;
  const { rounds, seconds } = experiment.stop;
  const until =
    rounds !== undefined ? `${rounds} rounds` : seconds !== undefined ? `${seconds} s` : 'until its goal';
  const links = overlay.directed ? `${overlay.arcs.length} arcs` : `${overlay.arcs.length / 2} links`;
  return `${experiment.name}: ${members.length} silos, ${overlay.name} (${links}), ${exchange.rule} over libp2p, ${until}; record in ${folder}`;
}

function restartsOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new InputError('usage', `--restarts is ${text}; it takes a whole number from 0`);
}
