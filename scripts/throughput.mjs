/**
 * npm run bench:throughput — the pace of 100 silos that wait for their neighbours (D-PSGD on links that take no time): rounds per mean
 * compute time, where compute times are exponential or uniform, on a ring and on a clique, through `grapevine simulate`'s own peers.
 *   --rounds N          rounds of the ring (default 20,000)
 *   --clique-rounds N   rounds of the clique (default 1,000; a round is 9,900 messages)
 *   --case NAME         only `ring exponential`, `ring uniform`, `clique exponential` or `clique uniform`
 *   --json FILE         the figures as JSON too
 * Known values: .425/.613 (ring), .193/.505 (clique); the clique's are exact, 1 / (1 + 1/2 + … + 1/100) and 101 / 200.
 *
 * All silos start together, so that a ring's first rounds are faster than its later ones: their front roughens until its correlations
 * have gone round the ring, which takes silos^1.5 rounds (1,000 here). That many are left out; a clique's rounds are alike from the first one.
 * The interval is that of 95 %: 20 spans of rounds in a row, their paces taken as independent (Student's t with 19 degrees of freedom).
 * Exit code 1 where a figure is more than 3 % off, or where 3 % lies inside of the interval's half width.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { swarmData } from '../dist/compose.js';
import { composeSimulation } from '../dist/compose-simulation.js';
import { parseExperiment } from '../dist/experiment/index.js';
import { simulate } from '../dist/simulate/index.js';

const SILOS = 100;
const TOLERANCE = 0.03;
const SPANS = 20;
/** 97.5 % quantile of Student's t with SPANS − 1 degrees of freedom. */
const T = 2.093;
const MEAN_MS = 1000;
const COMPUTE = {
  exponential: `{kind: exponential, mean: ${MEAN_MS}, per: round}`,
  uniform: `{kind: uniform, from: 0, to: ${2 * MEAN_MS}, per: round}`,
};
const CASES = [
  { graph: 'ring', compute: 'exponential', known: 0.425 },
  { graph: 'ring', compute: 'uniform', known: 0.613 },
  { graph: 'clique', compute: 'exponential', known: 0.193 },
  { graph: 'clique', compute: 'uniform', known: 0.505 },
];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20000' },
    'clique-rounds': { type: 'string', default: '1000' },
    case: { type: 'string' },
    json: { type: 'string' },
  },
});

const rows = [];
console.log('graph   times        known  measured  ± 95 %   off      rounds (left out)  events   CPU-s');
for (const one of CASES) {
  if (options.case !== undefined && options.case !== `${one.graph} ${one.compute}`) continue;
  const isRing = one.graph === 'ring';
  const rounds = Number(isRing ? options.rounds : options['clique-rounds']);
  const row = { ...one, ...(await measured(one, rounds, isRing ? Math.round(SILOS ** 1.5) : 0)) };
  rows.push(row);
  console.log(shown(row));
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
process.exitCode = rows.length > 0 && rows.every(({ holds }) => holds) ? 0 : 1;

/** One run through the peers; `leftOut` rounds of its beginning do not count. */
async function measured({ graph, compute, known }, rounds, leftOut) {
  const before = process.cpuUsage();
  const { peers, world, seed } = await composed(graph, compute, leftOut + rounds);
  const marks = Array.from({ length: SPANS + 1 }, (_, mark) => leftOut + Math.round((mark * rounds) / SPANS));
  const endedMs = new Map(marks.map((round) => [round, 0]));
  const observer = {
    onRecord(_peer, { round, endedMs: atMs, excluded }) {
      if (excluded.length > 0) throw new Error(`round ${round} left somebody out`);
      const sum = endedMs.get(round + 1);
      if (sum !== undefined) endedMs.set(round + 1, sum + atMs / SILOS);
    },
  };
  const { eventCount } = await simulate(peers, { ...world, seed, observer });
  const { user, system } = process.cpuUsage(before);
  const spansMs = marks.slice(1).map((round, span) => endedMs.get(round) - endedMs.get(marks[span]));
  const pace = (rounds * MEAN_MS) / (endedMs.get(marks.at(-1)) - endedMs.get(marks[0]));
  const interval = (pace * T * deviation(spansMs)) / mean(spansMs) / Math.sqrt(SPANS);
  const off = pace / known - 1;
  const holds = Math.abs(off) <= TOLERANCE && interval <= TOLERANCE * known;
  const cpuSeconds = (user + system) / 1e6;
  return { pace, interval, off, holds, rounds, leftOut, events: eventCount, cpuSeconds };
}

async function composed(graph, compute, rounds) {
  const text = `
name: throughput
data: {dataset: {kind: toy, dimension: 1}, silos: ${SILOS}}
model: quadratic
train: {learningRate: 0.1, localSteps: 1}
topology: ${graph === 'clique' ? 'complete' : graph}
exchange: {deadline: {floorMs: 3600000, ceilingMs: 86400000}}
evaluate: {everyRounds: ${rounds}}
checkpoint: {everyRounds: ${rounds}}
links: {delay: 0}
simulate: {compute: ${COMPUTE[compute]}}
stop: {rounds: ${rounds}}
`;
  const experiment = parseExperiment(text, { file: 'throughput.yaml' });
  return composeSimulation(experiment, await swarmData(experiment));
}

function shown({ graph, compute, known, pace, interval, off, holds, rounds, leftOut, events, cpuSeconds }) {
  return [
    graph.padEnd(7),
    compute.padEnd(12),
    known.toFixed(3).padStart(5),
    pace.toFixed(4).padStart(9),
    interval.toFixed(4).padStart(8),
    `${off < 0 ? '−' : '+'}${(100 * Math.abs(off)).toFixed(2)} %`,
    `${rounds} (${leftOut})`.padStart(18),
    `${(events / 1e6).toFixed(1)} M`.padStart(7),
    cpuSeconds.toFixed(0).padStart(7),
    holds ? 'holds' : 'FAILS',
  ].join(' ');
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
