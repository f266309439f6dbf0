/**
 * npm run figures:loss — learning while messages are lost: 16 peers on the exponential digraph (offsets 1, 2, 4, 8), digits, Dirichlet(0.3),
 * softmax, at 30 and 50 % loss, all rules for the same virtual time (an update takes 10 ms, a message 1 ms; the learning rate falls as a
 * cosine over as many updates as fit into it). Rules that want an undirected graph get the same arcs in both directions. Judged are the
 * models at the end of the time, on the global test set. Training is that of `grapevine simulate`.
 */
import { conclude, figureOptions, lineOfMeans, mean, meanText, measured } from './figure.mjs';
import { watched } from './virtual-time.mjs';

const FIGURE = 'loss';
const PEERS = 16;
const OFFSETS = [1, 2, 4, 8];
const LOSSES = [0.3, 0.5];
const MEAN_GOAL = 0.945;
const WORST_GOAL = 0.925;
const UPDATES = 1600;
const STEP_MS = 10;
const CURVE_POINTS = 64;

/** Of synchronous rules: what a lost message costs, at most (a message takes 1 ms). */
const deadline = { floorMs: 20, ceilingMs: 100 };
const RULES = {
  'receive-merge': { rule: 'receive-merge' },
  'gossip-learning': { rule: 'gossip-learning' },
  'push-sum': { rule: 'push-sum' },
  'push-sum, unbounded step': { rule: 'push-sum', stepFactorMax: 1e6 },
  'push-sum, plain': { rule: 'push-sum', variant: 'plain' },
  dpsgd: { rule: 'dpsgd', deadline },
  'dpsgd, 2 backups': { rule: 'dpsgd', backups: 2, deadline },
  'pairwise*': { rule: 'pairwise', replyTimeoutMs: 20, roundsAhead: 64 },
  'choco* (sign)': { rule: 'choco', gamma: 0.8, deadline },
};
const GOAL_RULE = 'receive-merge';

const options = figureOptions();
const seconds = (UPDATES * STEP_MS) / 1000 / (options.quick ? 40 : 1);
const names = options.quick ? ['receive-merge', 'dpsgd', 'pairwise*'] : Object.keys(RULES);
const grid = Array.from({ length: CURVE_POINTS }, (_, at) => (seconds * (at + 1)) / CURVE_POINTS);
/** By rule and loss: per seed {mean, worst, rounds, curve}. */
const results = new Map();
for (const name of names)
  for (const loss of LOSSES) {
    const runs = [];
    for (const seed of options.seeds)
      runs.push(
        await measured(options, FIGURE, { rule: RULES[name], loss, seed }, () => run(name, loss, seed)),
      );
    results.set(keyOf(name, loss), runs);
  }
conclude(
  {
    name: FIGURE,
    title: `SGD on a ${PEERS}-node digraph under loss (digits, Dirichlet(0.3)) after ${seconds} virtual seconds; *: undirected`,
    rows: names.flatMap((name) => LOSSES.map((loss) => rowOf(name, loss))),
    goals: LOSSES.map(goalOf),
    plots: Object.fromEntries(LOSSES.map((loss) => [`${FIGURE}-${100 * loss}`, plotOf(loss)])),
  },
  options,
);

async function run(name, loss, seed) {
  const experiment = {
    name: FIGURE,
    seed,
    data: {
      dataset: 'digits',
      silos: PEERS,
      partition: { kind: 'dirichlet', alpha: 0.3 },
      testShare: 0.2,
    },
    model: { kind: 'softmax' },
    train: {
      optimizer: 'sgd',
      learningRate: 1,
      batchSize: 32,
      localSteps: 1,
      schedule: { kind: 'cosine', steps: UPDATES, floor: 0.05 },
    },
    topology: { overlay: overlayOf(name.includes('*')) },
    exchange: RULES[name],
    faults: { loss },
    evaluate: { everyRounds: 20 },
    simulate: { training: 'batched', compute: { kind: 'constant', time: STEP_MS } },
    stop: { seconds },
  };
  /** [seconds, mean accuracy, accuracy of the worst] */
  const curve = [];
  let done = [];
  await watched(experiment, ({ nowMs, accuracies, rounds }) => {
    curve.push([nowMs / 1000, mean(accuracies), Math.min(...accuracies)]);
    done = [...rounds];
    return false;
  });
  const [, average, worst] = curve.at(-1);
  return { mean: average, worst, rounds: mean(done), curve: onGrid(curve) };
}

function overlayOf(undirected) {
  const offsets = undirected ? [...new Set(OFFSETS.flatMap((by) => [by, PEERS - by]))] : OFFSETS;
  const arcs = Array.from({ length: PEERS }, (_, from) => offsets.map((by) => [from, (from + by) % PEERS]));
  const name = undirected ? 'exponential-undirected' : 'exponential';
  return {
    name,
    directed: !undirected,
    nodes: PEERS,
    arcs: undirected ? onePerPair(arcs.flat()) : arcs.flat(),
  };
}

function onePerPair(arcs) {
  return arcs.filter(([from, to]) => from < to);
}

/** [mean, worst] at each time of the grid: what was last known then. */
function onGrid(curve) {
  return grid.map((time) => {
    const before = curve.findLast(([at]) => at <= time + 1e-9);
    return before === undefined ? [0, 0] : before.slice(1);
  });
}

function keyOf(name, loss) {
  return `${name} ${loss}`;
}

function rowOf(name, loss) {
  const runs = results.get(keyOf(name, loss));
  return {
    rule: name,
    loss,
    'mean accuracy': meanText(
      runs.map((one) => one.mean),
      3,
    ),
    'worst peer': meanText(
      runs.map((one) => one.worst),
      3,
    ),
    'worst peer of any seed': Math.min(...runs.map(({ worst }) => worst)),
    rounds: Math.round(mean(runs.map(({ rounds }) => rounds))),
  };
}

function goalOf(loss) {
  const runs = results.get(keyOf(GOAL_RULE, loss));
  const average = mean(runs.map((one) => one.mean));
  const worst = Math.min(...runs.map((one) => one.worst));
  return {
    goal: `${GOAL_RULE} at ${100 * loss} % loss: mean at least ${MEAN_GOAL}, worst peer of every seed at least ${WORST_GOAL}`,
    got: `${average.toFixed(3)}, ${worst.toFixed(3)}`,
    holds: average >= MEAN_GOAL && worst >= WORST_GOAL,
  };
}

function plotOf(loss) {
  return {
    title: `${100 * loss} % of messages lost: mean accuracy of ${PEERS} peers (*: undirected graph)`,
    xLabel: 'virtual seconds (an update takes 10 ms)',
    yLabel: 'mean accuracy',
    share: true,
    lines: names.map((name) =>
      lineOfMeans(
        name,
        grid,
        results.get(keyOf(name, loss)).map(({ curve }) => curve.map(([average]) => average)),
      ),
    ),
  };
}
