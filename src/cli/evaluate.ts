/** `grapevine evaluate`: how good saved params are on an experiment's test set, a silo's own data, or any other data set. */
import type { Command } from 'commander';
import { InputError, ProblemsError } from '../base/errors.ts';
import type { Dataset, DatasetSpec, Samples } from '../data/index.ts';
import type { Experiment } from '../experiment/index.ts';
import type { SavedParams } from '../params/index.ts';
import type { ModelShape } from '../train/index.ts';
import type { Host } from './host.ts';
import { experimentAt, isFolder, shapeOf } from './saved-model.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine evaluate --params runs/mnist/peers/silo-0/params.safetensors --experiment runs/mnist
  grapevine evaluate --params runs/biscoe/params.safetensors --data silo-biscoe.yaml     a silo's own and shared test data
  grapevine evaluate --params p.safetensors --data '{kind: csv, path: new.csv, label: species, classes: […], features: […]}'
  grapevine evaluate --params p.safetensors --experiment experiment.yaml --silo torgersen

Without --data: the experiment's test set, that is the data set's own or, where it has none, all that the silos held out.`;

interface EvaluateOptions {
  readonly params: string;
  readonly experiment?: string;
  readonly data?: string;
  readonly silo?: string;
}

export function declareEvaluate(program: Command, host: Host): void {
  program
    .command('evaluate')
    .description('accuracy and loss of saved params, class by class')
    .requiredOption('--params <file>', 'the params, as a run leaves them (safetensors)')
    .option('--experiment <file-or-run-dir>', 'the experiment they come from, or the run of it')
    .option(
      '--data <silo-file-or-data-set>',
      "a silo file, a data set's name, or a data set as in an experiment file",
    )
    .option('--silo <name>', 'only what this silo of the experiment held out for its own test')
    .addHelpText('after', EXAMPLES)
    .action(host.run<EvaluateOptions>(evaluate));
}

/** Samples to judge by, with a name for people. */
interface TestSet {
  readonly name: string;
  readonly samples: Samples;
}

interface Judged {
  readonly experiment: Experiment | undefined;
  readonly dataset: Dataset;
  readonly sets: readonly TestSet[];
}

interface ClassScore {
  readonly name: string;
  readonly samples: number;
  readonly accuracy: number;
}

interface SetScore {
  readonly set: string;
  readonly samples: number;
  readonly accuracy: number;
  readonly loss: number;
  readonly classes: readonly ClassScore[];
}

async function evaluate(
  session: Session,
  _operands: readonly string[],
  options: EvaluateOptions,
): Promise<undefined> {
  const { loadParams } = await import('../train/index.ts');
  const saved = await loadParams(options.params);
  const { experiment, dataset, sets } = await judgedBy(session, options);
  for (const note of dataset.notes) session.say(`note: ${note}`);
  const shape = shapeOf(saved, experiment, dataset, options.params);
  const scores: SetScore[] = [];
  let backend = '';
  for (const set of sets) {
    const scored = await score(
      saved,
      { ...shape, backend: experiment?.train.backend ?? 'auto' },
      dataset,
      set,
    );
    scores.push(scored.score);
    backend = scored.backend;
  }
  const { formatTable } = await import('../report/index.ts');
  const tables = scores.map(({ set, samples, accuracy, loss, classes }) => {
    const rows = [
      ...classes.map(({ name, samples, accuracy }) => [name, String(samples), percent(accuracy)]),
      ['all', String(samples), percent(accuracy)],
    ];
    const columns = [
      { title: 'class' },
      { title: 'samples', align: 'right' },
      { title: 'right', align: 'right' },
    ] as const;
    return `${set}: right on ${percent(accuracy)} of ${samples}, loss ${loss.toPrecision(4)} (${backend})\n${formatTable({ columns, rows })}`;
  });
  session.answer(
    { params: options.params, metadata: saved.metadata, backend, sets: scores },
    tables.join('\n\n'),
  );
  return undefined;
}

async function judgedBy(session: Session, options: EvaluateOptions): Promise<Judged> {
  const { experiment: path, data, silo } = options;
  if (path === undefined && data === undefined) {
    throw new InputError('usage', 'name --experiment, --data or both: what are the params to be judged by?');
  }
  if (data !== undefined && silo !== undefined) {
    throw new InputError(
      'usage',
      '--silo names a silo of the experiment, --data other data; give one of them',
    );
  }
  const isSiloFile = data !== undefined && (/\.(ya?ml|json)$/.test(data) || (await isFolder(data)));
  if (isSiloFile) return bySilo(session, data);
  const experiment = path === undefined ? undefined : await experimentAt(path, session.overrides);
  if (data !== undefined) return byDataset(data, experiment);
  return byExperiment(experiment as Experiment, silo);
}

/** A silo's held-out samples, and the shared test set if its file declares one. */
async function bySilo(session: Session, path: string): Promise<Judged> {
  const { loadSamples, openDataset } = await import('../data/index.ts');
  const { siloOwnData } = await import('../compose-silo.ts');
  const { loadSiloSetup } = await import('./silo-setup.ts');
  const { silo, experiment, place } = await loadSiloSetup(path, session.overrides);
  const own = await siloOwnData(silo, experiment, place.index);
  const dataset = await openDataset(silo.data.dataset, { baseFolder: '.' });
  const { indices = [] } = own.trainer.own ?? {};
  const held = indices === 'all' ? [] : indices;
  const sets = [{ name: `${silo.name}'s own test data`, samples: await loadSamples(dataset, 'train', held) }];
  if (dataset.testCount > 0)
    sets.push({ name: 'shared test data', samples: await wholeSplit(dataset, 'test') });
  return { experiment, dataset, sets: sets.filter(({ samples }) => samples.count > 0) };
}

async function byDataset(text: string, experiment: Experiment | undefined): Promise<Judged> {
  const { datasetSchema, openDataset } = await import('../data/index.ts');
  const { checkAgainst, parseYaml } = await import('../base/document.ts');
  const checked = checkAgainst(datasetSchema, parseYaml(text, '--data'));
  if (!checked.ok) throw new ProblemsError('--data', checked.problems);
  const dataset = await openDataset(checked.value as DatasetSpec, { baseFolder: '.' });
  const split = dataset.testCount > 0 ? 'test' : 'train';
  const name = `${dataset.name}, ${split === 'test' ? 'its test set' : 'all samples'}`;
  return { experiment, dataset, sets: [{ name, samples: await wholeSplit(dataset, split) }] };
}

async function byExperiment(experiment: Experiment, silo: string | undefined): Promise<Judged> {
  const { loadGlobalTest, loadSamples, openDataset, planData } = await import('../data/index.ts');
  const { data, seed } = experiment;
  const dataset = await openDataset(data.dataset, { baseFolder: '.' });
  const { partition, testShare, silos: siloCount } = data;
  const plan = await planData(dataset, { partition, testShare, siloCount, seed, baseFolder: '.' });
  if (silo === undefined) {
    const samples = await loadGlobalTest(dataset, plan);
    return { experiment, dataset, sets: [{ name: "everybody's test data", samples: notEmpty(samples) }] };
  }
  const found = plan.silos.find(({ name }) => name === silo);
  if (found === undefined) {
    const names = plan.silos.map(({ name }) => name).join(', ');
    throw new InputError('silo-unknown', `--silo ${silo}: the experiment has the silos ${names}`, {
      got: silo,
    });
  }
  const samples = notEmpty(await loadSamples(dataset, 'train', found.test));
  return { experiment, dataset, sets: [{ name: `${silo}'s own test data`, samples }] };
}

async function wholeSplit(dataset: Dataset, split: 'train' | 'test'): Promise<Samples> {
  const { loadSamples } = await import('../data/index.ts');
  const count = split === 'test' ? dataset.testCount : dataset.trainCount;
  return loadSamples(
    dataset,
    split,
    Array.from({ length: count }, (_, index) => index),
  );
}

function notEmpty(samples: Samples): Samples {
  if (samples.count > 0) return samples;
  throw new InputError(
    'test-set-empty',
    'there is no sample to judge by: the data set has no test set and no silo holds any out; set data.testShare, or give --data',
  );
}

/** Class by class, so that one pass over the samples gives all numbers. */
async function score(
  saved: SavedParams,
  shape: ModelShape & Pick<Experiment['train'], 'backend'>,
  { classNames }: Dataset,
  { name, samples }: TestSet,
): Promise<{ score: SetScore; backend: string }> {
  const { evaluateParams } = await import('../train/index.ts');
  const classes: ClassScore[] = [];
  let [right, lossSum, backend] = [0, 0, ''];
  for (const [label, className] of classNames.entries()) {
    const subset = samplesOf(samples, label);
    if (subset.count === 0) continue;
    const evaluation = await evaluateParams(shape, saved, subset);
    const accuracy = evaluation.accuracy ?? 0;
    classes.push({ name: className, samples: subset.count, accuracy });
    right += accuracy * subset.count;
    lossSum += (evaluation.loss ?? 0) * subset.count;
    backend = evaluation.backend;
  }
  const { count } = samples;
  return {
    score: { set: name, samples: count, accuracy: right / count, loss: lossSum / count, classes },
    backend,
  };
}

function samplesOf({ features, labels, count }: Samples, label: number): Samples {
  const width = features.length / count;
  const positions = [...labels.keys()].filter((position) => labels[position] === label);
  const subset = new Float32Array(positions.length * width);
  for (const [row, position] of positions.entries()) {
    subset.set(features.subarray(position * width, (position + 1) * width), row * width);
  }
  return { features: subset, labels: new Int32Array(positions.length).fill(label), count: positions.length };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
