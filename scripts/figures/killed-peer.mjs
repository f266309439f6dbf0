/**
 * npm run figures:killed-peer — one of 10 real processes (`grapevine swarm`, libp2p over TCP with noise, digits, softmax) is killed (SIGKILL) and
 * started again 3 s later: how long do the others pause, and when is it back? From the event logs:
 *   longest pause   of any other peer, between the ends of two of its rounds, over the whole run
 *   deadline        in force in those rounds: clamp(1.5 · median lag, 2 s, 10 s). A lag is at most what a round trains and waits, so that it
 *                   is 2 s where 1.5 · the median of these is less; that median, of the peer that paused longest, decides what is printed
 *   back            from the start of the new process to the end of its first round that mixed with a neighbour
 * Messages take 50 ms (held back before the socket), so that ten processes do not fight for one machine's cores at every instant. The
 * rules that wait for nobody are held against the same deadline. The machine's load is part of every pause: 10 processes share it.
 *   --only TEXT   only the cases whose name has it; what other calls with the same --out have measured is part of the table all the same
 */
import { conclude, figureOptions, isMeasured, lineOfMeans, meanText, measured, median } from './figure.mjs';
import { ran } from './runs.mjs';

const FIGURE = 'killed-peer';
const PEERS = 10;
const KILLED = 3;
const KILL_S = 6;
const BACK_S = 9;
const SECONDS = 24;
const DEADLINE = { factor: 1.5, floorMs: 2_000, ceilingMs: 10_000, downGraceMs: 500 };
const DELAY_MS = 50;
const LAGS = 15;
const BACK_GOAL_S = 10;
const CURVE_STEP_S = 0.25;

/** Rules that are for undirected graphs have the complete one as their second. */
const GRAPHS = {
  ring: {
    neighbours: 2,
    rules: ['dpsgd', 'choco', 'pairwise', 'gossip-learning', 'receive-merge', 'push-sum'],
  },
  exponential: { neighbours: 4, rules: ['dpsgd', 'gossip-learning', 'receive-merge', 'push-sum'] },
  complete: { neighbours: PEERS - 1, rules: ['choco', 'pairwise'] },
};
const WAITING = ['dpsgd', 'choco'];

const CASES = Object.fromEntries(
  Object.entries(GRAPHS).flatMap(([kind, { neighbours, rules }]) =>
    rules.map((rule) => {
      const exchange = WAITING.includes(rule) ? { rule } : { rule, periodMs: 50 };
      return [`${rule}, ${kind}`, { topology: { kind }, neighbours, exchange }];
    }),
  ),
);

const options = figureOptions({ only: { type: 'string', default: '' } });
const names = options.quick
  ? ['dpsgd, ring']
  : Object.keys(CASES).filter((name) => name.includes(options.only) || isMeasured(options, FIGURE, { name }));
const grid = Array.from({ length: SECONDS / CURVE_STEP_S }, (_, at) => at * CURVE_STEP_S);

const results = [];
for (const name of names) {
  const runs = [];
  for (const seed of options.seeds)
    if (name.includes(options.only) || isMeasured(options, FIGURE, { name, seed }))
      runs.push(await measured(options, FIGURE, { name, seed }, () => run(name, seed)));
  results.push({ name, runs });
}
const pauses = results.flatMap(({ runs }) => runs);
const backs = pauses.map(({ backSeconds }) => backSeconds ?? Number.POSITIVE_INFINITY);
conclude(
  {
    name: FIGURE,
    title: `One of ${PEERS} processes killed at ${KILL_S} s, started again at ${BACK_S} s`,
    rows: results.map(rowOf),
    goals: [
      {
        goal: 'no other peer ever pauses longer than one deadline',
        got: `at most ${Math.max(...pauses.map(({ pauseMs }) => pauseMs)).toFixed(0)} ms, where the deadline is ${Math.min(...pauses.map(({ deadlineMs }) => deadlineMs))} ms`,
        holds: pauses.every(({ pauseMs, deadlineMs }) => pauseMs <= deadlineMs),
      },
      {
        goal: `the killed one is back in mixing within ${BACK_GOAL_S} s of its new process's start`,
        got: `at most ${Math.max(...backs).toFixed(1)} s`,
        holds: Math.max(...backs) <= BACK_GOAL_S,
      },
    ],
    plots: { [FIGURE]: plot() },
  },
  options,
);

function run(name, seed) {
  const { topology, neighbours, exchange } = CASES[name];
  const experiment = {
    name: FIGURE,
    seed,
    data: { dataset: 'digits', silos: PEERS, partition: { kind: 'dirichlet', alpha: 1 }, testShare: 0.2 },
    model: 'softmax',
    train: { learningRate: 0.1, batchSize: 16, localSteps: 4, backend: 'cpu' },
    topology,
    exchange: { ...exchange, deadline: DEADLINE },
    evaluate: { everyRounds: 1_000_000 },
    checkpoint: { everyRounds: 10 },
    stop: { seconds: SECONDS },
    faults: {
      delay: DELAY_MS,
      list: [{ kind: 'crash', peer: KILLED, at: `${KILL_S}s`, restartAt: `${BACK_S}s` }],
    },
  };
  return ran('swarm', experiment, ({ logs }) => judged(logs, neighbours));
}

function judged(logs, neighbours) {
  const peers = logs.map(livesOf);
  const others = peers.filter((_, peer) => peer !== KILLED).map(([life]) => longestPause(life));
  const longest = others.reduce((most, one) => (one.pauseMs > most.pauseMs ? one : most));
  const [, after] = peers[KILLED];
  const back = after?.rounds.find(({ excluded }) => excluded.length < neighbours);
  return {
    pauseMs: longest.pauseMs,
    pauseAtSeconds: longest.atMs / 1000,
    deadlineMs: longest.deadlineMs,
    medianRoundMs: median(others.map(({ usualMs }) => usualMs)),
    backSeconds: back === undefined ? null : back.nowMs / 1000,
    othersCurve: grid.map((seconds) =>
      median(peers.flatMap(([life], peer) => (peer === KILLED ? [] : [roundAt(life, seconds)]))),
    ),
    killedCurve: grid.map((seconds) => Math.max(...peers[KILLED].map((life) => roundAt(life, seconds)))),
  };
}

function rowOf({ name, runs }) {
  const seconds = (values) => meanText(values.map((value) => value / 1000));
  return {
    rule: name,
    seeds: runs.length,
    'usual round, ms': meanText(
      runs.map(({ medianRoundMs }) => medianRoundMs),
      0,
    ),
    'longest pause of another, s': seconds(runs.map(({ pauseMs }) => pauseMs)),
    'most, s': (Math.max(...runs.map(({ pauseMs }) => pauseMs)) / 1000).toFixed(2),
    'at, s': runs.map(({ pauseAtSeconds }) => pauseAtSeconds.toFixed(1)).join(' '),
    'deadline then, s': seconds(runs.map(({ deadlineMs }) => deadlineMs)),
    'back after, s': meanText(runs.map(({ backSeconds }) => backSeconds ?? Number.POSITIVE_INFINITY)),
  };
}

function plot() {
  return {
    title: `One of ${PEERS} processes killed at ${KILL_S} s and started again at ${BACK_S} s: mean, 95 % band over the seeds`,
    xLabel: 'seconds since all had gathered',
    yLabel: 'round',
    lines: results.flatMap(({ name, runs }) => [
      lineOfMeans(
        `${name}: the others`,
        grid,
        runs.map(({ othersCurve }) => othersCurve),
      ),
      lineOfMeans(
        `${name}: the killed one`,
        grid,
        runs.map(({ killedCurve }) => killedCurve),
      ),
    ]),
  };
}

/** One list of rounds per life, and when the first had gathered its neighbours: the schedule's 0, as far as a peer can tell. */
function livesOf(log) {
  const lives = [];
  for (const line of log) {
    // Its new process starts at that time of the schedule, and counts from its start.
    if (line.type === 'run') lives.push({ rounds: [], beganMs: lives.length === 0 ? 0 : -1000 * BACK_S });
    if (line.type === 'notice' && line.what === 'gathered' && lives.length === 1)
      lives[0].beganMs = line.nowMs;
    if (line.type === 'round') lives.at(-1).rounds.push(line);
  }
  return lives;
}

function longestPause({ rounds, beganMs }) {
  const spans = rounds.slice(1).map(({ nowMs }, at) => nowMs - rounds[at].nowMs);
  const pauseMs = Math.max(...spans);
  const at = spans.indexOf(pauseMs);
  const lags = rounds
    .slice(Math.max(0, at + 1 - LAGS), at + 1)
    .map(({ trainMs, waitMs }) => trainMs + waitMs);
  const allowedMs = Math.max(DEADLINE.floorMs, Math.min(DEADLINE.ceilingMs, DEADLINE.factor * median(lags)));
  return { pauseMs, atMs: rounds[at].nowMs - beganMs, deadlineMs: allowedMs, usualMs: median(spans) };
}

function roundAt({ rounds, beganMs }, seconds) {
  return rounds.findLast(({ nowMs }) => nowMs - beganMs <= 1000 * seconds)?.round ?? 0;
}
