/** A worker thread's entry: opens the Trainer that its spec names and answers calls one after another. */
import '../base/runtime.ts';
import { setPriority } from 'node:os';
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { present } from '../base/assert.ts';
import { type Answer, errorToMessage, type NumberedRequest, type Request } from './messages.ts';
import { openTrainer } from './open-trainer.ts';
import type { TrainerSpec } from './spec.ts';
import type { EngineTrainer } from './tfjs-trainer.ts';

/** Linux counts niceness by thread: the peer's event loop, which others wait for, comes before its training. */
const NICENESS = 5;
if (process.platform === 'linux') setPriority(NICENESS);

const port = present(parentPort, 'the port of the training worker');
const { spec } = workerData as { spec: TrainerSpec };

const opening = openTrainer(spec);
let last: Promise<void> = opening.then(
  ({ layout, backend, backendNote, sampleCount, stepsPerEpoch }) =>
    send({ id: 0, ok: true, result: { layout, backend, backendNote, sampleCount, stepsPerEpoch } }),
  (error: unknown) => {
    send({ id: 0, ok: false, error: errorToMessage(error) });
    port.close();
  },
);

port.on('message', ({ id, request }: NumberedRequest) => {
  last = last.then(async () => {
    try {
      send({ id, ok: true, result: await perform(await opening, request) });
    } catch (error) {
      send({ id, ok: false, error: errorToMessage(error) });
    }
    if (request.call === 'dispose') port.close();
  });
});

function perform(trainer: EngineTrainer, request: Request): Promise<unknown> {
  switch (request.call) {
    case 'initialParams':
      return trainer.initialParams();
    case 'train':
      return trainer.train(request.params, request.steps, { firstStep: request.firstStep });
    case 'gradient':
      return trainer.gradient(request.params, { firstStep: request.firstStep });
    case 'evaluate':
      return trainer.evaluate(request.params, request.set);
    case 'tensorCount':
      return trainer.tensorCount();
    case 'snapshot':
      return trainer.snapshot();
    case 'restore':
      return trainer.restore(request.snapshot);
    case 'dispose':
      return trainer.dispose();
  }
}

/** Sends an answer; the vectors in it belong to the caller, so they move instead of being copied. */
function send(answer: Answer): void {
  port.postMessage(answer, answer.ok ? buffersOf(answer.result) : []);
}

function buffersOf(result: unknown): TransferListItem[] {
  const vector = (result as { params?: unknown } | undefined)?.params ?? result;
  return ArrayBuffer.isView(vector) ? [vector.buffer as ArrayBuffer] : [];
}
