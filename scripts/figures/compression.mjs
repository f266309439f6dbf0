/**
 * npm run figures:compression — bytes until the worst peer's 92 %: ring of 16, digits, Dirichlet(0.5), D-PSGD in full precision against
 * CHOCO-SGD with scaled sign, at equal local steps and with more of them, for a small model and a large one. Bytes are what a peer puts on
 * the wire, frame and head of each message included, the mean over the peers, up to the first judged round after which all 16 have
 * 92 % on the global test set. All settings of a model have one learning rate, falling as a cosine over 1,200 updates, and batches of 32.
 * Training is that of `grapevine simulate`.
 *   --models softmax,mlp   which models
 *   --tuned                each setting, full precision too, has the rate and the updates of the cosine that cost it the fewest bytes in the
 *                          mean of the seeds, of a grid that is the same for all with as many local steps (softmax only)
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
const MODELS = {
  softmax: {
    spec: { kind: 'softmax' },
    params: 650,
    everyRounds: 1,
    settings: [FULL, 'int8, 1 step', SIGN, 'full precision, 16 steps', SIGN_STEPS],
    rate: 0.5,
    tunedSettings: [FULL, SIGN, SIGN_STEPS],
    /** By local steps. */
    grids: {
      1: { rates: [4, 8, 16], updates: [40, 60, 100] },
      16: { rates: [2, 4], updates: [250, 400] },
    },
  },
  mlp: {
    spec: { kind: 'mlp', hidden: [512, 128] },
    params: 100_234,
    everyRounds: 2,
    settings: [FULL, SIGN, SIGN_STEPS, SIGN_MORE_STEPS],
    rate: 0.2,
  },
};
/** Updates over which the learning rate falls where it is not tuned. */
const UPDATES = 1200;
const ROUNDS_MAX = 300;

const options = figureOptions({
  models: { type: 'string', default: Object.keys(MODELS).join(',') },
  tuned: { type: 'boolean', default: false },
});
const models = options.quick || options.tuned ? ['softmax'] : options.models.split(',');
const settingsOf = (model) => {
  if (options.quick) return [FULL, SIGN];
  return options.tuned ? MODELS[model].tunedSettings : MODELS[model].settings;
};
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
  const tried = [];
  for (const tuning of tuningsOf(model, SETTINGS[setting])) {
    const runs = [];
    for (const seed of options.seeds)
      runs.push(
        await measured(options, FIGURE, { model, setting, ...tuning, seed }, () =>
          run(MODELS[model], SETTINGS[setting], tuning, seed),
        ),
      );
    const cost = mean(runs.map(({ kilobytes = Number.POSITIVE_INFINITY }) => kilobytes));
    tried.push({ tuning, runs, cost });
  }
  return tried.reduce((least, one) => (one.cost < least.cost ? one : least));
}

function tuningsOf(model, { localSteps }) {
  if (!options.tuned) return [{ rate: MODELS[model].rate, updates: UPDATES }];
  const { rates, updates } = MODELS[model].grids[localSteps];
  return rates.flatMap((rate) => updates.map((over) => ({ rate, updates: over })));
}

async function run({ spec, everyRounds }, { exchange, localSteps }, { rate, updates }, seed) {
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
      schedule: { kind: 'cosine', steps: updates, floor: 0.05 },
    },
    topology: 'ring',
    exchange,
    evaluate: { everyRounds: localSteps === 1 ? everyRounds : 1 },
    simulate: { training: 'batched' },
    stop: { rounds: options.quick ? 40 : ROUNDS_MAX },
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
    'learning rate': `${tuning.rate} over ${tuning.updates}`,
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
