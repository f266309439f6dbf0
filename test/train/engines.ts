/** Which engines this machine has; tests of the others are skipped with the reason in their title. */
import '../../src/base/runtime.ts';
import { describeError } from '../../src/base/errors.ts';
import { type Engine, type EngineNeeds, loadEngine } from '../../src/train/engine.ts';
import type { BackendName } from '../../src/train/spec.ts';

export const DENSE: EngineNeeds = { autodiff: false, convolutions: false };
export const CONVOLUTIONS: EngineNeeds = { autodiff: true, convolutions: true };

/** Undefined where the backend loads, else why not. */
export async function whyWithout(backend: BackendName): Promise<string | undefined> {
  return loadEngine(backend, DENSE).then(
    () => undefined,
    (error: unknown) => describeError(error),
  );
}

export function engine(backend: BackendName, needs: EngineNeeds = DENSE): Promise<Engine> {
  return loadEngine(backend, needs);
}
