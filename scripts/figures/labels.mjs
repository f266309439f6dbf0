/**
 * npm run figures:labels — does it pay to choose neighbours by their labels? MNIST with two digits a silo on the built-in networks: D-Cliques and
 * STL-FW, which know label shares, against the ring, which knows only the network, all under one cycle-time model:
 * true lengths, core 1 Gbit/s, access 10 Gbit/s, a softmax model of 7,850 params, one update of 25.4 ms a round (iNaturalist's). Training is
 * that of `grapevine simulate`, over links with the same delays and rates. Measured is the mean accuracy of all silos on the global test set
 * over virtual seconds, all with one learning rate, and the neighbourhood bias (1/n) ‖W Π − (11ᵀ/n) Π‖²_F (Le Bars et al. 2023), Π: label shares.
 * Options beside figure.mjs's: --networks LIST, --rate LEARNING_RATE.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../dist/base/random.js';
import { swarmData } from '../../dist/compose.js';
import { openDataset } from '../../dist/data/index.js';
import { parseExperiment } from '../../dist/experiment/index.js';
import {
  connectivityGraph,
  defaultMixing,
  designOne,
  findDesigner,
  mixingMatrixOfRound,
  openUnderlay,
  publishedConditions,
} from '../../dist/topology/index.js';
import { conclude, figureOptions, lineOfMeans, mean, meanText, measured } from './figure.mjs';
import { watched } from './virtual-time.mjs';

const FIGURE = 'labels';
const DIGITS = 10;
const DATASET = { kind: 'mnist', limit: { test: 1000 } };
const PARAMS = 7850;
const COMPUTE_MS = 25.4;
const TARGET = 0.85;
const SECONDS = 30;
const CURVE_POINTS = 30;
const workload = { name: 'mnist', modelBits: 32 * PARAMS, computeMs: COMPUTE_MS };

const OF_LABELS = ['d-cliques', 'stl-fw'];
const KINDS = ['ring', ...OF_LABELS];

const options = figureOptions({
  networks: { type: 'string', default: 'aws-na,geant' },
  rate: { type: 'string', default: '0.1' },
});
const networks = options.quick ? ['gaia'] : options.networks.split(',');
const seconds = options.quick ? 5 : SECONDS;
const grid = Array.from({ length: CURVE_POINTS }, (_, at) => (seconds * (at + 1)) / CURVE_POINTS);

const results = [];
for (const network of networks)
  for (const kind of KINDS) {
    const runs = [];
    for (const seed of options.seeds) {
      const what = { network, kind, seed, rate: options.rate, seconds };
      runs.push(await measured(options, FIGURE, what, () => run(network, kind, seed)));
    }
    results.push({ network, kind, runs });
  }
conclude(
  {
    name: FIGURE,
    title: `MNIST, two digits a silo: mean accuracy by virtual time, learning rate ${options.rate}`,
    rows: results.map(rowOf),
    goals: networks.flatMap(goalsOf),
    plots: Object.fromEntries(networks.map((network) => [`${FIGURE}-${network}`, plotOf(network)])),
  },
  options,
);

async function run(network, kind, seed) {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-labels-'));
  try {
    const underlay = openUnderlay(network);
    const conditions = { ...publishedConditions, lengths: 'true', workload };
    const graph = connectivityGraph(underlay, conditions);
    const partition = await twoDigits(graph.siloCount, seed, join(folder, 'partition.json'));
    const setting = (topology) => ({
      name: FIGURE,
      seed,
      data: { dataset: DATASET, silos: graph.siloCount, partition, testShare: 0 },
      model: 'softmax',
      train: { learningRate: Number(options.rate), batchSize: 32, localSteps: 1 },
      topology,
      evaluate: { everyRounds: 10 },
      exchange: { deadline: { floorMs: 60_000, ceilingMs: 60_000 } },
      links: { underlay: network, lengths: 'true' },
      simulate: { compute: { kind: 'constant', time: COMPUTE_MS } },
      stop: { seconds },
    });
    const labelShares = await sharesOf(setting({ kind: 'ring' }));
    const { design, judgement } = designOne(
      { graph, labelShares },
      findDesigner(kind),
      {},
      {
        seed,
        limitMs: 60_000,
        now: cpuMs,
      },
    );
    const { cycleTimeMs, maxDegree } = judgement;
    const { curve, rounds } = await trained(setting({ overlay: design.overlay }));
    return { cycleTimeMs, maxDegree, bias: biasOf(design.overlay, labelShares), rounds, ...curve };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each silo holds two digits, drawn so that each digit has about as many holders, who share its samples evenly. */
async function twoDigits(siloCount, seed, path) {
  const labels = await (await openDataset(DATASET, { baseFolder: '.' })).labels('train');
  const random = Random.of(seed, 'two-digits');
  const holders = Array.from({ length: DIGITS }, () => []);
  const silos = Array.from({ length: siloCount }, () => []);
  for (let place = 0; place < 2; place++) {
    const digits = random.shuffle(silos.map((_, silo) => silo % DIGITS));
    silos.forEach((own, silo) => {
      // The second digit is another one than the first: the next that differs.
      const digit = own.includes(digits[silo]) ? (digits[silo] + 1) % DIGITS : digits[silo];
      own.push(digit);
      holders[digit].push(silo);
    });
  }
  const samples = silos.map(() => []);
  const dealt = new Int32Array(DIGITS);
  labels.forEach((digit, sample) => {
    samples[holders[digit][dealt[digit]++ % holders[digit].length]].push(sample);
  });
  writeFileSync(path, JSON.stringify(Object.fromEntries(samples.map((own, silo) => [`silo-${silo}`, own]))));
  return { kind: 'file', path };
}

async function sharesOf(experiment) {
  const { descriptions } = await swarmData(
    parseExperiment(JSON.stringify(experiment), { file: 'figure.json' }),
  );
  return descriptions.map(({ labelHistogram, samples }) => labelHistogram.map((count) => count / samples));
}

/** Mean and worst accuracy at each second of the grid, and when the mean was first at the target. */
async function trained(experiment) {
  const seen = [];
  let rounds = 0;
  await watched(experiment, (view) => {
    if (seen.at(-1)?.ms === view.nowMs) seen.pop();
    seen.push({ ms: view.nowMs, mean: mean(view.accuracies), worst: Math.min(...view.accuracies) });
    rounds = Math.max(...view.rounds);
    return false;
  });
  const at = (what) => grid.map((second) => seen.findLast(({ ms }) => ms <= 1000 * second)?.[what] ?? 0);
  const reachedMs = seen.find((one) => one.mean >= TARGET)?.ms ?? null;
  return { rounds, curve: { curve: at('mean'), worst: at('worst'), reachedMs } };
}

/** (1/n) ‖W Π − (11ᵀ/n) Π‖²_F. */
function biasOf(overlay, shares) {
  const matrix = mixingMatrixOfRound(overlay, 0, defaultMixing(overlay));
  const global = shares[0].map((_, label) => mean(shares.map((row) => row[label])));
  return mean(
    matrix.map((row) =>
      global.reduce((sum, share, label) => {
        const mixed = [...row].reduce((all, [sender, weight]) => all + weight * shares[sender][label], 0);
        return sum + (mixed - share) ** 2;
      }, 0),
    ),
  );
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function runsOf(network, kind) {
  return results.find((one) => one.network === network && one.kind === kind).runs;
}

function rowOf({ network, kind, runs }) {
  const each = (read) => runs.map(read);
  const reached = each(secondsTo);
  return {
    network,
    overlay: kind,
    degree: Math.max(...each(({ maxDegree }) => maxDegree)),
    'cycle, ms': meanText(
      each(({ cycleTimeMs }) => cycleTimeMs),
      1,
    ),
    'neighbourhood bias': meanText(
      each(({ bias }) => bias),
      4,
    ),
    [`s to ${100 * TARGET} %`]: reached.every(Number.isFinite) ? meanText(reached, 1) : 'not reached',
    [`mean % at ${seconds / 4} s`]: meanText(
      each(({ curve }) => 100 * accuracyAt(curve, seconds / 4)),
      1,
    ),
    [`mean % at ${seconds} s`]: meanText(
      each(({ curve }) => 100 * curve.at(-1)),
      1,
    ),
    [`worst silo % at ${seconds} s`]: meanText(
      each(({ worst }) => 100 * worst.at(-1)),
      1,
    ),
  };
}

/** Infinity where the mean accuracy was never at the target. */
function secondsTo({ reachedMs }) {
  return reachedMs === null ? Number.POSITIVE_INFINITY : reachedMs / 1000;
}

function accuracyAt(curve, second) {
  return curve[grid.findLastIndex((value) => value <= second + 1e-9)];
}

/** Accuracy per second: how much sooner the target is reached, and how far ahead the mean accuracy is over the whole run. */
function goalsOf(network) {
  const ring = runsOf(network, 'ring');
  return OF_LABELS.flatMap((kind) => {
    const own = runsOf(network, kind);
    const gains = own.map(({ curve }, seed) => 100 * (mean(curve) - mean(ring[seed].curve)));
    const bias = own.map((one, seed) => one.bias / ring[seed].bias);
    const sooner = own.map((one, seed) => secondsTo(ring[seed]) / secondsTo(one));
    return [
      {
        goal: `${network}: ${kind} has ${100 * TARGET} % sooner than the ring, every seed`,
        got: `${meanText(sooner, 1)} times (least ${Math.min(...sooner).toFixed(1)})`,
        holds: Math.min(...sooner) > 1,
      },
      {
        goal: `${network}: ${kind} is ahead of the ring over time, every seed`,
        got: `${meanText(gains, 1)} points in the mean over ${seconds} s (least ${Math.min(...gains).toFixed(1)})`,
        holds: Math.min(...gains) > 0,
      },
      {
        goal: `${network}: ${kind} has less neighbourhood bias`,
        got: `${mean(bias).toFixed(3)} of the ring's`,
        holds: Math.max(...bias) < 1,
      },
    ];
  });
}

function plotOf(network) {
  return {
    title: `${network}, MNIST, two digits a silo: mean accuracy, mean and 95 % band`,
    xLabel: 'virtual seconds',
    yLabel: 'mean accuracy on the global test set',
    share: true,
    lines: KINDS.map((kind) =>
      lineOfMeans(
        kind,
        grid,
        runsOf(network, kind).map(({ curve }) => curve),
      ),
    ),
  };
}
