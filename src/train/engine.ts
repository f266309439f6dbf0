/**
 * Choice and loading of the engine: TensorFlow's native library, else WebAssembly, else plain JavaScript.
 * Nothing of tfjs is imported before it is asked for here; callers get the modules as arguments.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { describeError, InputError } from '../base/errors.ts';
import type { BackendName } from './spec.ts';

// Not import(): Node reads every CommonJS file twice then, to guess its export names; that is half of the start-up.
const require = createRequire(import.meta.url);

export type Tf = typeof import('@tensorflow/tfjs-core');

export interface Engine {
  readonly tf: Tf;
  readonly backend: BackendName;
  /** One line for people: which engine runs, and why not a faster one. */
  readonly note: string;
}

const SET_UP = '`npm run setup` sets up the native library';

/**
 * Loads the wanted backend, or with `auto` the fastest that is there and can train the model.
 * `denseOnly`: the model has no convolutions or pooling, so that WebAssembly, which lacks their gradients, will do.
 * InputError `backend-unavailable`, `backend-unsuitable`.
 */
export async function loadEngine(wanted: 'auto' | BackendName, denseOnly: boolean): Promise<Engine> {
  if (wanted === 'wasm' && !denseOnly) {
    throw new InputError(
      'backend-unsuitable',
      'the wasm backend has no gradients of convolutions: train this model with backend tensorflow, cpu or auto',
    );
  }
  if (wanted !== 'auto') {
    const problem = await tryBackend(wanted);
    if (problem === undefined) return engine(wanted, `${wanted}: asked for`);
    throw new InputError(
      'backend-unavailable',
      `backend ${wanted} cannot be loaded: ${problem}; ${SET_UP}, or take backend auto`,
      { backend: wanted },
    );
  }
  const native = await tryBackend('tensorflow');
  if (native === undefined) return engine('tensorflow', 'tensorflow: native library');
  const why = `no native TensorFlow (${native}); ${SET_UP}`;
  if (!denseOnly) {
    await tryBackend('cpu');
    return engine('cpu', `cpu: slow, and wasm has no gradients of convolutions; ${why}`);
  }
  const wasm = await tryBackend('wasm');
  if (wasm === undefined) return engine('wasm', `wasm: ${why}`);
  await tryBackend('cpu');
  return engine('cpu', `cpu: slow, no WebAssembly (${wasm}); ${why}`);
}

function engine(backend: BackendName, note: string): Engine {
  const tf = require('@tensorflow/tfjs-core') as Tf;
  // No advertisement on the console, no checks of every tensor.
  tf.enableProdMode();
  return { tf, backend, note };
}

/** Undefined where the backend is now the active one, else what went wrong. */
async function tryBackend(backend: BackendName): Promise<string | undefined> {
  try {
    const tf = require('@tensorflow/tfjs-core') as Tf;
    if (backend === 'tensorflow') require('@tensorflow/tfjs-node');
    if (backend === 'cpu') require('@tensorflow/tfjs-backend-cpu');
    if (backend === 'wasm') {
      const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm');
      const entry = require.resolve('@tensorflow/tfjs-backend-wasm');
      wasm.setWasmPaths(dirname(entry) + sep);
    }
    return (await tf.setBackend(backend)) ? undefined : 'the backend does not start';
  } catch (error) {
    return describeError(error).split('\n', 1)[0];
  }
}
