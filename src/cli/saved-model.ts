/** A trained model on disk: its params, and which model they are the params of, as the file or an experiment says. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../base/errors.ts';
import type { Experiment } from '../experiment/index.ts';
import type { SavedParams } from '../params/index.ts';
import type { ModelShape, ModelSpec } from '../train/index.ts';

/** What a peer wrote into its params file about the model. */
export interface SavedShape {
  readonly model: ModelSpec;
  readonly featureShape: readonly number[];
  readonly classCount: number;
}

/** The experiment file at `path`, or the one in a run's directory. Errors as loadExperiment. */
export async function experimentAt(path: string, overrides: readonly string[]): Promise<Experiment> {
  const { loadExperiment } = await import('../experiment/index.ts');
  return loadExperiment((await isFolder(path)) ? join(path, 'experiment.yaml') : path, overrides);
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * Which model the params belong to: as the experiment and the data say, where they are at hand, else as the file says.
 * InputError `model-unknown`.
 */
export function shapeOf(
  { metadata }: SavedParams,
  experiment: Experiment | undefined,
  data: { readonly featureShape: readonly number[]; readonly classCount: number } | undefined,
  path: string,
): ModelShape {
  const saved = parseShape(metadata);
  // A path in a file of somebody else's is not followed.
  const model = experiment?.model ?? (saved?.model.kind === 'layers' ? undefined : saved?.model);
  const featureShape = data?.featureShape ?? saved?.featureShape;
  const classCount = data?.classCount ?? saved?.classCount;
  if (model === undefined || featureShape === undefined || classCount === undefined) {
    throw new InputError(
      'model-unknown',
      `${path} does not say which model it holds; name the experiment it comes from with --experiment`,
      { path },
    );
  }
  return { model, featureShape, classCount, baseFolder: '.' };
}

function parseShape(metadata: Readonly<Record<string, string>>): SavedShape | undefined {
  try {
    const model = JSON.parse(metadata.model ?? '') as Record<string, unknown>;
    const featureShape: unknown = JSON.parse(metadata.featureShape ?? '');
    const classCount = Number(metadata.classCount);
    if (!isModel(model) || !areSizes(featureShape) || !isSize(classCount)) return undefined;
    return { model, featureShape, classCount };
  } catch {
    return undefined;
  }
}

function isModel(value: Record<string, unknown>): value is Record<string, unknown> & ModelSpec {
  if (value.kind === 'mlp') return areSizes(value.hidden);
  return value.kind === 'softmax' || value.kind === 'cnn' || value.kind === 'layers';
}

function areSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 32 && value.every(isSize);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 2 ** 24;
}
