/** What `swarm` and `simulate` do alike before and after a run. */
import { join } from 'node:path';
import { present } from '../base/assert.ts';
import { InputError } from '../base/errors.ts';
import type { SwarmData } from '../compose.ts';
import type { Experiment } from '../experiment/index.ts';
import type { RunSummary } from '../record/index.ts';
import { readExperiment } from './designing.ts';
import type { Session } from './session.ts';
import { grapevineVersion } from './version.ts';

/** Reads and partitions the data, and warns of what is probably not meant. */
export async function readData(session: Session, experiment: Experiment): Promise<SwarmData> {
  const { swarmData } = await import('../compose.ts');
  const { siloWarnings } = await import('../data/index.ts');
  const { experimentWarnings } = await import('../experiment/index.ts');
  for (const warning of experimentWarnings(experiment)) session.warn(warning);
  const data = await swarmData(experiment);
  for (const note of data.notes) session.say(`note: ${note}`);
  for (const [silo, { name }] of data.plan.silos.entries()) {
    const description = present(data.descriptions[silo], `description of ${name}`);
    for (const warning of siloWarnings(name, description, data.classNames)) session.warn(warning);
  }
  return data;
}

/** What a run that is begun anew is made of. */
export interface NewRun {
  readonly experiment: Experiment;
  readonly data: SwarmData;
  readonly folder: string;
  /** Complete YAML that runs it again. */
  readonly resolved: string;
  readonly digest: string;
}

/** InputError `usage` where no file is named; ProblemsError. Nothing is written yet. */
export async function readNew(session: Session, path: string | undefined): Promise<NewRun> {
  if (path === undefined) {
    throw new InputError(
      'usage',
      'name an experiment file, such as topologies/mnist-eleven-silos.yaml, or --resume RUN_DIR',
    );
  }
  const { experimentDigest, resolveExperiment } = await import('../experiment/index.ts');
  const experiment = await readExperiment(session, path, session.overrides);
  const data = await readData(session, experiment);
  const folder = session.options.out ?? defaultFolder(session, experiment.name);
  const resolved = resolveExperiment(experiment, versions());
  return { experiment, data, folder, resolved, digest: experimentDigest(experiment) };
}

/** A run that aims at an accuracy has missed it when rounds or time ended it. */
export function reachedItsGoal({ endReason }: RunSummary, { stop }: Experiment): boolean {
  if (endReason === 'interrupted' || endReason === 'failed') return false;
  return stop.targetAccuracy === undefined || endReason === 'target-accuracy';
}

/** What the resolved experiment and the records name. */
export function versions(): Record<string, string> {
  return { grapevine: grapevineVersion() };
}

/** Where a run goes that was given no `--out`. */
function defaultFolder({ io }: Session, name: string): string {
  const stamp = (io.clock.calendar() ?? 'run').slice(0, 19).replace(/[:T]/g, '-');
  return join('runs', `${name}-${stamp}`);
}

/** The experiment of a run that is to go on. */
export interface ResumedExperiment {
  readonly experiment: Experiment;
  readonly digest: string;
}

/** InputError `usage`, `run-missing`, `resume-experiment-changed`; ProblemsError. */
export async function readResumed(
  session: Session,
  path: string | undefined,
  folder: string,
): Promise<ResumedExperiment> {
  if (path !== undefined) {
    throw new InputError('usage', `--resume takes the experiment from ${folder}; do not give ${path} too`);
  }
  const { experimentDigest, parseExperiment } = await import('../experiment/index.ts');
  const { EXPERIMENT_FILE, readRunExperiment } = await import('../swarm/run-folder.ts');
  const text = await readRunExperiment(folder);
  const file = join(folder, EXPERIMENT_FILE);
  const experiment = parseExperiment(text, { file, overrides: session.overrides });
  const digest = experimentDigest(experiment);
  if (digest !== experimentDigest(parseExperiment(text, { file }))) {
    throw new InputError(
      'resume-experiment-changed',
      `--set ${session.overrides.join(' --set ')} makes another experiment of the one in ${folder}, and its checkpoints would mean nothing; start a new run, or change only data paths, backend, deadlines, checkpoints, records and baselines`,
    );
  }
  return { experiment, digest };
}
