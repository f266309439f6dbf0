/**
 * npm run figures:average — the average of 16 peers' vectors on the exponential digraph (offsets 1, 2, 4, 8), loss 0, .1, .3, .5, no
 * training: who gets there and who is stuck. A send is one giving of a peer to all its out-neighbours, one a round; the error is
 *   RMSE(k) = √(mean over peers and coordinates of (x − mean of all first vectors)²),   x after a peer's own k-th send.
 * The conserved sum is Σy + Σ(σ − ρ) of the last checkpoints (which each peer's own account adds up to, whenever it was written) against
 * the sum of the first vectors, relative to the sum of their magnitudes; likewise Σz against 16.
 * In simulation (`grapevine simulate`) and over real links (`grapevine swarm`: 16 processes, libp2p over TCP with noise, messages lost by
 * the fault schedule). Options beside figure.mjs's: --real N seeds over real links (3; 0: none), --period MS of their rounds (100: long
 * beside the second or so by which processes on a busy machine start apart, since who sends alone averages nothing).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toyPoint } from '../../dist/data/toy.js';
import { massOf } from '../../dist/exchange/mass-balance.js';
import { unpackPushSum } from '../../dist/exchange/push-sum-snapshot.js';
import { decodeCheckpoint } from '../../dist/node/checkpoint.js';
import { buildOverlay } from '../../dist/topology/index.js';
import { conclude, figureOptions, lineOfMedians, measured, median } from './figure.mjs';
import { ran, roundsOf } from './runs.mjs';

const FIGURE = 'exact-average';
const PEERS = 16;
const DIMENSION = 8;
const ARCS = buildOverlay({ kind: 'exponential' }, PEERS).arcs;
const SENDS = 200;
const SENDS_GOAL = 100;
const RMSE_GOAL = 1e-9;
const SUM_GOAL = 1e-12;
/** Who is still this far off after twice the sends, and got no further in the second half, is stuck. */
const STUCK_RMSE = 1e-3;

const RULES = {
  'robust push-sum': { rule: 'push-sum' },
  'plain push-sum': { rule: 'push-sum', variant: 'plain' },
  'averaging, waiting': { rule: 'dpsgd', deadline: { floorMs: 10, ceilingMs: 20 } },
  'averaging what came': { rule: 'receive-merge' },
};

const options = figureOptions({
  real: { type: 'string', default: '3' },
  period: { type: 'string', default: '100' },
});
const losses = options.quick ? [0, 0.5] : [0, 0.1, 0.3, 0.5];
const realSeeds = options.seeds.slice(0, options.quick ? 1 : Number(options.real));
const realSettings = [
  ...losses.map((loss) => ({ name: 'robust push-sum', loss })),
  ...(options.quick ? [] : [{ name: 'plain push-sum', loss: 0.3 }]),
];
const settings = [
  ...Object.keys(RULES).flatMap((name) =>
    losses.map((loss) => ({ name, loss, links: 'simulated', seeds: options.seeds })),
  ),
  ...(realSeeds.length === 0
    ? []
    : realSettings.map((one) => ({ ...one, links: 'real libp2p', seeds: realSeeds }))),
];

const results = [];
for (const { seeds, ...setting } of settings) {
  const runs = [];
  for (const seed of seeds)
    runs.push(await measured(options, FIGURE, { ...setting, seed }, () => average(setting, seed)));
  results.push({ ...setting, runs });
}
conclude(
  {
    name: FIGURE,
    title: `Average of ${PEERS} peers on the exponential digraph (offsets 1, 2, 4, 8), messages lost`,
    rows: results.map(rowOf),
    goals: goalsOf(),
    plots: Object.fromEntries(
      ['simulated', 'real libp2p'].flatMap((links) => {
        const some = results.filter((one) => one.links === links);
        return some.length === 0 ? [] : [[`${FIGURE}-${links.split(' ')[0]}`, plotOf(links, some)]];
      }),
    ),
  },
  options,
);

function average({ name, loss, links }, seed) {
  const isReal = links !== 'simulated';
  const rounds = isReal ? SENDS_GOAL : SENDS;
  const experiment = {
    name: FIGURE,
    seed,
    data: { dataset: { kind: 'toy', dimension: DIMENSION }, silos: PEERS },
    model: { kind: 'quadratic', start: 'optimum' },
    train: { localSteps: 0, learningRate: 0.1 },
    topology: { kind: 'exponential' },
    exchange: { ...RULES[name], ...(isReal ? { periodMs: Number(options.period) } : {}) },
    faults: { loss },
    record: 'rounds',
    checkpoint: { everyRounds: rounds },
    stop: { rounds },
  };
  return ran(isReal ? 'swarm' : 'simulate', experiment, ({ folder, logs }) => ({
    rmse: rmseOf(logs, rounds),
    ...(RULES[name].rule === 'push-sum' && RULES[name].variant === undefined ? conserved(folder, seed) : {}),
  }));
}

/** RMSE after each send; the toy's global loss is ½ ‖x − mean‖². Who skipped a round, to catch up, counts with its last one. */
function rmseOf(logs, rounds) {
  const squares = logs.map((log) => {
    const own = new Map(roundsOf(log).map(({ round, globalLoss }) => [round, 2 * globalLoss]));
    let last = own.values().next().value;
    return Array.from({ length: rounds }, (_, round) => (last = own.get(round + 1) ?? last));
  });
  return Array.from({ length: rounds }, (_, at) =>
    Math.sqrt(squares.reduce((sum, own) => sum + own[at], 0) / PEERS / DIMENSION),
  );
}

function conserved(folder, seed) {
  const sum = new Float64Array(DIMENSION);
  const wanted = new Float64Array(DIMENSION);
  const size = new Float64Array(DIMENSION);
  let z = 0;
  for (const [peer, silo] of readdirSync(join(folder, 'peers')).sort().entries()) {
    const {
      y,
      z: weight,
      given,
      taken,
    } = massOf(ruleStateOf(join(folder, 'peers', silo, 'checkpoints'), peer));
    const first = toyPoint(
      { kind: 'toy', dimension: DIMENSION, spread: 1, noise: 0, points: PEERS, seed },
      peer,
    );
    z += weight + total(given, ({ z: share }) => share) - total(taken, ({ z: share }) => share);
    for (let at = 0; at < DIMENSION; at++) {
      sum[at] += y[at] + total(given, (arc) => arc.y[at]) - total(taken, (arc) => arc.y[at]);
      wanted[at] += first[at];
      size[at] += Math.abs(first[at]);
    }
  }
  return {
    sumError: Math.max(...sum.map((value, at) => Math.abs(value - wanted[at]) / size[at])),
    weightError: Math.abs(z / PEERS - 1),
  };
}

function ruleStateOf(folder, peer) {
  const newest = readdirSync(folder).sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0];
  const read = decodeCheckpoint(readFileSync(join(folder, newest)));
  if (!read.ok) throw new Error(read.problem);
  return unpackPushSum(read.checkpoint.ruleSnapshot, {
    outNeighbours: ARCS.flatMap(([from, to]) => (from === peer ? [to] : [])),
    inNeighbours: ARCS.flatMap(([from, to]) => (to === peer ? [from] : [])),
  });
}

function total(arcs, amount) {
  return arcs.reduce((sum, arc) => sum + amount(arc), 0);
}

/** Sends from which on the error stays at the goal; undefined where it never does. */
function sendsUntil(rmse) {
  const last = rmse.findLastIndex((value) => !(value <= RMSE_GOAL));
  return last + 1 < rmse.length ? last + 2 : undefined;
}

function rowOf({ name, loss, links, runs }) {
  const sends = runs.map(({ rmse }) => sendsUntil(rmse));
  const at = (send) => runs.map(({ rmse }) => rmse[send - 1]).filter((value) => value !== undefined);
  return {
    rule: name,
    links,
    loss,
    seeds: runs.length,
    'sends to 1e-9, median': sends.includes(undefined) ? '–' : String(median(sends)),
    most: sends.includes(undefined) ? '–' : String(Math.max(...sends)),
    'RMSE at 100 sends, median': median(at(SENDS_GOAL)).toExponential(1),
    worst: Math.max(...at(SENDS_GOAL)).toExponential(1),
    'at 200, median': at(SENDS).length === 0 ? '–' : median(at(SENDS)).toExponential(1),
    'sum off by at most': runs[0].sumError === undefined ? '–' : worstError(runs).toExponential(1),
  };
}

function worstError(runs) {
  return Math.max(...runs.flatMap(({ sumError, weightError }) => [sumError, weightError]));
}

function goalsOf() {
  const goals = [];
  for (const links of ['simulated', 'real libp2p']) {
    const robust = results.filter((one) => one.links === links && one.name === 'robust push-sum');
    if (robust.length === 0) continue;
    const rmse = Math.max(...robust.flatMap(({ runs }) => runs.map((run) => run.rmse[SENDS_GOAL - 1])));
    const error = Math.max(...robust.map(({ runs }) => worstError(runs)));
    goals.push(
      {
        goal: `robust push-sum, ${links}: RMSE ≤ 1e-9 within ${SENDS_GOAL} sends, at every loss and seed`,
        got: `at most ${rmse.toExponential(1)}`,
        holds: rmse <= RMSE_GOAL,
      },
      {
        goal: `robust push-sum, ${links}: the conserved sum to 1e-12`,
        got: `off by at most ${error.toExponential(1)}`,
        holds: error <= SUM_GOAL,
      },
    );
  }
  for (const name of Object.keys(RULES).slice(1)) {
    const lossy = results.filter((one) => one.links === 'simulated' && one.name === name && one.loss > 0);
    const least = Math.min(
      ...lossy.flatMap(({ runs }) => runs.map(({ rmse }) => Math.min(...rmse.slice(SENDS_GOAL - 1)))),
    );
    goals.push({
      goal: `${name} is stuck wherever messages are lost: RMSE > ${STUCK_RMSE} from send ${SENDS_GOAL} to ${SENDS}`,
      got: `at least ${least.toExponential(1)}`,
      holds: least > STUCK_RMSE,
    });
  }
  return goals;
}

function plotOf(links, some) {
  const shown = some.filter(
    ({ loss, name }) => name === 'robust push-sum' || loss === 0.3 || (options.quick && loss > 0),
  );
  return {
    title: `Average of ${PEERS} peers, messages lost, ${links}: median, least and most of ${some[0].runs.length} seeds`,
    xLabel: 'sends per peer',
    yLabel: 'RMSE to the true average',
    logY: true,
    lines: shown.map(({ name, loss, runs }) =>
      lineOfMedians(
        `${name}, loss ${loss}`,
        Array.from({ length: runs[0].rmse.length }, (_, index) => index + 1),
        runs.map(({ rmse }) => rmse),
      ),
    ),
  };
}
