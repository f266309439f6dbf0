/** `grapevine replay RUN_DIR`: a recorded run again, from experiment, data and event logs to the same params. */
import type { Command } from 'commander';
import { present } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import type { SwarmData } from '../compose.ts';
import type { ReplayRow } from '../compose-simulation.ts';
import type { Experiment } from '../experiment/index.ts';
import type { RecordedRun } from '../simulate/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Host } from './host.ts';
import { readData, readResumed } from './run-setup.ts';
import type { Session } from './session.ts';
import { grapevineVersion } from './version.ts';

const EXAMPLES = `
Examples:
  grapevine swarm experiment.yaml --set record=all --out runs/one     a run that can be replayed
  grapevine replay runs/one                                           every silo's model again, to the bit
  grapevine replay --json runs/one | jq .equal

A replay reads experiment.yaml, the data and the event logs, nothing else, and writes nothing. It needs record: all, and a machine
that computes like the one that recorded (same engine, same CPU family). Exit code ${exitCodes.goalMissed}: some silo's model is another one.`;

interface ReplayCommandOptions {
  readonly anyVersion?: boolean;
}

export function declareReplay(program: Command, host: Host): void {
  program
    .command('replay')
    .description('run a recorded run again from its event logs and compare the models bit for bit')
    .argument('<run-dir>', 'the directory that the run wrote')
    .option('--any-version', 'also where another version of Grapevine recorded it')
    .addHelpText('after', EXAMPLES)
    .action(host.run<ReplayCommandOptions>(replay));
}

async function replay(
  session: Session,
  [folder = '']: readonly string[],
  { anyVersion = false }: ReplayCommandOptions,
): Promise<ExitCode | undefined> {
  const { experiment } = await readResumed(session, undefined, folder);
  requireEvents(experiment, folder);
  const data = await readData(session, experiment);
  const { openRecordedRun } = await import('../simulate/index.ts');
  const run = openRecordedRun(
    folder,
    data.plan.silos.map(({ name }) => name),
  );
  try {
    for (const note of run.notes) session.say(`note: ${note}`);
    requireSameRun(run, experiment, data, anyVersion);
    return answer(session, folder, await replayAll(session, experiment, data, run));
  } finally {
    run.close();
  }
}

function requireEvents({ record }: Experiment, folder: string): void {
  if (record === 'all') return;
  throw new InputError(
    'replay-not-recorded',
    `${folder} was recorded with record: ${record}, and a replay needs every event: run it again with --set record=all`,
    { folder, record },
  );
}

/** The logs are of this version, this experiment and these data. */
function requireSameRun(
  { logs }: RecordedRun,
  { seed }: Experiment,
  data: SwarmData,
  anyVersion: boolean,
): void {
  for (const [peer, { starts, silo }] of logs.entries()) {
    const { name } = present(data.plan.silos[peer], `silo ${peer}`);
    for (const start of starts) {
      const recordedBy = start.versions.grapevine ?? 'an unknown version';
      if (recordedBy !== grapevineVersion() && !anyVersion) {
        throw new InputError(
          'replay-version',
          `${name} was recorded by grapevine ${recordedBy}, and this is ${grapevineVersion()}, which may compute otherwise: replay it with that version, or try it all the same with --any-version`,
          { recordedBy },
        );
      }
      if (start.seed !== seed) {
        throw new InputError(
          'replay-experiment-differs',
          `the log of ${name} is of a run with seed ${start.seed}, and experiment.yaml says ${seed}: put the files of one run together`,
          { seed: start.seed },
        );
      }
    }
    const description = present(data.descriptions[peer], `description of ${name}`);
    const labels = silo?.labelCounts?.join();
    if (silo === undefined || labels === undefined || labels === description.labelHistogram.join()) continue;
    throw new InputError(
      'replay-data-differ',
      `${name} trained on ${silo.samples} samples with labels [${labels}]; its data now give [${description.labelHistogram.join()}]: bring back the data of the run, or name their place with --set data.dataset.path=…`,
      { peer },
    );
  }
}

async function replayAll(
  session: Session,
  experiment: Experiment,
  data: SwarmData,
  run: RecordedRun,
): Promise<readonly ReplayRow[]> {
  const { replayRun } = await import('../compose-simulation.ts');
  const progress = session.progress();
  const beganMs = session.io.clock.now();
  try {
    return await replayRun(experiment, data, run, (done, lines) => {
      const seconds = (session.io.clock.now() - beganMs) / 1000;
      const left = done === 0 ? '' : `, ${Math.ceil((seconds * (lines - done)) / done)} s left`;
      progress.update(`${done} of ${lines} events${left}`);
    });
  } finally {
    progress.done();
  }
}

async function answer(
  session: Session,
  folder: string,
  rows: readonly ReplayRow[],
): Promise<ExitCode | undefined> {
  const { formatTable } = await import('../report/index.ts');
  const ended = rows.filter(({ recorded }) => recorded !== undefined);
  const equal = ended.filter(({ recorded, replayed }) => recorded === replayed);
  const all = ended.length > 0 && equal.length === ended.length;
  const table = formatTable(
    {
      columns: ['silo', 'round', 'recorded', 'replayed', 'equal'].map((title) => ({ title })),
      rows: rows.map(({ name, round, recorded, replayed }) => [
        name,
        String(round),
        recorded ?? 'died before its end',
        replayed,
        recorded === undefined ? '–' : recorded === replayed ? 'yes' : 'NO',
      ]),
    },
    session.style,
  );
  const verdict = all
    ? `all ${ended.length} models that the run ended with come out bit for bit`
    : ended.length === 0
      ? 'nothing to compare: no silo came to its end'
      : `${ended.length - equal.length} of ${ended.length} models come out otherwise: another CPU, engine or version, or a changed log`;
  for (const { name, skipped } of rows) {
    if (skipped === 0) continue;
    session.say(
      `note: ${skipped} events of ${name} before a restart were passed over: what a crash took from other logs led to them`,
    );
  }
  session.answer({ folder, equal: all, peers: rows }, `${table}\n\n${verdict}`);
  return all ? undefined : exitCodes.goalMissed;
}
