/**
 * npm run figures:backups — 16 workers, everyone with everyone, D-PSGD on digits (iid, softmax, 4 updates a round): 4 backup workers (the
 * fastest 12 of 16 are waited for, oneself among them) against none. An update round takes, drawn per worker and round unless said otherwise,
 *   exponential        10 ms in the mean
 *   two-speed, chance  10 ms, and 100 ms with probability 1/10
 *   two-speed, fixed   10 ms for 12 workers, 40 ms for 4
 * and a message 1 ms. "Faster" is measured three times: rounds per virtual second of the median worker over the first 100 rounds, and virtual
 * time until the mean accuracy of all 16 on the global test set is 92 %, and until that of the worst worker is (reported, no goal). How often the slowest
 * worker trained for a round of the others says whether its data count. Intervals are 95 % over the seeds.
 */
import { Random } from '../../dist/base/random.js';
import { conclude, figureOptions, lineOfMedians, meanText, measured, median } from './figure.mjs';
import { watched } from './virtual-time.mjs';

const FIGURE = 'backups';
const PEERS = 16;
const BACKUPS = 4;
const TARGET = 0.92;
const ROUNDS = 100;
const GOAL = 2;
const SECONDS_MAX = 60;
const CURVE_POINTS = 60;

const options = figureOptions();
const rounds = options.quick ? 20 : ROUNDS;
const grid = Array.from({ length: CURVE_POINTS }, (_, at) => ((at + 1) * 4) / CURVE_POINTS);

const COMPUTE = {
  exponential: () => ({ kind: 'exponential', mean: 10, shift: 0, per: 'round' }),
  'two-speed, chance': (seed) => traceOf((_, random) => (random.uniform() < 0.1 ? 100 : 10), seed),
  'two-speed, fixed': () => traceOf((worker) => (worker < BACKUPS ? 40 : 10), 0),
};

const results = [];
for (const compute of Object.keys(COMPUTE))
  for (const backups of [0, BACKUPS]) {
    const runs = [];
    for (const seed of options.seeds)
      runs.push(
        await measured(options, FIGURE, { compute, backups, seed }, () => run(compute, backups, seed)),
      );
    results.push({ compute, backups, runs });
  }
conclude(
  {
    name: FIGURE,
    title: `${PEERS} workers, everyone with everyone: ${BACKUPS} backups against none`,
    rows: results.map(rowOf),
    goals: Object.keys(COMPUTE).flatMap(goalsOf),
    plots: { [FIGURE]: plot() },
  },
  options,
);

function traceOf(msOf, seed) {
  const times = Array.from({ length: 1000 }, (_, round) =>
    Array.from({ length: PEERS }, (_, worker) => msOf(worker, Random.of(seed, 'two-speed', worker, round))),
  );
  return { kind: 'times', times, per: 'round' };
}

async function run(compute, backups, seed) {
  const experiment = {
    name: FIGURE,
    seed,
    data: { dataset: 'digits', silos: PEERS, partition: 'iid', testShare: 0.2 },
    model: 'softmax',
    train: { optimizer: 'sgd', learningRate: 0.3, batchSize: 16, localSteps: 4 },
    topology: { kind: 'complete' },
    exchange: { rule: 'dpsgd', backups, deadline: { floorMs: 60_000, ceilingMs: 60_000 } },
    links: { delay: 1 },
    simulate: { compute: COMPUTE[compute](seed) },
    stop: { seconds: SECONDS_MAX },
  };
  const curve = [];
  let targetMs = null;
  let worstMs = null;
  let roundsMs = null;
  let slowest = 0;
  let trained = 0;
  await watched(experiment, (view) => {
    const mean = view.accuracies.reduce((sum, value) => sum + value, 0) / PEERS;
    if (curve.at(-1)?.ms === view.nowMs) curve.pop();
    curve.push({ ms: view.nowMs, mean });
    if (mean >= TARGET) targetMs ??= view.nowMs;
    if (Math.min(...view.accuracies) >= TARGET) worstMs ??= view.nowMs;
    if (median(view.rounds) >= rounds && roundsMs === null) {
      roundsMs = view.nowMs;
      slowest = Math.min(...view.rounds);
      trained = Math.min(...view.trainings);
    }
    return roundsMs !== null && (worstMs !== null || options.quick);
  });
  return {
    roundsPerSecond: (1000 * rounds) / roundsMs,
    slowest,
    trained,
    secondsToTarget: targetMs === null ? null : targetMs / 1000,
    secondsToWorst: worstMs === null ? null : worstMs / 1000,
    curve: grid.map((seconds) => curve.findLast(({ ms }) => ms <= 1000 * seconds)?.mean ?? 0),
  };
}

function of(compute, backups, figure) {
  const { runs } = results.find((one) => one.compute === compute && one.backups === backups);
  return runs.map((one) => one[figure] ?? Number.POSITIVE_INFINITY);
}

function speedUps(compute) {
  const none = (figure) => of(compute, 0, figure);
  const some = (figure) => of(compute, BACKUPS, figure);
  return {
    rounds: some('roundsPerSecond').map((rate, seed) => rate / none('roundsPerSecond')[seed]),
    accuracy: none('secondsToTarget').map((seconds, seed) => seconds / some('secondsToTarget')[seed]),
    worst: none('secondsToWorst').map((seconds, seed) => seconds / some('secondsToWorst')[seed]),
  };
}

function rowOf({ compute, backups, runs }) {
  const { rounds: byRounds, accuracy, worst } = speedUps(compute);
  return {
    'compute times': compute,
    backups,
    'rounds per second': meanText(runs.map(({ roundsPerSecond }) => roundsPerSecond)),
    'hindmost worker’s round': meanText(runs.map(({ slowest }) => slowest / rounds)),
    'slowest worker’s trainings': meanText(runs.map(({ trained }) => trained / rounds)),
    'seconds to 92 %': meanText(of(compute, backups, 'secondsToTarget')),
    'worst worker': meanText(of(compute, backups, 'secondsToWorst')),
    'times faster: rounds': backups === 0 ? '–' : meanText(byRounds),
    'to 92 %': backups === 0 ? '–' : meanText(accuracy),
    'worst to 92 %': backups === 0 ? '–' : meanText(worst),
  };
}

function goalsOf(compute) {
  const { rounds: byRounds, accuracy } = speedUps(compute);
  return [
    ['rounds per second', byRounds],
    ['time to 92 %', accuracy],
  ].map(([what, values]) => ({
    goal: `${compute}: ${BACKUPS} backups ≥ ${GOAL}× faster, ${what}, in the mean of the seeds`,
    got: `${meanText(values)}, least ${Math.min(...values).toFixed(2)}`,
    holds: values.reduce((sum, value) => sum + value, 0) / values.length >= GOAL,
  }));
}

function plot() {
  return {
    title: `${PEERS} workers: mean accuracy, median of the seeds between the least and the most`,
    xLabel: 'virtual seconds',
    yLabel: 'accuracy on the global test set',
    share: true,
    lines: results.map(({ compute, backups, runs }) =>
      lineOfMedians(
        `${compute}, ${backups === 0 ? 'none' : `${backups} backups`}`,
        grid,
        runs.map(({ curve }) => curve),
      ),
    ),
  };
}
