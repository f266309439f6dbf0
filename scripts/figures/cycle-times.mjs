/**
 * npm run figures:access, figures:model-size, figures:local-steps — cycle times on the built-in networks (published lengths, core
 * 1 Gbit/s) while one thing varies: the capacity of access links (100 Mbit/s to 10 Gbit/s), the size of the model (10⁶ to 10⁹ bits), the
 * local steps a round (1 to 50); the rest is iNaturalist's (44,961,717 bits, 25.4 ms a step), one local step, access at 10 Gbit/s.
 * Options beside figure.mjs's: --vary access|model-size|local-steps, --networks LIST, --limit S: CPU seconds for each design of `best`,
 * which ends as soon as its short search is through (no bound is proved here: bench:topology does that).
 */
import {
  builtInUnderlays,
  connectivityGraph,
  designOne,
  findDesigner,
  findWorkload,
  openUnderlay,
  publishedConditions,
} from '../../dist/topology/index.js';
import { conclude, figureOptions, measured } from './figure.mjs';

const KINDS = ['star', 'matcha-plus', 'mst', 'delta-mbst', 'ring', 'best'];
const LIMIT_S = 10;
const BEST = { runs: 1, steps: 3000, boundSteps: 0 };
const base = { ...publishedConditions, workload: findWorkload('inaturalist') };

const VARIED = {
  access: {
    values: [1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10],
    label: 'access capacity, bit/s',
    conditions: (bps) => ({ ...base, upBps: bps, downBps: bps }),
    goal: slowAccessGoal,
  },
  'model-size': {
    values: [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9],
    label: 'size of the model, bits',
    conditions: (modelBits) => ({ ...base, workload: { ...base.workload, modelBits } }),
    goal: smallModelGoal,
  },
  'local-steps': {
    values: [1, 2, 5, 10, 20, 50],
    label: 'local steps a round',
    conditions: (localSteps) => ({ ...base, localSteps }),
    goal: localStepsGoal,
  },
};

const given = figureOptions({
  vary: { type: 'string', default: 'access' },
  networks: { type: 'string', default: builtInUnderlays.join(',') },
  limit: { type: 'string', default: String(LIMIT_S) },
});
const options = { ...given, seeds: [1] };
const varied = VARIED[options.vary];
if (varied === undefined) throw new Error(`--vary ${options.vary}: wanted ${Object.keys(VARIED).join(', ')}`);
const figure = `cycle-times-${options.vary}`;
const networks = options.quick ? ['gaia'] : options.networks.split(',');
const values = options.quick ? [varied.values[0], varied.values.at(-1)] : varied.values;

const results = [];
for (const network of networks)
  for (const value of values) {
    const times = {};
    for (const kind of KINDS) {
      const what = { network, value, kind, limit: options.limit };
      times[kind] = await measured(options, figure, what, () => cycleTimeMs(network, value, kind));
    }
    results.push({ network, value, times });
  }
conclude(
  {
    name: figure,
    title: `Cycle times, ms, by ${varied.label}`,
    rows: results.map(({ network, value, times }) => ({ network, [varied.label]: value, ...times })),
    goals: [bestGoal(), varied.goal()],
    plots: Object.fromEntries(networks.map((network) => [`${figure}-${network}`, plotOf(network)])),
  },
  options,
);

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function cycleTimeMs(network, value, kind) {
  const graph = connectivityGraph(openUnderlay(network), varied.conditions(value));
  const run = { seed: 1, limitMs: 1000 * Number(options.limit), now: cpuMs };
  return designOne({ graph }, findDesigner(kind), kind === 'best' ? BEST : {}, run).judgement.cycleTimeMs;
}

function at(network, value) {
  return results.find((one) => one.network === network && one.value === value).times;
}

function bestGoal() {
  const worst = Math.max(
    ...results.map(({ times }) => times.best / Math.min(times.mst, times['delta-mbst'], times.ring)),
  );
  return {
    goal: 'best is nowhere slower than MST, δ-MBST and RING',
    got: `at most ${worst.toFixed(4)} times as slow as the fastest of them`,
    holds: worst <= 1 + 1e-9,
  };
}

/** Where access is scarce, degrees are dear: the published table has the ring 18 to 160 times as fast as the star at 100 Mbit/s. */
function slowAccessGoal() {
  const least = Math.min(...networks.map((network) => at(network, 1e8).star / at(network, 1e8).ring));
  return {
    goal: 'at 100 Mbit/s the ring is 17 times as fast as the star, or more',
    got: `${least.toFixed(1)} times`,
    holds: least >= 17,
  };
}

/** Transfers do not count then: what is left are latencies and the step. */
function smallModelGoal() {
  const most = Math.max(
    ...networks.map((network) => at(network, values[0]).best / at(network, values.at(-1)).best),
  );
  return {
    goal: 'a small model’s rounds are faster than a large one’s',
    got: `${most.toFixed(3)} times as slow at most`,
    holds: most < 1,
  };
}

/** With equal steps everywhere λ(s) = λ(1) + (s − 1) Tc. */
function localStepsGoal() {
  const { computeMs } = base.workload;
  const off = results.map(({ network, value, times }) =>
    Math.abs(times.ring - at(network, 1).ring - (value - 1) * computeMs),
  );
  return {
    goal: 'the ring’s λ(s) is λ(1) + (s − 1) Tc',
    got: `off by at most ${Math.max(...off).toExponential(1)} ms`,
    holds: Math.max(...off) <= 1e-6,
  };
}

function plotOf(network) {
  const own = results.filter((one) => one.network === network);
  return {
    title: `${network}: cycle time by ${varied.label}`,
    xLabel: varied.label,
    yLabel: 'cycle time, ms',
    logX: true,
    logY: true,
    lines: KINDS.map((name) => ({
      name,
      points: own.map(({ value, times }) => {
        const ms = times[name];
        return { x: value, mean: ms, low: ms, high: ms };
      }),
    })),
  };
}
