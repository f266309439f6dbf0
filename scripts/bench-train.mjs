/**
 * What local training costs, on one thread: CPU time of an optimiser update, batch 32,
 *   of an MLP 784-64-10, by the fused dense kernels and by autodiff over the same model as a layers file;
 *   of softmax and MLP, by one Trainer alone and by 100 peers of one shape in one batch, per peer and update;
 * and the delay of the main thread's event loop (99th percentile) while a worker trains. What is compared is interleaved in one
 * run. Figures for people: `npm run bench:train`. A busy machine inflates all of them, least times and ratios the least.
 *   --detail   only the batched steps, and what TensorFlow's own operations would take of them: the floor under any arrangement of those,
 *              and why the updates are native code of our own (native/dense-steps.cc)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import {
  batchedTrainers,
  exactTrainers,
  exportLayersModel,
  tfjsTrainer,
  workerTrainer,
} from '../dist/train/index.js';
import { operationTimes } from './bench-train/kernels.mjs';

const STEPS = 20;
const REPETITIONS = 100;
const PEERS = 100;
const PEER_REPETITIONS = 12;
/** Peers of this shape that share a chunk of TensorFlow's operations (peer-pool.ts). */
const MLP_CHUNK = 8;
const mlp = { kind: 'mlp', hidden: [64] };
const softmax = { kind: 'softmax' };
const mnist = {
  dataset: { kind: 'mnist', limit: { train: 6400, test: 1 } },
  featureShape: [28, 28, 1],
  count: 6400,
};
const digits = { dataset: { kind: 'digits' }, featureShape: [8, 8, 1], count: 1797 };

function specOf(model, data, peerIndex, indices) {
  return {
    ...{ model, featureShape: data.featureShape, classCount: 10, baseFolder: '.' },
    train: { optimizer: { kind: 'sgd' }, learningRate: 0.1, batchSize: 32 },
    data: { dataset: data.dataset, train: { split: 'train', indices } },
    ...{ seed: 1, peerIndex, backend: 'auto', threads: 1 },
  };
}

/** CPU milliseconds of the whole process (its threads too) while `action` runs. */
async function cpuMs(action) {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}

/** Runs each action in turn, again and again; least and median of each one's CPU milliseconds. */
async function interleaved(repetitions, actions) {
  const samples = actions.map(() => []);
  for (let repetition = -2; repetition < repetitions; repetition++) {
    for (const [index, action] of actions.entries()) {
      const ms = await cpuMs(() => action(repetition + 2));
      if (repetition >= 0) samples[index].push(ms);
    }
  }
  return samples.map((values) => {
    values.sort((a, b) => a - b);
    return { least: values[0], median: values[values.length >> 1] };
  });
}

const per = ({ least, median }, count) => ({ least: least / count, median: median / count });
const shown = ({ least, median }) => `least ${least.toFixed(4)}, median ${median.toFixed(4)} ms`;

async function singleStep(folder) {
  const all = Array.from({ length: mnist.count }, (_, index) => index);
  const fused = await tfjsTrainer(specOf(mlp, mnist, 0, all));
  const params = await fused.initialParams();
  const shape = { model: mlp, featureShape: mnist.featureShape, classCount: 10, baseFolder: '.' };
  const { json } = await exportLayersModel(shape, fused.layout, params);
  const path = join(folder, 'model.json');
  writeFileSync(path, json);
  const autodiff = await tfjsTrainer(specOf({ kind: 'layers', path }, mnist, 0, all));
  const other = await autodiff.initialParams();
  const run = (trainer, from) => (repetition) =>
    trainer.train(from, STEPS, { firstStep: repetition * STEPS });
  const results = await interleaved(REPETITIONS, [run(fused, params), run(autodiff, other)]);
  const [one, two] = results.map((result) => per(result, STEPS));
  console.log(`${fused.backend}, MLP 784-64-10, an update fused: ${shown(one)} (goal: 0.5)`);
  console.log(`  by autodiff: ${shown(two)}, ${(two.median / one.median).toFixed(1)} times as long`);
  await Promise.all([fused.dispose(), autodiff.dispose()]);
}

async function batched(name, model, data, goal) {
  const specs = Array.from({ length: PEERS }, (_, peer) =>
    specOf(
      model,
      data,
      peer,
      Array.from({ length: 64 }, (_, index) => (peer * 64 + index * 7) % data.count),
    ),
  );
  const [alone] = await exactTrainers(specs.slice(0, 1));
  const together = await batchedTrainers(specs);
  const params = await alone.initialParams();
  const results = await interleaved(PEER_REPETITIONS, [
    (repetition) => alone.train(params, STEPS, { firstStep: repetition * STEPS }),
    (repetition) =>
      Promise.all(together.map((one) => one.train(params, STEPS, { firstStep: repetition * STEPS }))),
  ]);
  const single = per(results[0], STEPS);
  const many = per(results[1], STEPS * PEERS);
  console.log(
    `${name} (${together[0].backendNote}): alone ${shown(single)}; one of ${PEERS} peers ${shown(many)}`,
  );
  const ratios = [single.least / many.least, single.median / many.median].map((ratio) => ratio.toFixed(1));
  console.log(`  ${ratios[0]} times faster by least times, ${ratios[1]} by medians (goal: ${goal})`);
  await Promise.all([alone, ...together].map((one) => one.dispose()));
  return 1000 * single.least;
}

/** TensorFlow's operations of one batched step on their own, and the gain if nothing else took time. */
async function floor(singleUs, widths, peers, data) {
  const times = await operationTimes(peers, widths, 32, data.count);
  for (const { what, us } of times) console.log(`    ${what.padEnd(30)} ${us.toFixed(3).padStart(8)} µs`);
  const sum = (chosen) => chosen.reduce((total, { us }) => total + us, 0);
  const [all, products] = [sum(times), sum(times.filter(({ isProduct }) => isProduct))];
  console.log(
    `    TensorFlow's operations: all ${all.toFixed(2)} µs per peer and step: ${(singleUs / all).toFixed(1)} times if nothing else took time; ` +
      `products alone ${products.toFixed(2)} µs: ${(singleUs / products).toFixed(1)} times`,
  );
}

async function workerDelay() {
  const all = Array.from({ length: mnist.count }, (_, index) => index);
  const worker = await workerTrainer(specOf(mlp, mnist, 0, all));
  const params = await worker.initialParams();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let repetition = 0; repetition < 10; repetition++) {
    await worker.train(params, 200, { firstStep: repetition * 200 });
  }
  delay.disable();
  await worker.dispose();
  const ms = (delay.percentile(99) / 1e6).toFixed(1);
  console.log(`event-loop delay while a worker trains: p99 ${ms} ms (goal: 10)`);
}

const { values: options } = parseArgs({ options: { detail: { type: 'boolean', default: false } } });
const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-train-'));
try {
  if (!options.detail) await singleStep(folder);
  const softmaxUs = await batched('softmax 64-10', softmax, digits, 40);
  if (options.detail) await floor(softmaxUs, [64, 10], PEERS, digits);
  if (!options.detail) await batched('softmax 784-10', softmax, mnist, 'none');
  const mlpUs = await batched('MLP 784-64-10', mlp, mnist, 3.5);
  if (options.detail) await floor(mlpUs, [784, 64, 10], MLP_CHUNK, mnist);
  if (!options.detail) await workerDelay();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
