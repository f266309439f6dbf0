import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { TrainerSpec } from '../../src/train/spec.ts';
import { tfjsTrainer } from '../../src/train/tfjs-trainer.ts';
import { workerTrainer } from '../../src/train/worker-trainer.ts';
import { specOf } from './samples.ts';
import { trainerConformance } from './trainer.conformance.ts';

const workerUrl = new URL('../../dist/train/worker.js', import.meta.url);
const built = existsSync(workerUrl);
const folder = await mkdtemp(join(tmpdir(), 'grapevine-worker-'));
afterAll(() => rm(folder, { recursive: true }));

const rows = Array.from({ length: 60 }, (_, row) => {
  const label = row % 3;
  return [
    `c${label}`,
    ...[0, 1, 2].map((column) => (column === label ? 1 : 0) + ((row * 7 + column) % 5) / 10),
  ];
});
await writeFile(join(folder, 'data.csv'), ['label,x,y,z', ...rows.map((row) => row.join(','))].join('\n'));
const features = ['x', 'y', 'z'].map((column) => ({ column }));
const spec: TrainerSpec = specOf({
  featureShape: [3],
  backend: 'wasm',
  baseFolder: folder,
  data: {
    dataset: {
      ...{ kind: 'csv', path: 'data.csv', label: 'label', classes: ['c0', 'c1', 'c2'] },
      ...{ features, missing: 'error', delimiter: ',' },
    } as TrainerSpec['data']['dataset'],
    train: { split: 'train', indices: Array.from({ length: 45 }, (_, index) => index) },
    own: { split: 'train', indices: Array.from({ length: 15 }, (_, index) => 45 + index) },
  },
  train: { optimizer: { kind: 'momentum', momentum: 0.9 }, learningRate: 0.05, batchSize: 8 },
});

const suite = built ? describe : describe.skip;
suite(`in a worker${built ? '' : ': not built, run npm run build first'}`, () => {
  trainerConformance({
    name: 'worker (mlp, momentum, wasm)',
    make: () => workerTrainer(spec, { workerUrl }),
    stateful: true,
  });

  it('computes the same bits as in this thread', async () => {
    const [there, here] = await Promise.all([workerTrainer(spec, { workerUrl }), tfjsTrainer(spec)]);
    expect(there.backendNote).toBe(here.backendNote);
    const initial = await here.initialParams();
    const expected = await here.train(initial, 12, { firstStep: 0 });
    expect(await there.train(initial, 12, { firstStep: 0 })).toEqual(expected);
    expect(await there.evaluate(expected.params, 'own')).toEqual(await here.evaluate(expected.params, 'own'));
    await Promise.all([there.dispose(), here.dispose()]);
  });

  it('rejects with the typed error of the thread', async () => {
    const missing = { ...spec, model: { kind: 'layers', path: 'nowhere.json' } } as const;
    await expect(workerTrainer(missing, { workerUrl })).rejects.toMatchObject({
      category: 'input',
      code: 'model-file-missing',
    });
  });

  it('rejects open and later calls with trainer-died when the thread ends', async () => {
    const dying = new URL(
      `data:text/javascript,${encodeURIComponent(
        "import { parentPort } from 'node:worker_threads';" +
          'parentPort.postMessage({ id: 0, ok: true, result: {} });' +
          "parentPort.once('message', () => process.exit(7));",
      )}`,
    );
    const trainer = await workerTrainer(spec, { workerUrl: dying });
    const calls = [trainer.initialParams(), trainer.snapshot()];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'trainer-died' });
    await expect(trainer.initialParams()).rejects.toMatchObject({ code: 'trainer-died' });
    await trainer.dispose();
  });

  it('leaves this thread free while it trains', async () => {
    const trainer = await workerTrainer(spec, { workerUrl });
    const initial = await trainer.initialParams();
    // In this thread 300 updates are one piece of work, in which no turn of the event loop comes.
    let isTraining = true;
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      if (isTraining) setImmediate(turn);
    };
    setImmediate(turn);
    const { loss } = await trainer.train(initial, 300, { firstStep: 0 });
    isTraining = false;
    await trainer.dispose();
    expect(Number.isFinite(loss)).toBe(true);
    expect(turns).toBeGreaterThan(0);
  });
});
