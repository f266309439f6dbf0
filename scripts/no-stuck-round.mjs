/**
 * npm run bench:churn -- [--schedules 50] [--simulated 1000] [--seed 1] [--rules a,b] [--rounds 120]
 *   [--from 0] [--json FILE]
 * No stuck round: seeded fault schedules (kill, stop and continue, outage, slow, loss, duplicate, corrupt) on real processes and on
 * virtual time, each judged beside runs without faults:
 *   hangs, crashes      runs that do not end; peers that die without the schedule's doing
 *   pace                rounds per second of the slowest live peer that no fault is aimed at, over the same without faults, leaving out one
 *                       deadline after each instant at which a fault begins or ends; wanted ≥ 0.5 where the rule tolerates the schedule
 *   accuracy            points below the mean of four runs without faults, where nobody's data are gone; wanted ≤ 1. All runs end with the
 *                       exact mean of all silos' models (`aggregate`); how far apart those without faults are is printed. A schedule that
 *                       ends further below runs three times more and is judged by the mean of its four, which its line says
 *   back                from the start of a killed peer's new process to its first round with a neighbour; wanted ≤ 10 s
 * --from N leaves out the schedules before N. What --json's file holds already is not run again, and counts: the 50 can be run in pieces.
 * Real paces depend on what else the machine does: the load is printed. --schedules 0 or --simulated 0 leaves a part out.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exchangeRuleNames } from '../dist/exchange/index.js';
import { median } from './no-stuck-round/rate.mjs';
import { realRuns } from './no-stuck-round/real.mjs';
import { describeFaults } from './no-stuck-round/schedules.mjs';
import { simulatedRuns } from './no-stuck-round/simulated.mjs';

const PACE_MIN = 0.5;
const ACCURACY_LOSS_MAX = 1;
const BACK_MS_MAX = 10_000;

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '50' },
    simulated: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '120' },
    rules: { type: 'string', default: exchangeRuleNames.join() },
    from: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
});
const seed = Number(values.seed);
const rules = values.rules.split(',');
const load = () =>
  `load ${loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')} on ${availableParallelism()} processors`;

const show = (value, digits) => (value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits));

function line({
  index,
  rule,
  intensity,
  schedule,
  outcome,
  rateRatio,
  isJudged,
  pauseMs,
  accuracyLoss,
  runs = 1,
  backMs = [],
}) {
  const cells = [
    String(index).padStart(4),
    rule.padEnd(16),
    intensity.padEnd(6),
    outcome.padEnd(9),
    `pace ${show(rateRatio, 2)}${isJudged ? '' : ' (not judged)'}`.padEnd(23),
    `pause ${show(pauseMs / 1000, 1)} s`.padEnd(13),
    `lost ${show(accuracyLoss, 2)} points${runs === 1 ? '' : ` (${runs} runs)`}`.padEnd(18),
    backMs.length === 0 ? '' : `back ${backMs.map((ms) => show(ms / 1000, 1)).join(', ')} s`,
    describeFaults(schedule),
  ];
  return cells.join(' ').trimEnd();
}

function verdict(name, results) {
  const count = (kind) => results.filter(({ outcome }) => outcome === kind).length;
  const judged = results.filter(({ isJudged, rateRatio }) => isJudged && rateRatio !== undefined);
  const slow = judged.filter(({ rateRatio }) => rateRatio < PACE_MIN);
  const losses = results.flatMap(({ accuracyLoss }) => accuracyLoss ?? []);
  const worse = losses.filter((loss) => loss > ACCURACY_LOSS_MAX);
  const backs = results.flatMap(({ backMs = [] }) => backMs);
  const unexplained = results.reduce((sum, result) => sum + (result.unexplained ?? 0), 0);
  const reasons = {};
  for (const { exclusions } of results)
    for (const reason of exclusions) reasons[reason] = (reasons[reason] ?? 0) + 1;
  console.log(`${name}, by rule:`);
  for (const rule of new Set(results.map((result) => result.rule))) {
    const own = judged.filter((result) => result.rule === rule).map(({ rateRatio }) => rateRatio);
    const all = results.filter((result) => result.rule === rule).length;
    console.log(
      `  ${rule.padEnd(16)} ${all} schedules, ${own.length} tolerated: pace median ${show(median(own), 2)}, least ${show(own.length === 0 ? undefined : Math.min(...own), 2)}`,
    );
  }
  console.log(`  left out: ${JSON.stringify(reasons)}, ${unexplained} without a reason`);
  if (backs.length > 0)
    console.log(
      `  back after a kill: ${backs.length} times, median ${show(median(backs) / 1000, 1)} s, most ${show(Math.max(...backs) / 1000, 1)} s`,
    );
  console.log(
    `${name}: ${results.length} schedules, ${count('hang')} hangs, ${count('crash')} crashes, ${count('violation')} violations; ` +
      `pace below ${PACE_MIN}: ${slow.length} of ${judged.length}; more than ${ACCURACY_LOSS_MAX} point less: ${worse.length} of ${losses.length}` +
      `; back later than ${BACK_MS_MAX / 1000} s: ${backs.filter((ms) => ms > BACK_MS_MAX).length} of ${backs.length}; ${load()}`,
  );
  return count('hang') + count('crash') + count('violation') + unexplained === 0;
}

const kept =
  values.json !== undefined && existsSync(values.json)
    ? JSON.parse(readFileSync(values.json, 'utf8'))
    : { simulated: [], real: [], calm: {} };
const { simulated, real, calm } = kept;
const keep = () => values.json !== undefined && writeFileSync(values.json, `${JSON.stringify(kept)}\n`);
const isKnownIn = (results) => (at) => results.some(({ index }) => index === at);
const simulatedCount = Number(values.simulated);
const realCount = Number(values.schedules);
if (simulatedCount > 0) {
  await simulatedRuns({
    from: Number(values.from),
    schedules: simulatedCount,
    seed,
    rules,
    isKnown: isKnownIn(simulated),
    onResult: (result) => {
      simulated.push(result);
      if (simulated.length % 50 === 0) keep();
      const isBad = result.outcome !== 'ended' || (result.isJudged && result.rateRatio < PACE_MIN);
      if (isBad)
        console.log(
          `${line(result)}; ${result.where}${result.message === undefined ? '' : `\n  ${result.message}`}`,
        );
    },
  });
}
let isFine = simulated.length === 0 || verdict('virtual time', simulated);
if (realCount > 0) {
  console.log(load());
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-no-stuck-'));
  await realRuns({
    from: Number(values.from),
    schedules: realCount,
    seed,
    rules,
    rounds: Number(values.rounds),
    folder,
    accuracyLossMax: ACCURACY_LOSS_MAX,
    calm,
    isKnown: isKnownIn(real),
    onCalm: keep,
    onResult: (result) => {
      real.push(result);
      keep();
      console.log(line(result));
      if (result.outcome !== 'ended') console.log(result.message);
    },
  });
  rmSync(folder, { recursive: true, force: true });
  for (const [rule, runs] of Object.entries(calm)) {
    const shares = runs.map(({ accuracy }) => accuracy);
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) => (100 * share).toFixed(2));
    console.log(`  without faults, ${rule}: ${runs.length} runs end with ${least} to ${most} %`);
  }
  isFine = verdict('real processes', real) && isFine;
}
keep();
process.exitCode = isFine ? 0 : 1;
