/**
 * npm run bench:simulate — what a simulation costs, each part in a process of its own: the engine alone; softmax on digits
 * (`resample`, 64 samples a silo) on a ring with random chords, batched; the field's common job; push-sum to 1e-6.
 *   --large          10,000 silos × 100 rounds too
 *   --push-sum N     silos of push-sum (default 10,000; 100,000 is the target)
 *   --plot FILE      cost per silo and round at 100 to 10,000 silos as SVG; FILE.json keeps the points: what it has is not measured again
 *   --json FILE      the figures as JSON too
 *   --only A,B       some of engine, softmax, large, common-job, push-sum, plot
 * CPU-seconds (user and system, with start-up) say more than wall time on a machine that does other things too.
 * The batched training step against the single one: npm run bench:train.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Silos and rounds: as many as make start-up a small part. */
const SIZES = [
  [100, 300],
  [300, 100],
  [1_000, 100],
  [3_000, 30],
  [10_000, 100],
];
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const { values: options } = parseArgs({
  options: {
    large: { type: 'boolean', default: false },
    'push-sum': { type: 'string', default: '10000' },
    plot: { type: 'string' },
    json: { type: 'string' },
    only: { type: 'string' },
  },
});
const wanted = (part) => options.only === undefined || options.only.split(',').includes(part);

const rows = [];
const add = (what, target, figures) => {
  rows.push({ what, target, ...figures });
  console.log(`${what}: ${shown(figures)}; target: ${target}`);
};

console.log(`load ${loadavg()[0].toFixed(1)}`);
if (wanted('engine')) {
  const figures = inChild('engine.mjs', 'engineAlone', 1000, 300);
  add('engine alone, 1,000 peers × 300 rounds', '≥ 500,000 events/s', figures);
}
if (wanted('softmax')) {
  add('softmax on digits, 1,000 × 100', '≤ 60 s, ≤ 2 GB', simulated(digits(1_000, 100)));
}
if (options.large && wanted('large')) {
  add('softmax on digits, 10,000 × 100', '≤ 600 s, ≤ 6 GB', simulated(digits(10_000, 100)));
}
if (wanted('common-job')) {
  add('common job', '≤ 5 CPU-s', simulated(readFileSync(path('../topologies/common-job.yaml'), 'utf8')));
}
if (wanted('push-sum')) {
  const peers = Number(options['push-sum']);
  const figures = inChild('push-sum.mjs', 'pushSum', peers);
  add(`push-sum, ${peers} peers to 1e-6`, '100,000: ≤ 120 s, ≤ 4 GB', figures);
}
if (options.plot !== undefined && wanted('plot')) {
  const kept = `${options.plot}.json`;
  const points = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : [];
  for (const [silos, rounds] of SIZES) {
    if (points.some((point) => point.silos === silos)) continue;
    const { cpuSeconds } = simulated(digits(silos, rounds));
    points.push({ silos, rounds, cpuSeconds });
    points.sort((a, b) => a.silos - b.silos);
    writeFileSync(kept, `${JSON.stringify(points, null, 2)}\n`);
    writeFileSync(options.plot, plotted(points));
  }
  for (const point of points)
    console.log(`${point.silos} silos: ${cpuMsOf(point).toFixed(3)} CPU-ms per silo and round`);
  writeFileSync(options.plot, plotted(points));
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);

function digits(silos, rounds) {
  return `
name: bench-${silos}
data: {dataset: digits, silos: ${silos}, partition: {kind: resample, samplesPerSilo: 64}}
model: softmax
train: {learningRate: 0.5, batchSize: 32}
topology: {kind: ring-chords, chords: 1}
record: summary
evaluate: {everyRounds: ${rounds}}
simulate: {training: batched}
stop: {rounds: ${rounds}}
`;
}

/** `grapevine simulate` on an experiment; the figures are those it says of itself. */
function simulated(text) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-'));
  const file = join(folder, 'experiment.yaml');
  writeFileSync(file, text);
  const argv = [path('../dist/main.js'), 'simulate', file, '--out', join(folder, 'run'), '--quiet', '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    cwd: path('..'),
  });
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(stderr);
  const { wallSeconds, cpuSeconds, rssBytesMax, eventsPerSecond } = JSON.parse(stdout).host;
  return { wallSeconds, cpuSeconds, rssMB: rssBytesMax / 1e6, eventsPerSecond };
}

function inChild(file, name, ...given) {
  const source = `import { ${name} as measure } from './scripts/bench-simulate/${file}';
console.log(JSON.stringify(await measure(...${JSON.stringify(given)})));`;
  const argv = ['--input-type=module', '--eval', source];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: path('..') });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function shown(figures) {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value < 0.01 ? value.toExponential(1) : Number(value.toPrecision(3))}`)
    .join(', ');
}

function cpuMsOf({ silos, rounds, cpuSeconds }) {
  return (1000 * cpuSeconds) / silos / rounds;
}

/** Cost per silo and round over silos, the first axis of ratio. */
function plotted(points) {
  const x = ({ silos }) => 60 + (160 * Math.log10(silos / 100)) / Math.log10(10);
  const most = Math.max(...points.map(cpuMsOf));
  const y = (cpuMs) => 220 - (170 * cpuMs) / most;
  const line = points.map((point) => `${x(point).toFixed(1)},${y(cpuMsOf(point)).toFixed(1)}`).join(' ');
  const marks = points.map(
    (point) =>
      `<circle cx="${x(point).toFixed(1)}" cy="${y(cpuMsOf(point)).toFixed(1)}" r="3"/>` +
      `<text x="${x(point).toFixed(1)}" y="240" text-anchor="middle">${point.silos}</text>` +
      `<text x="${x(point).toFixed(1)}" y="${(y(cpuMsOf(point)) - 8).toFixed(1)}" text-anchor="middle">${cpuMsOf(point).toFixed(2)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 270" width="660" height="405" role="img" font-family="sans-serif" font-size="11">
<title>What a simulation costs, softmax on digits: CPU-ms per silo and round</title>
<rect width="440" height="270" fill="#fff"/>
<text x="20" y="16">CPU-ms per silo and round, softmax on digits</text>
<line x1="40" y1="220" x2="420" y2="220" stroke="#999"/>
<polyline points="${line}" fill="none" stroke="black"/>
${marks.join('\n')}
<text x="220" y="262" text-anchor="middle">silos (start-up included; the axis begins at 0)</text>
</svg>
`;
}
