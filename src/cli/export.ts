/** `grapevine export`: a run's model as a file for other programs: a tfjs layers model, or safetensors. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/errors.ts';
import type { SavedParams } from '../params/index.ts';
import type { Host } from './host.ts';
import { experimentAt, isFolder, shapeOf } from './saved-model.ts';
import type { Session } from './session.ts';

const EXAMPLES = `
Examples:
  grapevine export runs/mnist --mean --format layers --out model       model/model.json and model/weights.bin for TensorFlow.js
  grapevine export runs/mnist --peer silo-3 --format safetensors --out silo-3.safetensors
  grapevine export runs/biscoe/params.safetensors --out model

A layers model also serves as the model of another experiment: model: {kind: layers, path: model/model.json}; its shape, not
these params, which are drawn again from that experiment's seed.`;

const PARAMS_FILE = 'params.safetensors';

interface ExportOptions {
  readonly format: string;
  readonly peer?: string;
  readonly mean?: boolean;
  readonly experiment?: string;
}

export function declareExport(program: Command, host: Host): void {
  program
    .command('export')
    .description("a run's model as a tfjs layers model or as safetensors, into --out")
    .argument('<run-dir-or-params>', 'the directory of a run, or a params file')
    .option('--format <layers|safetensors>', 'what to write', 'layers')
    .option('--peer <name>', "this peer's model, where the run had several")
    .option('--mean', "the mean of all peers' params")
    .option('--experiment <file>', 'where a params file does not say which model it holds')
    .addHelpText('after', EXAMPLES)
    .action(host.run<ExportOptions>(exportModel));
}

async function exportModel(
  session: Session,
  [source = '']: readonly string[],
  options: ExportOptions,
): Promise<undefined> {
  const { out } = session.options;
  if (out === undefined) throw new InputError('usage', 'say with --out where the model goes');
  if (options.format !== 'layers' && options.format !== 'safetensors') {
    throw new InputError('usage', `--format ${options.format}: wanted layers or safetensors`);
  }
  const { saved, path, whose } = await findParams(source, options);
  const files =
    options.format === 'layers'
      ? await writeLayers(session, { saved, path, source, out }, options)
      : await writeSafetensors(saved, out);
  session.answer(
    { source, whose, format: options.format, files, params: saved.params.length, metadata: saved.metadata },
    `${whose}, ${saved.params.length} params: ${files.join(', ')}`,
  );
  return undefined;
}

interface Found {
  readonly saved: SavedParams;
  readonly path: string;
  readonly whose: string;
}

async function findParams(source: string, { peer, mean = false }: ExportOptions): Promise<Found> {
  const { loadParams } = await import('../train/index.ts');
  const alone = async (path: string, whose: string): Promise<Found> => ({
    saved: await loadParams(path),
    path,
    whose,
  });
  if (!(await isFolder(source))) return alone(source, source);
  const names = await peersOf(source);
  if (names.length === 0) return alone(join(source, PARAMS_FILE), source);
  const pathOf = (name: string): string => join(source, 'peers', name, PARAMS_FILE);
  if (mean) return meanOf(names.map(pathOf), source);
  const chosen = peer ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined || !names.includes(chosen)) {
    const got = peer === undefined ? '' : `--peer ${peer}: `;
    throw new InputError(
      'peer-unknown',
      `${got}the run had the peers ${names.join(', ')}; name one with --peer, or take the mean of all with --mean`,
      { names },
    );
  }
  return alone(pathOf(chosen), `the model of ${chosen}`);
}

async function peersOf(runFolder: string): Promise<string[]> {
  const entries = await readdir(join(runFolder, 'peers'), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function meanOf(paths: readonly string[], source: string): Promise<Found> {
  const { loadParams } = await import('../train/index.ts');
  const { layoutDigest, weightedSum } = await import('../params/index.ts');
  const all: SavedParams[] = [];
  for (const path of paths) all.push(await loadParams(path));
  const [first] = all;
  if (first === undefined) throw new InputError('params-file-missing', `${source} holds no params`);
  if (all.some(({ layout }) => layoutDigest(layout) !== layoutDigest(first.layout))) {
    throw new InputError(
      'layout-mismatch',
      `the params in ${source} are not all of one model: they have no mean`,
    );
  }
  const params = weightedSum(all.map(({ params: vector }) => ({ vector, weight: 1 / all.length })));
  const { peer: _peer, ...metadata } = first.metadata;
  const saved = { layout: first.layout, params, metadata: { ...metadata, meanOf: String(all.length) } };
  return { saved, path: source, whose: `the mean of ${all.length} peers` };
}

async function writeLayers(
  session: Session,
  { saved, path, source, out }: Pick<Found, 'saved' | 'path'> & { source: string; out: string },
  options: ExportOptions,
): Promise<string[]> {
  const { exportLayersModel } = await import('../train/index.ts');
  const { writeBinaryFile, writeTextFile } = await import('./files.ts');
  const origin = options.experiment ?? ((await isFolder(source)) ? source : undefined);
  const experiment = origin === undefined ? undefined : await experimentAt(origin, session.overrides);
  const exported = await exportLayersModel(
    shapeOf(saved, experiment, undefined, path),
    saved.layout,
    saved.params,
  );
  const files = [join(out, 'model.json'), join(out, 'weights.bin')];
  await writeBinaryFile(files[1]!, exported.weights);
  await writeTextFile(files[0]!, exported.json);
  return files;
}

async function writeSafetensors(saved: SavedParams, out: string): Promise<string[]> {
  const { encodeSafetensors } = await import('../params/index.ts');
  const { writeBinaryFile } = await import('./files.ts');
  await writeBinaryFile(out, encodeSafetensors(saved));
  return [out];
}
