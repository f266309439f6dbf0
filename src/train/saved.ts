/** Params from files: loading, checking against a model, scoring on samples. */
import '../base/runtime.ts';
import { readFile } from 'node:fs/promises';
import { describeError, InputError } from '../base/errors.ts';
import type { Samples } from '../data/dataset.ts';
import { type Layout, layoutDigest, type Vector } from '../params/layout.ts';
import { decodeSafetensors, type SavedParams } from '../params/safetensors.ts';
import { loadEngine } from './engine.ts';
import { evaluateOnDevice } from './evaluate.ts';
import { freeParams, uploadParams } from './local-steps.ts';
import { modelOf, needsOf } from './models.ts';
import type { BackendName, ModelShape } from './spec.ts';
import type { Evaluation } from './trainer.ts';

/** Reads a safetensors file. InputError `params-file-missing`, `safetensors-invalid`. */
export async function loadParams(path: string): Promise<SavedParams> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new InputError('params-file-missing', `cannot read params file ${path}: ${describeError(error)}`, {
      path,
    });
  }
  return decodeSafetensors(bytes);
}

/**
 * Accuracy and loss of saved params on samples. InputError `layout-mismatch` where the params are not the model's,
 * and the codes of models and engines.
 */
export async function evaluateParams(
  shape: ModelShape & { readonly backend: 'auto' | BackendName },
  saved: { readonly layout: Layout; readonly params: Vector },
  samples: Samples,
): Promise<Evaluation & { readonly backend: BackendName; readonly backendNote: string }> {
  const engine = await loadEngine(shape.backend, await needsOf(shape));
  const model = await modelOf(engine, shape);
  requireLayout(model.layout, saved.layout);
  const params = uploadParams(engine.device, model, saved.params);
  const evaluation = evaluateOnDevice(engine.device, model, params, samples, shape.classCount);
  freeParams(engine.device, params);
  model.dispose();
  return { ...evaluation, backend: engine.backend, backendNote: engine.note };
}

/** InputError `layout-mismatch` unless both layouts are interchangeable. */
function requireLayout(wanted: Layout, got: Layout): void {
  if (layoutDigest(wanted) === layoutDigest(got)) return;
  const describe = ({ tensors }: Layout): string =>
    tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
  throw new InputError(
    'layout-mismatch',
    `the params belong to another model: got ${describe(got)}, wanted ${describe(wanted)}`,
  );
}
