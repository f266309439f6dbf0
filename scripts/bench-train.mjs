/**
 * What local training costs: milliseconds per optimiser update of an MLP 784-64-10, batch 32, one thread, by the fused dense kernels and by
 * autodiff over the same model as a layers file, interleaved in one run; and the delay of the main thread's event loop (99th
 * percentile) while a worker trains. Figures for people: `npm run bench:train`. A busy machine inflates all of them alike.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { exportLayersModel, tfjsTrainer, workerTrainer } from '../dist/train/index.js';

const STEPS = 200;
const REPETITIONS = 15;
const shape = { featureShape: [28, 28, 1], classCount: 10, baseFolder: '.' };
const common = {
  ...shape,
  train: { optimizer: { kind: 'sgd' }, learningRate: 0.1, batchSize: 32 },
  data: {
    dataset: { kind: 'mnist', limit: { train: 6400, test: 1 } },
    train: { split: 'train', indices: 'all' },
  },
  seed: 1,
  peerIndex: 0,
  backend: 'auto',
  threads: 1,
};
const mlp = { kind: 'mlp', hidden: [64] };
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function msPerStep(trainer, params, repetition) {
  const startMs = performance.now();
  await trainer.train(params, STEPS, { firstStep: repetition * STEPS });
  return (performance.now() - startMs) / STEPS;
}

const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-train-'));
try {
  const fused = await tfjsTrainer({ ...common, model: mlp });
  const params = await fused.initialParams();
  const { json } = await exportLayersModel({ ...shape, model: mlp }, fused.layout, params);
  const path = join(folder, 'model.json');
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  const autodiff = await tfjsTrainer({ ...common, model: { kind: 'layers', path } });
  const autodiffParams = await autodiff.initialParams();
  const samples = { fused: [], autodiff: [] };
  for (let repetition = -1; repetition < REPETITIONS; repetition++) {
    const one = await msPerStep(fused, params, repetition + 1);
    const other = await msPerStep(autodiff, autodiffParams, repetition + 1);
    if (repetition < 0) continue;
    samples.fused.push(one);
    samples.autodiff.push(other);
  }
  await Promise.all([fused.dispose(), autodiff.dispose()]);
  const ms = { fused: median(samples.fused), autodiff: median(samples.autodiff) };
  console.log(
    `${fused.backend}: ${ms.fused.toFixed(3)} ms a step fused (goal ≤ 0.5; least ${Math.min(...samples.fused).toFixed(3)})`,
  );
  console.log(
    `${autodiff.backend}: ${ms.autodiff.toFixed(3)} ms a step by autodiff, ${(ms.autodiff / ms.fused).toFixed(1)} times as long`,
  );

  const worker = await workerTrainer({ ...common, model: mlp });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let repetition = 0; repetition < 10; repetition++)
    await worker.train(params, STEPS, { firstStep: repetition * STEPS });
  delay.disable();
  await worker.dispose();
  console.log(
    `event-loop delay while a worker trains: p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms (goal ≤ 10)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
