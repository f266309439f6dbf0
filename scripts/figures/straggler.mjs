/**
 * npm run figures:straggler — one peer of 16 computes 10 and 100 times more slowly: ring, digits, Dirichlet(0.5), softmax, 4 updates a round,
 * which take 10 ms (constant), and 1 ms a message. Measured is virtual time until the worst of the *others* has 92 % on the global test
 * set (all of them at once, after some round), and until the slow peer itself has it, rule by rule, all with the same learning rate.
 * The deadline never comes: who waits waits. Training is that of `grapevine simulate`. A run ends when all are there, and at the latest
 * after 400 s or 2,000 rounds of the median peer: what has not come by then is called never.
 */
import {
  conclude,
  figureOptions,
  lineOfMeans,
  lineOfMedians,
  mean,
  meanText,
  measured,
  median,
} from './figure.mjs';
import { watched } from './virtual-time.mjs';

const FIGURE = 'straggler';
const PEERS = 16;
const TARGET = 0.92;
const TIMES_FASTER_GOAL = 6;
const OWN_RATIO_GOAL = 1.3;
const CURVE_POINTS = 60;
const SECONDS_MAX = 400;
const ROUNDS_MAX = 2000;

const RULES = {
  'dpsgd (synchronous)': { rule: 'dpsgd' },
  'dpsgd, 1 backup': { rule: 'dpsgd', backups: 1 },
  'dpsgd, staleness 4': { rule: 'dpsgd', staleness: 4 },
  pairwise: { rule: 'pairwise' },
  'gossip-learning': { rule: 'gossip-learning' },
  'gossip, push-pull': { rule: 'gossip-learning', mode: 'push-pull' },
  'receive-merge': { rule: 'receive-merge' },
  'push-sum': { rule: 'push-sum' },
};
const SYNCHRONOUS = 'dpsgd (synchronous)';
/** They wait for nobody. */
const ASYNCHRONOUS = Object.keys(RULES).filter((name) => RULES[name].rule !== 'dpsgd');

const options = figureOptions();
const slowness = [1, 10, 100];
const names = options.quick ? [SYNCHRONOUS, 'pairwise'] : Object.keys(RULES);
const grid = Array.from(
  { length: CURVE_POINTS },
  (_, at) => 0.1 * (SECONDS_MAX / 0.1) ** (at / (CURVE_POINTS - 1)),
);

const results = new Map();
for (const name of names)
  for (const slow of slowness) {
    const runs = [];
    for (const seed of options.seeds)
      runs.push(await measured(options, FIGURE, { rule: name, slow, seed }, () => run(name, slow, seed)));
    results.set(keyOf(name, slow), runs);
  }
conclude(
  {
    name: FIGURE,
    title: `One of ${PEERS} peers slower (ring, digits, Dirichlet(0.5)): virtual seconds until the worst of the others has ${100 * TARGET} %`,
    rows: names.flatMap((name) => slowness.map((slow) => rowOf(name, slow))),
    goals: goalsOf(),
    plots: { [FIGURE]: plotOfTimes(), [`${FIGURE}-10x`]: plotOfCurves(10) },
  },
  options,
);

async function run(name, slow, seed) {
  const experiment = {
    name: FIGURE,
    seed,
    data: { dataset: 'digits', silos: PEERS, partition: { kind: 'dirichlet', alpha: 0.5 }, testShare: 0.2 },
    model: 'softmax',
    train: { optimizer: 'sgd', learningRate: 0.5, batchSize: 32, localSteps: 4 },
    topology: { kind: 'ring' },
    exchange: { ...RULES[name], deadline: { floorMs: 60_000, ceilingMs: 60_000 } },
    links: { delay: 1 },
    simulate: {
      compute: { kind: 'constant', time: 10, per: 'round' },
      slowness: Array.from({ length: PEERS }, (_, peer) => (peer === 0 ? slow : 1)),
    },
    stop: { seconds: SECONDS_MAX },
  };
  const others = Array.from({ length: PEERS - 1 }, (_, index) => index + 1);
  const curve = [];
  let othersMs = null;
  let slowMs = null;
  let done = [];
  await watched(experiment, ({ nowMs, accuracies, rounds }) => {
    const worst = Math.min(...others.map((other) => accuracies[other]));
    if (curve.at(-1)?.ms === nowMs) curve.pop();
    curve.push({ ms: nowMs, worst });
    if (accuracies[0] >= TARGET) slowMs ??= nowMs;
    if (worst >= TARGET) othersMs ??= nowMs;
    done = rounds;
    return (othersMs !== null && slowMs !== null) || median(rounds) >= ROUNDS_MAX;
  });
  return {
    others: othersMs === null ? null : othersMs / 1000,
    slow: slowMs === null ? null : slowMs / 1000,
    rounds: median(others.map((peer) => done[peer])),
    slowRounds: done[0],
    curve: grid.map((seconds) => curve.findLast(({ ms }) => ms <= 1000 * seconds)?.worst ?? 0),
    endSeconds: curve.at(-1).ms / 1000,
  };
}

function keyOf(name, slow) {
  return `${name}, ${slow}`;
}

/** Infinity where it was never reached. */
function secondsOf(name, slow, who = 'others') {
  return results.get(keyOf(name, slow)).map((one) => one[who] ?? Number.POSITIVE_INFINITY);
}

function ratios(above, below) {
  return above.map((value, seed) => value / below[seed]);
}

function timesFaster(name, slow) {
  return ratios(secondsOf(SYNCHRONOUS, slow), secondsOf(name, slow));
}

function ofOwn(name, slow) {
  return ratios(secondsOf(name, slow), secondsOf(name, 1));
}

function rowOf(name, slow) {
  return {
    rule: name,
    slower: `${slow}×`,
    'others at 92 %, s': timesText(secondsOf(name, slow)),
    'the slow one, s': timesText(secondsOf(name, slow, 'slow')),
    'times faster than synchronous': timesText(timesFaster(name, slow)),
    'of its own time without': timesText(ofOwn(name, slow)),
  };
}

/** Where a seed never got there a time is infinite, and a ratio infinite, none or no number. */
function timesText(values) {
  const reached = values.filter((value) => Number.isFinite(value) && value > 0);
  return reached.length === values.length ? meanText(values) : `${reached.length} of ${values.length} seeds`;
}

function goalsOf() {
  const least = (name, slow) => Math.min(...timesFaster(name, slow));
  const most = (name, slow) => Math.max(...ofOwn(name, slow));
  const asynchronous = ASYNCHRONOUS.filter((name) => names.includes(name));
  const fast = asynchronous.filter((name) => mean(timesFaster(name, 10)) >= TIMES_FASTER_GOAL);
  const goals = [
    {
      goal: `10×: an asynchronous rule ≥ ${TIMES_FASTER_GOAL}× faster than synchronous, in the mean of the seeds`,
      got: asynchronous
        .map(
          (name) => `${name} ${mean(timesFaster(name, 10)).toFixed(1)} (least ${least(name, 10).toFixed(1)})`,
        )
        .join(', '),
      holds: fast.length > 0,
    },
  ];
  if (slowness.includes(100))
    goals.push({
      goal: `100×: one of these within ${OWN_RATIO_GOAL}× of its time without a straggler, in the mean of the seeds`,
      got: asynchronous
        .map((name) => `${name} ${mean(ofOwn(name, 100)).toFixed(2)} (most ${most(name, 100).toFixed(2)})`)
        .join(', '),
      holds: fast.some((name) => mean(ofOwn(name, 100)) <= OWN_RATIO_GOAL),
    });
  return goals;
}

function plotOfTimes() {
  return {
    title: `Until the worst of the others has 92 % (${SECONDS_MAX} s: never): median, least and most of the seeds`,
    xLabel: 'how many times slower one of 16 peers computes',
    yLabel: 'virtual seconds',
    logX: true,
    logY: true,
    lines: names.map((name) => {
      const bySlowness = slowness.map((slow) =>
        secondsOf(name, slow).map((seconds) => Math.min(seconds, SECONDS_MAX)),
      );
      return lineOfMedians(
        name,
        slowness,
        options.seeds.map((_, seed) => bySlowness.map((one) => one[seed])),
      );
    }),
  };
}

function plotOfCurves(slow) {
  return {
    title: `One of 16 peers ${slow}× slower: worst accuracy of the others, mean and 95 % band`,
    xLabel: 'virtual seconds',
    yLabel: 'accuracy on the global test set',
    share: true,
    logX: true,
    lines: names.map((name) => {
      const runs = results.get(keyOf(name, slow));
      const end = Math.max(...runs.map(({ endSeconds }) => endSeconds));
      const shown = grid.filter((seconds) => seconds <= end);
      return lineOfMeans(
        name,
        shown,
        runs.map(({ curve }) => curve),
      );
    }),
  };
}
