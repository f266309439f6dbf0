/** `grapevine simulate EXPERIMENT.yaml`: the experiment on virtual time, in this one process. */
import type { Command } from 'commander';
import { present } from '../base/assert.ts';
import { InputError, OperatingError } from '../base/errors.ts';
import type { SwarmData } from '../compose.ts';
import type { ComposedRun } from '../compose-simulation.ts';
import type { Experiment } from '../experiment/index.ts';
import type { SimulatedRunResult } from '../simulate/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Host } from './host.ts';
import { reachedItsGoal, readData, readNew, readResumed, versions } from './run-setup.ts';
import type { Session } from './session.ts';
import { closingText, type HostFigures, howToGoOn, howToRepeat, progressLine } from './simulate-text.ts';
import type { SimulationFolder } from './simulation-folder.ts';

const EXAMPLES = `
Examples:
  grapevine simulate topologies/mnist-eleven-silos.yaml
  grapevine simulate topologies/penguins-by-island.yaml --set seed=7 --out runs/seven
  grapevine simulate --resume runs/seven          go on where Ctrl-C or a full disk ended it
  grapevine simulate topologies/common-job.yaml --json | jq .host

The same peers as in a swarm, one after another in this process, without keys, ports or libp2p; only time is not real: how long
training and messages take is what the experiment says. The same command writes the same bytes. docs/SIMULATION.md says what is
modelled and what is not.`;

interface SimulateOptions {
  readonly resume?: string;
  readonly checkInvariants?: boolean;
}

export function declareSimulate(program: Command, host: Host): void {
  program
    .command('simulate')
    .description('run an experiment on virtual time, all silos in this process')
    .argument('[experiment]', 'the experiment file')
    .option('--resume <run-dir>', 'go on with the simulation in this directory')
    .option('--check-invariants', 'watch every step for what must never happen; slower')
    .addHelpText('after', EXAMPLES)
    .action(host.run<SimulateOptions>(simulate));
}

interface Prepared {
  readonly experiment: Experiment;
  readonly digest: string;
  readonly folder: string;
  readonly data: SwarmData;
  /** Where an earlier run left it; absent: it is new. */
  readonly resumeRound?: number;
}

async function simulate(
  session: Session,
  [path]: readonly string[],
  { resume, checkInvariants = false }: SimulateOptions,
): Promise<ExitCode | undefined> {
  const prepared = await (resume === undefined
    ? prepareNew(session, path)
    : prepareResumed(session, path, resume));
  const { lockFolder } = await import('../storage/lock.ts');
  const lock = await lockFolder(prepared.folder);
  const cost = new HostCost(session);
  try {
    return await finish(session, prepared, await execute(session, prepared, checkInvariants), cost);
  } catch (error) {
    if (error instanceof InputError) await forgetNew(prepared);
    else if (isOfTheDisk(error)) session.say(howToGoOn(prepared.folder));
    else {
      const source = resume === undefined ? path : undefined;
      session.say(howToRepeat(prepared, source, session.overrides, checkInvariants));
    }
    throw error;
  } finally {
    await lock.release();
  }
}

/** What room on the disk mends: what was written stays, and the run goes on from there. */
function isOfTheDisk(error: unknown): boolean {
  return error instanceof OperatingError && error.code.startsWith('storage-');
}

/** Bad input that only the Trainers or a trace could see leaves nothing of a run that was to be new. */
async function forgetNew({ resumeRound, folder }: Prepared): Promise<void> {
  if (resumeRound !== undefined) return;
  const { removeRunFolder } = await import('../swarm/run-folder.ts');
  await removeRunFolder(folder);
}

async function prepareNew(session: Session, path: string | undefined): Promise<Prepared> {
  const { claimRunFolder } = await import('../swarm/run-folder.ts');
  const { resolved, ...run } = await readNew(session, path);
  await claimRunFolder(run.folder, resolved, 'simulate');
  return run;
}

async function prepareResumed(session: Session, path: string | undefined, folder: string): Promise<Prepared> {
  const { experiment, digest } = await readResumed(session, path, folder);
  const { peerFolderOf, requireRunBy, resumePoint } = await import('../swarm/run-folder.ts');
  const data = await readData(session, experiment);
  requireRunBy('simulate', folder, data.plan.silos[0]?.name);
  const members = data.plan.silos.map(({ name }) => ({ name, folder: peerFolderOf(folder, name) }));
  const { resume, problems } = await resumePoint(
    members,
    { experimentDigest: digest },
    Number.POSITIVE_INFINITY,
  );
  for (const problem of problems) session.warn(problem);
  const resumeRound = resume.kind === 'round' ? resume.round : 0;
  session.say(`going on with ${folder} from round ${resumeRound}, the last that all silos have saved`);
  return { experiment, digest, folder, data, resumeRound };
}

async function execute(
  session: Session,
  prepared: Prepared,
  checkInvariants: boolean,
): Promise<{ readonly result: SimulatedRunResult; readonly logs: string }> {
  const { experiment, data } = prepared;
  const { composeSimulation } = await import('../compose-simulation.ts');
  const { invariantObserver, runSimulation } = await import('../simulate/index.ts');
  const interruption = session.io.interruption();
  const composed = await composeSimulation(experiment, data);
  const files = await openFolder(prepared, composed);
  const started = await files.open();
  const peers = await resumedPeers(composed, files, prepared.resumeRound ?? 0);
  session.say(announcement(prepared, composed, files));
  const progress = session.progress();
  const cost = new HostCost(session);
  try {
    const result = await runSimulation(
      {
        ...composed,
        peers,
        versions: versions(),
        livesBefore: (started - 1) * LIVES_PER_START,
        observers: checkInvariants ? [invariantObserver(peers.map(({ config }) => config))] : [],
      },
      {
        sink: files,
        clock: session.io.clock,
        interruption,
        onProgress: (state) =>
          progress.update(progressLine(state, cost.wallSeconds, peers.length, experiment.stop)),
        onNote: (text) => progress.note(text),
      },
    );
    for (const [peer, params] of result.params)
      await files.writeParams(peer, present(result.outcomes[peer], 'an outcome').round, params);
    return { result, logs: files.logs };
  } finally {
    progress.done();
    files.close();
    for (const { trainer } of composed.peers) await trainer.dispose();
  }
}

/** No peer is started again so often within one start of the simulation. */
const LIVES_PER_START = 2 ** 20;

async function openFolder(
  { experiment, digest, folder, data }: Prepared,
  { peers, name }: ComposedRun,
): Promise<SimulationFolder> {
  const { SimulationFolder } = await import('./simulation-folder.ts');
  return new SimulationFolder({
    folder,
    experimentName: name,
    experimentDigest: digest,
    names: peers.map(({ name: silo }) => silo),
    checkpoints: experiment.checkpoint,
    shape: data.shape,
    layout: present(peers[0], 'a silo').trainer.layout,
  });
}

async function resumedPeers(
  { peers }: ComposedRun,
  files: SimulationFolder,
  round: number,
): Promise<ComposedRun['peers']> {
  if (round === 0) return peers;
  return Promise.all(
    peers.map(async (peer, index) => ({ ...peer, resumeFrom: await files.readCheckpoint(index, round) })),
  );
}

async function finish(
  session: Session,
  { experiment, folder }: Prepared,
  { result: { summary, events }, logs }: Awaited<ReturnType<typeof execute>>,
  cost: HostCost,
): Promise<ExitCode | undefined> {
  const { formatSummary } = await import('../record/index.ts');
  const { SUMMARY_FILE, writeRunFile } = await import('../swarm/run-folder.ts');
  const { describeRun, loadRun, renderHtml } = await import('../report/index.ts');
  await writeRunFile(folder, SUMMARY_FILE, formatSummary(summary));
  const run = await loadRun(folder);
  await writeRunFile(folder, 'report.html', renderHtml([run]));
  const host = cost.total(events);
  session.answer(
    { ...summary, host },
    `\n${describeRun(run, session.style)}\n${closingText(folder, logs, summary, host)}`,
  );
  return reachedItsGoal(summary, experiment) ? undefined : exitCodes.goalMissed;
}

function announcement(
  { experiment, folder }: Prepared,
  { peers }: ComposedRun,
  { logs }: SimulationFolder,
): string {
  const { overlay, exchange, stop } = experiment;
  const until =
    stop.rounds !== undefined
      ? `${stop.rounds} rounds`
      : stop.seconds !== undefined
        ? `${stop.seconds} virtual s`
        : 'until its goal';
  const links = overlay.directed ? `${overlay.arcs.length} arcs` : `${overlay.arcs.length / 2} links`;
  const trainer = present(peers[0], 'a silo').trainer;
  return [
    `${experiment.name}: ${peers.length} silos, ${overlay.name} (${links}), ${exchange.rule} on virtual time, ${until}`,
    `${trainer.backendNote}; record in ${folder}, logs in ${logs}`,
  ].join('\n');
}

class HostCost {
  readonly #session: Session;
  readonly #beganMs: number;

  constructor(session: Session) {
    this.#session = session;
    this.#beganMs = session.io.clock.now();
  }

  get wallSeconds(): number {
    return (this.#session.io.clock.now() - this.#beganMs) / 1000;
  }

  /** CPU time and memory are those of the whole process. */
  total(events: number): HostFigures {
    const { wallSeconds } = this;
    const { user, system } = process.cpuUsage();
    return {
      wallSeconds,
      cpuSeconds: (user + system) / 1e6,
      rssBytesMax: process.resourceUsage().maxRSS * 1024,
      events,
      eventsPerSecond: wallSeconds === 0 ? 0 : events / wallSeconds,
    };
  }
}
