/**
 * npm run figures:scale — what designing costs, from 10 to 10,000 silos at random places (equally likely on the sphere between 60° south and
 * 70° north), straight cables between all, iNaturalist, core 1 Gbit/s, access 10 Gbit/s: CPU seconds, of all threads, for MST and RING
 * from coordinates, and for Howard's algorithm on the ring with four random arcs more from each silo. The ring's length against a 1-tree bound
 * (Held, Karp 1970) that is computed outside that time, once as delays count and once without what every arc costs alike (step, 4 ms, transfer).
 * Options beside figure.mjs's: --sizes LIST, --iterations N of the bound.
 */
import { Random } from '../../dist/base/random.js';
import {
  connectivityGraph,
  delayDigraph,
  designOne,
  findDesigner,
  findWorkload,
  maximumCycleMean,
  oneTreeBound,
  parseUnderlay,
  publishedConditions,
} from '../../dist/topology/index.js';
import { conclude, figureOptions, measured } from './figure.mjs';

const FIGURE = 'scale';
const SIZES = '10,30,100,300,1000,3000,10000';
const GOALS_S = { 1000: 5, 10000: 10 };
const GAP_GOAL = 0.06;
/** Pairs that the bound looks at, at most: it has fewer iterations on the largest networks. */
const PAIRS_MAX = 3e9;
const CHORDS = 4;
const LIMIT_MS = 300_000;

const options = figureOptions({
  sizes: { type: 'string', default: SIZES },
  iterations: { type: 'string', default: '80' },
});
const sizes = (options.quick ? '10,100' : options.sizes).split(',').map(Number);
// One network of each size: CPU time says it all, and tours of thousands are as good on any of them.
const given = { ...options, seeds: [1] };

const results = [];
for (const silos of sizes)
  results.push(await measured(given, FIGURE, { silos, iterations: options.iterations }, () => cost(silos)));
conclude(
  {
    name: FIGURE,
    title: 'CPU seconds of a design, by the number of silos',
    rows: results.map(({ silos, mstS, ringS, howardS, gap, bareGap, how }) => ({
      silos,
      'MST, s': round(mstS),
      'ring, s': round(ringS),
      'Howard, s': round(howardS),
      'ring above 1-tree, %': round(100 * gap),
      'without the constant part, %': round(100 * bareGap),
      ring: how,
    })),
    goals: [...sizes.flatMap(timeGoal), gapGoal()],
    plots: { [FIGURE]: plot() },
  },
  given,
);

function cost(silos) {
  const graph = graphOf(silos);
  const run = { seed: 1, limitMs: LIMIT_MS, now: cpuMs };
  const timed = (work) => {
    const startMs = cpuMs();
    const result = work();
    return { result, seconds: (cpuMs() - startMs) / 1000 };
  };
  const problem = { graph };
  const random = (...path) => Random.of(1, ...path);
  const bare = { random, expired: () => false, progress: () => undefined };
  const mst = timed(() => findDesigner('mst').design(problem, {}, bare));
  const ring = timed(() => findDesigner('ring').design(problem, {}, bare));
  const tour = ring.result.overlay.arcs;
  const digraph = delayDigraph(graph, [...tour, ...chords(silos, random('chords'))]);
  const howard = timed(() => maximumCycleMean(digraph));
  const { cycleTimeMs } = designOne(problem, { name: 'ring', design: () => ring.result }, {}, run).judgement;
  return {
    silos,
    mstS: mst.seconds,
    ringS: ring.seconds,
    howardS: howard.seconds,
    how: ring.result.notes[0],
    ...gapsOf(graph, silos, cycleTimeMs * silos),
  };
}

/** How far the ring is above the 1-tree bound, as a share of it. */
function gapsOf(graph, silos, lengthMs) {
  const delays = halfMatrix(graph, silos);
  const cost = (one, other) =>
    delays[one > other ? (one * (one - 1)) / 2 + other : (other * (other - 1)) / 2 + one];
  const iterations = Math.min(Number(options.iterations), Math.floor(PAIRS_MAX / silos ** 2));
  const bound = oneTreeBound(silos, cost, { iterations, tourLength: lengthMs });
  const { workload } = publishedAt();
  const constant =
    silos * (workload.computeMs + 4 + (1000 * workload.modelBits) / publishedConditions.coreBps);
  return { gap: lengthMs / bound - 1, bareGap: (lengthMs - constant) / (bound - constant) - 1 };
}

/** Delays below the diagonal in 32 bits, never rounded up, so that what is proved with them holds. */
function halfMatrix(graph, silos) {
  const half = new Float32Array((silos * (silos - 1)) / 2);
  const { computeMs } = publishedAt().workload;
  let place = 0;
  for (let one = 1; one < silos; one++)
    for (let other = 0; other < one; other++) {
      const ms =
        computeMs + graph.latencyMs(one, other) + (1000 * graph.modelBits) / graph.coreBps(one, other);
      half[place++] = ms * (1 - 2 ** -23);
    }
  return half;
}

function chords(silos, random) {
  const arcs = new Map();
  for (let from = 0; from < silos; from++)
    for (let count = 0; count < CHORDS; count++) {
      const to = random.integer(silos);
      if (to !== from) arcs.set(from * silos + to, [from, to]);
    }
  return arcs.values();
}

function publishedAt() {
  return { ...publishedConditions, workload: findWorkload('inaturalist') };
}

function graphOf(silos) {
  const random = Random.of(1, 'places', silos);
  const [south, north] = [-60, 70].map((degrees) => Math.sin((degrees * Math.PI) / 180));
  const nodes = Array.from({ length: silos }, (_, silo) => ({
    name: `s${silo}`,
    latitude: (Math.asin(south + (north - south) * random.uniform()) * 180) / Math.PI,
    longitude: 360 * random.uniform() - 180,
  }));
  return connectivityGraph(
    parseUnderlay(JSON.stringify({ name: `random-${silos}`, nodes }), 'random.yaml'),
    publishedAt(),
  );
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function round(value) {
  return Number(value.toPrecision(3));
}

function timeGoal(silos) {
  const most = GOALS_S[silos];
  if (most === undefined) return [];
  const { mstS, ringS } = results.find((one) => one.silos === silos);
  return [
    {
      goal: `${silos} silos: MST and ring ≤ ${most} s each`,
      got: `${mstS.toFixed(2)} and ${ringS.toFixed(2)} CPU-s`,
      holds: Math.max(mstS, ringS) <= most,
    },
  ];
}

function gapGoal() {
  const worst = results.reduce((most, one) => (one.gap > most.gap ? one : most));
  const bare = results.reduce((most, one) => (one.bareGap > most.bareGap ? one : most));
  return {
    goal: 'the ring is at most 6 % above the 1-tree bound',
    got: `${(100 * worst.gap).toFixed(2)} % at ${worst.silos} silos (${(100 * bare.bareGap).toFixed(2)} % at ${bare.silos} without the constant part)`,
    holds: worst.gap <= GAP_GOAL,
  };
}

function plot() {
  const line = (name, read) => ({
    name,
    points: results.map((one) => ({ x: one.silos, mean: read(one), low: read(one), high: read(one) })),
  });
  return {
    title: 'What designing costs',
    xLabel: 'silos',
    yLabel: 'CPU seconds',
    logX: true,
    logY: true,
    lines: [
      line('ring', ({ ringS }) => ringS),
      line('MST', ({ mstS }) => mstS),
      line("Howard's algorithm", ({ howardS }) => howardS),
    ],
  };
}
