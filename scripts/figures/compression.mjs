/**
 * npm run figures:compression — bytes until the worst peer's 92 %: ring of 16, digits, Dirichlet(0.5), D-PSGD in full precision against
 * CHOCO-SGD with scaled sign, at equal local steps and with more of them, for a small model and a large one. Bytes are what a peer puts on
 * the wire, frame and head of each message included, the mean over the peers, up to the first judged round after which all 16 have
 * 92 % on the global test set. Each setting has the learning rate and schedule (constant, or falling as a cosine over 1,200 updates) of one
 * grid for all that cost it the fewest bytes, full precision too: softmax in the mean of all seeds, the MLP on the first seed. The batch size is
 * 32 everywhere. Training is that of `grapevine simulate`.
 *   --models softmax,mlp   which models
 */
import { conclude, figureOptions, lineOfMeans, mean, meanText, measured } from './figure.mjs';
import { watched } from './virtual-time.mjs';

const FIGURE = 'compression';
const PEERS = 16;
const TARGET = 0.92;
const EQUAL_STEPS_GOAL = 20;
const MORE_STEPS_GOAL = 50;
const LARGE_AIM = 150;
/** Rounds are judged until so many times the rounds it took: for the plot. */
const BEYOND = 1.15;

const FULL = 'full precision, 1 step';
const SIGN = 'sign, 1 step';
const SIGN_STEPS = 'sign, 16 steps';
const SIGN_MORE_STEPS = 'sign, 32 steps';
const SETTINGS = {
  [FULL]: { exchange: { rule: 'dpsgd' }, localSteps: 1 },
  'int8, 1 step': { exchange: { rule: 'dpsgd', encoding: 'int8' }, localSteps: 1 },
  [SIGN]: { exchange: { rule: 'choco', compressor: 'sign', gamma: 1 }, localSteps: 1 },
  'full precision, 16 steps': { exchange: { rule: 'dpsgd' }, localSteps: 16 },
  [SIGN_STEPS]: { exchange: { rule: 'choco', compressor: 'sign', gamma: 1 }, localSteps: 16 },
  [SIGN_MORE_STEPS]: { exchange: { rule: 'choco', compressor: 'sign', gamma: 1 }, localSteps: 32 },
};
/** Of the learning rate: it falls over so many updates. */
const SCHEDULES = {
  constant: {},
  cosine: { schedule: { kind: 'cosine', steps: 1200, floor: 0.05 } },
};
const MODELS = {
  softmax: {
    spec: { kind: 'softmax' },
    params: 650,
    everyRounds: 1,
    settings: [FULL, 'int8, 1 step', SIGN, 'full precision, 16 steps', SIGN_STEPS],
    rates: [0.25, 0.5, 1, 2],
    schedules: ['constant', 'cosine'],
    tunedOn: 'all',
  },
  mlp: {
    spec: { kind: 'mlp', hidden: [512, 128] },
    params: 100_234,
    everyRounds: 2,
    settings: [FULL, SIGN, SIGN_STEPS, SIGN_MORE_STEPS],
    rates: [0.1, 0.2, 0.4, 0.8],
    schedules: ['cosine'],
    tunedOn: 'first',
  },
};
/** At one step a round, and with more. */
const ROUNDS_MAX = 300;
const ROUNDS_MAX_STEPS = 100;

const options = figureOptions({ models: { type: 'string', default: Object.keys(MODELS).join(',') } });
const models = options.quick ? ['softmax'] : options.models.split(',');
const settingsOf = (model) => (options.quick ? [FULL, SIGN] : MODELS[model].settings);
/** By model, then by setting: {tuning, runs}, runs being {round, kilobytes, curve} per seed with the tuning of the fewest bytes. */
const results = {};
for (const model of models) {
  results[model] = {};
  for (const setting of settingsOf(model)) results[model][setting] = await best(model, setting);
}
conclude(
  {
    name: FIGURE,
    title: `Kilobytes per peer, headers included, until the worst of ${PEERS} ring peers has ${100 * TARGET} % (digits, Dirichlet(0.5))`,
    rows: models.flatMap((model) => settingsOf(model).map((setting) => rowOf(model, setting))),
    goals: goalsOf(),
    plots: Object.fromEntries(models.map((model) => [`${FIGURE}-${model}`, plotOf(model)])),
  },
  options,
);

async function best(model, setting) {
  const { rates, schedules, tunedOn } = MODELS[model];
  const grid = options.quick
    ? [{ rate: 0.5, schedule: 'cosine' }]
    : rates.flatMap((rate) => schedules.map((schedule) => ({ rate, schedule })));
  const runsOf = async (tuning, seeds) => {
    const runs = [];
    for (const seed of seeds)
      runs.push(
        await measured(options, FIGURE, { model, setting, ...tuning, seed }, () =>
          run(MODELS[model], SETTINGS[setting], tuning, seed),
        ),
      );
    return runs;
  };
  const tried = [];
  for (const tuning of grid) {
    const runs = await runsOf(tuning, tunedOn === 'all' ? options.seeds : options.seeds.slice(0, 1));
    tried.push({ tuning, cost: mean(runs.map(({ kilobytes = Number.POSITIVE_INFINITY }) => kilobytes)) });
  }
  const { tuning } = tried.reduce((least, one) => (one.cost < least.cost ? one : least));
  return { tuning, runs: await runsOf(tuning, options.seeds) };
}

async function run({ spec, everyRounds }, { exchange, localSteps }, { rate, schedule }, seed) {
  const experiment = {
    name: FIGURE,
    seed,
    data: {
      dataset: 'digits',
      silos: PEERS,
      partition: { kind: 'dirichlet', alpha: 0.5 },
      testShare: 0.2,
    },
    model: spec,
    train: {
      optimizer: 'sgd',
      learningRate: rate,
      batchSize: 32,
      localSteps,
      ...SCHEDULES[schedule],
    },
    topology: 'ring',
    exchange,
    evaluate: { everyRounds: localSteps === 1 ? everyRounds : 1 },
    simulate: { training: 'batched' },
    stop: { rounds: options.quick ? 40 : localSteps === 1 ? ROUNDS_MAX : ROUNDS_MAX_STEPS },
  };
  /** [kilobytes per peer, accuracy of the worst] after each judged round. */
  const curve = [];
  let reached = {};
  await watched(experiment, ({ accuracies, rounds, bytesSent }) => {
    if (rounds.some((round) => round !== rounds[0])) return false;
    const kilobytes = bytesSent.reduce((sum, bytes) => sum + bytes, 0) / PEERS / 1000;
    const worst = Math.min(...accuracies);
    curve.push([kilobytes, worst]);
    if (reached.round === undefined && worst >= TARGET) reached = { round: rounds[0], kilobytes };
    return reached.round !== undefined && rounds[0] >= BEYOND * reached.round;
  });
  return { ...reached, curve };
}

function kilobytesOf(model, setting) {
  const { runs } = results[model][setting];
  return runs.every(({ kilobytes }) => kilobytes !== undefined)
    ? runs.map(({ kilobytes }) => kilobytes)
    : undefined;
}

/** How many times fewer bytes than full precision at one step, seed by seed; undefined where one never got there. */
function timesFewer(model, setting) {
  const full = kilobytesOf(model, FULL);
  const these = kilobytesOf(model, setting);
  if (full === undefined || these === undefined) return undefined;
  return full.map((kilobytes, at) => kilobytes / these[at]);
}

function rowOf(model, setting) {
  const { tuning, runs } = results[model][setting];
  const { exchange, localSteps } = SETTINGS[setting];
  const kilobytes = kilobytesOf(model, setting);
  const times = timesFewer(model, setting);
  return {
    model,
    params: MODELS[model].params,
    setting,
    'learning rate': `${tuning.rate}, ${tuning.schedule}`,
    gamma: exchange.gamma ?? '',
    'local steps': localSteps,
    rounds: runs.map(({ round }) => round ?? 'never').join(', '),
    'kB per peer': kilobytes === undefined ? 'never' : meanText(kilobytes, 1),
    'times fewer': times === undefined ? 'never' : meanText(times, 1),
  };
}

function goalsOf() {
  const goals = [];
  const judge = (model, setting, least, what) => {
    const times = timesFewer(model, setting);
    goals.push({
      goal: `${what} (${MODELS[model].params} params): at least ${least} times fewer bytes than full precision at one step`,
      got:
        times === undefined
          ? 'not all got there'
          : `${mean(times).toFixed(1)} times (least ${Math.min(...times).toFixed(1)})`,
      holds: times !== undefined && mean(times) >= least,
    });
  };
  for (const model of models) {
    judge(model, SIGN, EQUAL_STEPS_GOAL, 'sign at equal local steps');
    for (const setting of [SIGN_STEPS, SIGN_MORE_STEPS])
      if (settingsOf(model).includes(setting))
        judge(model, setting, model === 'mlp' ? LARGE_AIM : MORE_STEPS_GOAL, setting);
  }
  return goals;
}

function plotOf(model) {
  return {
    title: `${MODELS[model].params} parameters: accuracy of the worst of ${PEERS} ring peers over bytes`,
    xLabel: 'kilobytes sent per peer, headers included',
    yLabel: 'accuracy of the worst peer',
    logX: true,
    lines: settingsOf(model).map((setting) => {
      const { runs } = results[model][setting];
      const length = Math.min(...runs.map(({ curve }) => curve.length));
      const xs = Array.from({ length }, (_, at) => mean(runs.map(({ curve }) => curve[at][0])));
      return lineOfMeans(
        setting,
        xs,
        runs.map(({ curve }) => curve.slice(0, length).map(([, worst]) => worst)),
      );
    }),
  };
}
