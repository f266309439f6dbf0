/**
 * npm run bench:common-job — the job that published frameworks are compared by (topologies/common-job.yaml): ten real processes,
 * once per partition and seed, with the cost of the whole process tree beside its target and the accuracy beside numpy's
 * (test/fixtures/common-job.json, which holds for seed 1).
 *   --partitions iid,dirichlet,shards   which of them
 *   --seeds 1,2                         default 1
 *   --json FILE                         the figures as JSON too
 *   --write-partitions FOLDER           only writes the partitions of the first seed, for scripts/common-job-reference.py
 * Times and CPU-seconds are those of this machine and of whatever else runs on it; the load is printed for that.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure } from './bench-common-job/process-tree.mjs';

const PEERS = 10;
const ROUNDS = 10;
const PARTITIONS = {
  iid: { kind: 'iid' },
  dirichlet: { kind: 'dirichlet', alpha: 0.3, minSamples: 1 },
  shards: { kind: 'shards', shardsPerSilo: 2 },
};
const TARGETS = { cpuSeconds: 18, pssGB: 1.5, wallSeconds: 30, modelMessages: 200, controlMessages: 10 };
const REFERENCE = JSON.parse(
  readFileSync(new URL('../test/fixtures/common-job.json', import.meta.url), 'utf8'),
);
const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));

const { values: options } = parseArgs({
  options: {
    partitions: { type: 'string', default: Object.keys(PARTITIONS).join() },
    seeds: { type: 'string', default: '1' },
    json: { type: 'string' },
    'write-partitions': { type: 'string' },
  },
});
const seeds = options.seeds.split(',').map(Number);

if (options['write-partitions'] !== undefined) await writePartitions(options['write-partitions'], seeds[0]);
else await benchmark();

async function writePartitions(folder, seed) {
  const { openDataset, partitionDataset } = await import('../dist/data/index.js');
  const spec = { kind: 'mnist', limit: { train: 8000, test: 2000 } };
  const dataset = await openDataset(spec, { baseFolder: '.' });
  mkdirSync(folder, { recursive: true });
  for (const [name, partition] of Object.entries(PARTITIONS)) {
    const { names, silos } = await partitionDataset(dataset, partition, {
      siloCount: PEERS,
      seed,
      baseFolder: '.',
    });
    const lists = Object.fromEntries(names.map((silo, index) => [silo, Array.from(silos[index])]));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(lists));
  }
}

async function benchmark() {
  const runs = [];
  for (const name of options.partitions.split(',')) {
    for (const seed of seeds) runs.push(await run(name, seed));
  }
  console.log(table(runs));
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ targets: TARGETS, cores: availableParallelism(), runs }, null, 2)}\n`,
    );
  }
  if (runs.some(({ modelMessages }) => modelMessages !== TARGETS.modelMessages)) process.exitCode = 1;
}

async function run(name, seed) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-common-job-'));
  const load = loadavg()[0];
  const argv = [
    path('dist/main.js'),
    'swarm',
    path('topologies/common-job.yaml'),
    '--out',
    join(folder, 'run'),
  ];
  const settings = [`seed=${seed}`, `data.partition=${JSON.stringify(PARTITIONS[name])}`];
  try {
    const cost = await measure([...argv, ...settings.flatMap((setting) => ['--set', setting])]);
    if (cost.exitCode !== 0)
      throw new Error(`the swarm ended with exit code ${cost.exitCode}:\n${cost.output}`);
    const summary = JSON.parse(readFileSync(join(folder, 'run', 'summary.json'), 'utf8'));
    const figures = figuresOf(name, seed, cost, summary);
    console.error(`${settings.join(' ')}: ${figures.cpuSeconds.toFixed(1)} CPU-s`);
    return { ...figures, load };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf(partition, seed, cost, summary) {
  const controlMessages = summary.peers.map(({ controlMessagesSent = 0 }) => controlMessagesSent / ROUNDS);
  return {
    ...{ partition, seed },
    accuracy: summary.accuracy.together.mean,
    ...(seed === 1 ? { reference: REFERENCE[partition].accuracy } : {}),
    cpuSeconds: cost.cpuSeconds,
    /** The same by the processes' own account, without what they do after their report. */
    cpuSecondsReported: summary.cpuSeconds,
    pssGB: cost.pssBytesMax / 1e9,
    processes: cost.processesMax,
    wallSeconds: cost.wallSeconds,
    modelMessages: summary.messagesSent,
    controlMessages: Math.max(...controlMessages),
    /** Passed on for others, the most by one peer in a round. */
    controlForwards: Math.max(
      ...summary.peers.map(({ controlMessagesForwarded = 0 }) => controlMessagesForwarded / ROUNDS),
    ),
    eventLoopDelayP99Ms: Math.max(...summary.peers.map(({ eventLoopDelayP99Ms = 0 }) => eventLoopDelayP99Ms)),
  };
}

function table(runs) {
  const columns = [
    ['partition', ({ partition, seed }) => `${partition}, seed ${seed}`, ''],
    ['accuracy', ({ accuracy }) => accuracy.toFixed(4), ''],
    ['numpy', ({ reference }) => reference?.toFixed(4) ?? '–', ''],
    ['CPU-s', ({ cpuSeconds }) => cpuSeconds.toFixed(1), `≤ ${TARGETS.cpuSeconds}`],
    ['reported', ({ cpuSecondsReported }) => cpuSecondsReported.toFixed(1), ''],
    ['PSS GB', ({ pssGB }) => pssGB.toFixed(2), `≤ ${TARGETS.pssGB}`],
    ['wall s', ({ wallSeconds }) => wallSeconds.toFixed(1), `≤ ${TARGETS.wallSeconds}`],
    ['models', ({ modelMessages }) => String(modelMessages), String(TARGETS.modelMessages)],
    ['control', ({ controlMessages }) => controlMessages.toFixed(1), `≤ ${TARGETS.controlMessages}`],
    ['forwards', ({ controlForwards }) => controlForwards.toFixed(1), ''],
    ['loop p99 ms', ({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms.toFixed(0), ''],
    ['load', ({ load }) => load.toFixed(1), ''],
  ];
  const rows = [columns.map(([title]) => title), ...runs.map((run) => columns.map(([, show]) => show(run)))];
  rows.push(['target', ...columns.slice(1).map(([, , target]) => target)]);
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
  return rows.map((row) => line(row).join('  ')).join('\n');
}
