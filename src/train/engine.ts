/**
 * Choice and loading of the engine: TensorFlow's native library, else WebAssembly, else plain JavaScript.
 * Nothing of tfjs is imported before it is asked for here; callers get the modules as arguments.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { describeError, InputError } from '../base/errors.ts';
import type { Device, Tf } from './device.ts';
import { nativeDevice } from './native-device.ts';
import type { BackendName } from './spec.ts';
import { tfDevice } from './tf-device.ts';

// Not import(): Node reads every CommonJS file twice then, to guess its export names; that is half of the start-up.
const require = createRequire(import.meta.url);

export interface Engine {
  readonly device: Device;
  readonly backend: BackendName;
  /** One line for people: which engine runs, and why not a faster one. */
  readonly note: string;
  /** tfjs itself, where the model needs autodiff; the device's arrays are then its tensors. */
  readonly tf?: Tf;
}

export interface EngineNeeds {
  /** tfjs's own gradients, on top of the device's operations. */
  readonly autodiff: boolean;
  /** Gradients of convolutions and pooling, which WebAssembly lacks. */
  readonly convolutions: boolean;
}

const SET_UP = '`npm run setup` sets up the native library';

/**
 * Loads the wanted backend, or with `auto` the fastest that is there and can train the model.
 * `threads` of the native library count for the whole process and only at its first load.
 * InputError `backend-unavailable`, `backend-unsuitable`.
 */
export async function loadEngine(
  wanted: 'auto' | BackendName,
  needs: EngineNeeds,
  threads = 1,
): Promise<Engine> {
  configureLibrary(threads);
  if (wanted === 'wasm' && needs.convolutions) {
    throw new InputError(
      'backend-unsuitable',
      'the wasm backend has no gradients of convolutions: train this model with backend tensorflow, cpu or auto',
    );
  }
  const candidates: BackendName[] =
    wanted !== 'auto' ? [wanted] : needs.convolutions ? ['tensorflow', 'cpu'] : ['tensorflow', 'wasm', 'cpu'];
  const failures: string[] = [];
  for (const backend of candidates) {
    try {
      const parts = await open(backend, needs.autodiff);
      return { ...parts, backend, note: [`${backend} runs`, ...failures].join('; ') };
    } catch (error) {
      failures.push(`${backend} cannot be loaded (${describeError(error).split('\n', 1)[0]}): ${SET_UP}`);
    }
  }
  throw new InputError('backend-unavailable', failures.join('; '), { backend: wanted });
}

/** The native library reads its settings from the environment, once, when it is loaded. */
function configureLibrary(threads: number): void {
  process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  // TensorFlow's default depends on the processor; batched products of small matrices are up to twice as fast with it.
  process.env.TF_ENABLE_ONEDNN_OPTS = '1';
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = String(threads);
}

/** Loads one backend. Throws where it is not there. */
async function open(backend: BackendName, autodiff: boolean): Promise<Pick<Engine, 'device' | 'tf'>> {
  if (backend === 'tensorflow' && !autodiff) return { device: nativeDevice() };
  const tf = require('@tensorflow/tfjs-core') as Tf;
  // No advertisement on the console, no checks of every tensor.
  tf.enableProdMode();
  if (backend === 'tensorflow') require('@tensorflow/tfjs-node');
  if (backend === 'cpu') require('@tensorflow/tfjs-backend-cpu');
  if (backend === 'wasm') {
    const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  }
  if (!(await tf.setBackend(backend))) throw new Error('it does not start');
  return { device: tfDevice(tf, backend === 'wasm'), tf };
}
