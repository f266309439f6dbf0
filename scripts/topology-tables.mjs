/**
 * node scripts/topology-tables.mjs — the published cycle times beside ours: iNaturalist, core 1 Gbit/s, one local step,
 * published lengths, access 10 Gbit/s and 100 Mbit/s (Marfoq et al. 2020, Table 3 and its slow-access setting).
 * `--json` prints one JSON document on stdout. Wants dist/ (npm run build).
 */
import { performance } from 'node:perf_hooks';
import {
  connectivityGraph,
  designOne,
  findDesigner,
  findWorkload,
  openUnderlay,
  publishedConditions,
} from '../dist/topology/index.js';

const json = process.argv.includes('--json');
const limitMs = 60_000;

/** As printed in the paper; where it prints nothing, nothing. */
const published = {
  1e10: {
    gaia: { star: 390.9, matcha: 227, 'matcha-plus': 228, mst: 138.1, 'delta-mbst': 138.1, ring: 118.1 },
    'aws-na': { star: 288.1, matcha: 124, 'matcha-plus': 124, mst: 89.7, 'delta-mbst': 89.7, ring: 81.3 },
    geant: { star: 634.4, matcha: 453, 'matcha-plus': 107, mst: 101.0, 'delta-mbst': 101.0, ring: 109.0 },
    exodus: { star: 911.9, matcha: 593, 'matcha-plus': 144, mst: 145.3, 'delta-mbst': 145.3, ring: 103.9 },
    ebone: { star: 901.7, matcha: 581, 'matcha-plus': 123, mst: 121.8, 'delta-mbst': 121.8, ring: 95.3 },
  },
  1e8: {
    gaia: { star: 9293, ring: 522.8 },
    'aws-na': { star: 18983, ring: 485.6 },
    geant: { star: 35171, ring: 491.1 },
    exodus: { star: 70351, ring: 488.1 },
    ebone: { star: 77463, ring: 482.2 },
  },
};

/** What must hold of our figure beside the published one. */
const holds = {
  star: (ours, theirs) => Math.abs(ours - theirs) <= Math.max(0.05, theirs * 1e-5 * 5),
  mst: (ours, theirs) => Math.abs(ours - theirs) <= 0.05,
  'delta-mbst': (ours, theirs) => ours <= theirs + 0.05,
  ring: (ours, theirs) => ours <= theirs + 0.05,
  matcha: (ours, theirs) => Math.abs(ours / theirs - 1) <= 0.04,
  'matcha-plus': (ours, theirs) => Math.abs(ours / theirs - 1) <= 0.04,
};

function cycleTimeMs(underlay, accessBps, kind) {
  const workload = findWorkload('inaturalist');
  const conditions = { ...publishedConditions, workload, upBps: accessBps, downBps: accessBps };
  const graph = connectivityGraph(openUnderlay(underlay), conditions);
  const run = { seed: 1, limitMs, now: () => performance.now() };
  return designOne({ graph }, findDesigner(kind), {}, run).judgement.cycleTimeMs;
}

const rows = Object.entries(published).flatMap(([accessBps, networks]) =>
  Object.entries(networks).flatMap(([underlay, kinds]) =>
    Object.entries(kinds).map(([kind, theirs]) => {
      const ours = cycleTimeMs(underlay, Number(accessBps), kind);
      return {
        accessBps: Number(accessBps),
        underlay,
        kind,
        publishedMs: theirs,
        oursMs: ours,
        holds: holds[kind](ours, theirs),
      };
    }),
  ),
);
if (json) process.stdout.write(`${JSON.stringify({ rows }, null, 2)}\n`);
else {
  process.stdout.write('access      underlay  overlay      published ms    ours ms\n');
  for (const { accessBps, underlay, kind, publishedMs, oursMs, holds: fine } of rows) {
    const access = accessBps === 1e10 ? '10 Gbit/s' : '100 Mbit/s';
    const figures = `${String(publishedMs).padStart(12)} ${oursMs.toFixed(2).padStart(10)}`;
    process.stdout.write(
      `${access.padEnd(12)}${underlay.padEnd(10)}${kind.padEnd(13)}${figures}${fine ? '' : '   differs'}\n`,
    );
  }
}
process.exitCode = rows.every((row) => row.holds) ? 0 : 1;
